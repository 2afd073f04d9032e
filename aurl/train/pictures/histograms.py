"""Histograms of weights, gradients and updates, in TensorFlow's default buckets."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aurl.data.module import MusicData
from aurl.train.engine import Engine
from aurl.train.pictures.base import Picture, PictureFiles, npz

SMALLEST, RATIO = 1e-12, 1.1


class Histogram(NamedTuple):
    """How N finite values spread.

    Attributes:
        limits: float64 [K], right edges of the buckets (a value on an edge belongs to the next bucket).
        counts: float64 [K]; of empty buckets side by side only the last is kept.
        stats: min, max, number, sum and sum of squares; all 0 without a finite value.
        nonfinite: values that are NaN or infinite.
    """

    limits: NDArray[np.float64]
    counts: NDArray[np.float64]
    stats: tuple[float, float, float, float, float]
    nonfinite: int


class Histograms(Picture):
    """Of every parameter the weights, the gradients of the last step (after clipping) and what that step changed.

    Weights are copied before a step whose evaluation shows them, which is the one cost outside evaluations.

    Args:
        every: evaluations between two.
    """

    name = "histograms"

    def __init__(self, every: int | None = 1) -> None:
        super().__init__(every)
        self._before: list[Tensor] = []

    def before_step(self, engine: Engine) -> None:
        """Keep the weights, to tell what the step changes."""
        self._before = [p.detach().clone() for p in engine.model.parameters()]

    @torch.no_grad()
    def draw(self, engine: Engine, data: MusicData) -> PictureFiles:
        """See `Picture.draw`."""
        before, self._before = self._before, []
        tensors: dict[str, Tensor] = {}
        for name, p in engine.model.named_parameters():
            tensors[f"weights/{name}"] = p
        for name, p in engine.model.named_parameters():
            if p.grad is not None:
                tensors[f"gradients/{name}"] = p.grad
        for (name, p), old in zip(engine.model.named_parameters(), before, strict=False):
            tensors[f"updates/{name}"] = p - old
        found = [measure(tensor) for tensor in tensors.values()]
        content = npz(
            names=np.array(list(tensors)),
            offsets=np.cumsum([0, *(len(each.limits) for each in found)]),
            limits=np.concatenate([each.limits for each in found]),
            counts=np.concatenate([each.counts for each in found]),
            stats=np.array([each.stats for each in found]),
            nonfinite=np.array([each.nonfinite for each in found]),
        )
        return PictureFiles({".npz": content})


def measure(values: Tensor) -> Histogram:
    """The histogram of a tensor of any shape, counted on its device.

    Raises:
        ValueError: the tensor is complex.
    """
    if values.is_complex():
        raise ValueError("a histogram needs real values")
    flat = values.detach().flatten()
    flat = flat if flat.dtype == torch.float64 else flat.float()
    # A sum of squares is finite where all values are, and costs a fifth of looking at each.
    finite = flat if _square(flat).isfinite() else flat[flat.isfinite()]
    if not len(finite):
        return Histogram(np.empty(0), np.empty(0), (0.0,) * 5, len(flat))
    limits = bucket_limits()
    counts = torch.bincount(_buckets(finite), minlength=len(limits)).cpu().numpy().astype(np.float64)
    least, greatest = finite.aminmax()
    found = [least.double(), greatest.double(), finite.sum(dtype=torch.float64), _square(finite)]
    low, high, total, squares = torch.stack(found).tolist()
    kept = (counts > 0) | np.append(counts[1:] > 0, False)  # an edge on either side of what is not empty
    stats = (low, high, float(len(finite)), total, squares)
    return Histogram(limits[kept], counts[kept], stats, len(flat) - len(finite))


def _square(values: Tensor) -> Tensor:
    """The sum of squares, in float64."""
    norm: Tensor = torch.linalg.vector_norm(values, dtype=torch.float64)
    return norm.square()


def _buckets(values: Tensor) -> Tensor:
    """Each value's place in `bucket_limits()`, by its logarithm: nine times faster than a search, and a value within
    rounding of an edge may fall on its other side."""
    half = len(bucket_limits()) // 2  # where 0 stands
    steps = values.abs().log_().sub_(math.log(SMALLEST)).mul_(1 / math.log(RATIO)).floor_().clamp_(-1, half - 2)
    # From half + 1 upwards for what is not negative, from half downwards for what is.
    return steps.add_(1.5).copysign_(values + 0.0).add_(half + 0.5).long().clamp_(max=2 * half)


@cache
def bucket_limits() -> NDArray[np.float64]:
    """Right edges, 10% apart from 1e-12 to 1e20, mirrored and with 0: `InitDefaultBuckets` in TensorFlow's
    lib/histogram/histogram.cc."""
    positive = []
    edge = SMALLEST
    while edge < 1e20:
        positive.append(edge)
        edge *= RATIO
    positive.append(np.finfo(np.float64).max)
    return np.array([-value for value in reversed(positive)] + [0.0] + positive)
