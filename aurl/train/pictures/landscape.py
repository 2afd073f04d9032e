"""The loss around the current weights, on a plane of two random directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from aurl.data.module import MusicData
from aurl.errors import ConfigError, at_least
from aurl.show.heatmap import draw_heatmap
from aurl.train.engine import Engine
from aurl.train.pictures.base import Picture, PictureFiles, npz

PIXELS = 440


class Landscape(Picture):
    """Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets" (arXiv:1712.09913), section 4.

    The validation loss at weights w + x d1 + y d2, where d1 and d2 are Gaussian directions whose filters (the rows of
    a matrix) are scaled to the norm of the filter of w that they belong to; vectors (norms, biases) stay. All points
    take the same batch, the first of validation, in eval mode. The directions depend on the seed and the norms of the
    weights alone, so pictures of different steps show the same plane. Weights and buffers are put back bit for bit.
    The picture shows the logarithm of the loss, x to the right and y upwards; the file has the loss itself.

    Args:
        every: evaluations between two; null for one at the end.
        points: points along each side, odd so that the centre is one of them; the cost is points x points forward
            passes.
        span: the plane reaches from -span to span in both directions; 1 is as far as the weights are long.
        seed: of the directions.
        sequences: of the batch at most.

    Raises:
        ConfigError: a value outside its range.
    """

    name = "landscape"

    def __init__(
        self, every: int | None = None, *, points: int = 11, span: float = 1.0, seed: int = 0, sequences: int = 16
    ) -> None:
        super().__init__(every)
        at_least(f"pictures.{self.name}", 3, points=points)
        at_least(f"pictures.{self.name}", 1, sequences=sequences)
        if points % 2 == 0:
            raise ConfigError(f"pictures.landscape.points={points}: needs an odd number, the centre is the weights")
        if not span > 0:
            raise ConfigError(f"pictures.landscape.span={span}: needs to be positive")
        self.points, self.span, self.seed, self.sequences = points, span, seed, sequences

    def draw(self, engine: Engine, data: MusicData) -> PictureFiles:
        """See `Picture.draw`."""
        tokens = next(data.eval_batches("validation", 1)).to(engine.device).tokens[: self.sequences]
        params = engine.model.phase_parameters("generator")
        axis = np.linspace(-self.span, self.span, self.points)
        with restored(engine.model):
            losses = [
                engine.evaluate(iter([tokens]))["loss/total"]
                for _ in plane(params, axis.tolist(), directions(params, self.seed, 2))
            ]
        loss = torch.stack(losses).float().cpu().numpy().reshape(self.points, self.points)
        center = float(loss[self.points // 2, self.points // 2])
        fields = {"seed": self.seed, "span": self.span, "points": self.points, "sequences": len(tokens)}
        with np.errstate(all="ignore"):
            picture = draw_heatmap(np.log(loss[::-1]), PIXELS, contours=14)
        return PictureFiles({".npz": npz(x=axis, y=axis, loss=loss), ".png": picture}, {**fields, "center": center})


def directions(params: Sequence[nn.Parameter], seed: int, count: int) -> list[list[Tensor]]:
    """Filter-normalised random directions, each a tensor for every parameter; zero for vectors.

    They are drawn on the CPU, so that every device gives the same plane.
    """
    generator = torch.Generator().manual_seed(seed)
    return [[_normalised(p.detach(), generator) for p in params] for _ in range(count)]


def _normalised(weight: Tensor, generator: torch.Generator) -> Tensor:
    if weight.ndim < 2:
        return torch.zeros_like(weight)
    drawn = torch.randn(weight.shape, generator=generator).to(weight)
    wanted, given = weight.flatten(1).norm(dim=1), drawn.flatten(1).norm(dim=1)
    scale = wanted / given.clamp_min(torch.finfo(weight.dtype).tiny)
    scaled: Tensor = drawn * scale.reshape(-1, *[1] * (weight.ndim - 1))
    return scaled


@torch.no_grad()
def plane(
    params: Sequence[nn.Parameter], axis: Sequence[float], along: Sequence[Sequence[Tensor]]
) -> Iterator[tuple[float, float]]:
    """Moves the parameters to each point (x, y) of the plane in turn, row after row from the lowest y."""
    weights = [p.detach().clone() for p in params]
    targets = [p.detach() for p in params]
    for y in axis:
        for x in axis:
            torch._foreach_copy_(targets, weights)
            torch._foreach_add_(targets, list(along[0]), alpha=x)
            torch._foreach_add_(targets, list(along[1]), alpha=y)
            yield x, y


@contextmanager
@torch.no_grad()
def restored(model: nn.Module) -> Iterator[None]:
    """Whatever happens inside, parameters and buffers hold the same bits afterwards."""
    kept = [(tensor, tensor.detach().clone()) for tensor in (*model.parameters(), *model.buffers())]
    try:
        yield
    finally:
        for tensor, before in kept:
            tensor.detach().copy_(before)
