"""Optimisers and the learning-rate schedule."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import nn

from aurl.errors import require

Schedule = Literal["cosine", "linear", "constant"]
_DECAY: dict[str, Callable[[float], float]] = {
    "cosine": lambda progress: 0.5 * (1.0 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1.0 - progress,
    "constant": lambda progress: 1.0,
}


class Optimisation(ABC):
    """One optimiser for each phase of a model, and the learning rate over time: the node `optim` of a config."""

    @abstractmethod
    def build(self, parameters: Sequence[nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """The optimiser of a phase's parameters; it honours `found_inf`, as torch's fused ones do."""

    @abstractmethod
    def lr_at(self, step: int, total: int, phase: str = "generator") -> float:
        """The learning rate of the update that follows `step` finished ones, in a run of `total`."""


class AdamW(Optimisation):
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) with linear warm-up and decay, one optimiser per phase.

    Weight decay applies to matrices only, not to biases, gains and embeddings of one dimension.

    Args:
        lr: peak learning rate of the generator phase, > 0.
        discriminator_lr: that of the discriminator phase; null for the same.
        betas: decay of the gradient's first and second moment.
        eps: added to the denominator.
        weight_decay: decoupled, >= 0.
        warmup_steps: optimiser steps in which the rate rises from 0 to its peak.
        schedule: how it falls from there to `min_lr_ratio` of the peak at the end of the run.
    """

    def __init__(
        self,
        *,
        lr: float = 3e-4,
        discriminator_lr: float | None = None,
        betas: Sequence[float] = (0.9, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        warmup_steps: int = 100,
        schedule: Schedule = "cosine",
        min_lr_ratio: float = 0.1,
    ) -> None:
        require("optim.lr", lr, lr > 0, "a number above 0")
        own = discriminator_lr is None or discriminator_lr > 0
        require("optim.discriminator_lr", discriminator_lr, own, "null or above 0")
        require("optim.betas", list(betas), len(betas) == 2 and all(0 <= b < 1 for b in betas), "two numbers in [0, 1)")
        require("optim.weight_decay", weight_decay, weight_decay >= 0, "0 or more")
        require("optim.warmup_steps", warmup_steps, warmup_steps >= 0, "0 or more")
        require("optim.schedule", schedule, schedule in _DECAY, " | ".join(_DECAY))
        require("optim.min_lr_ratio", min_lr_ratio, 0 <= min_lr_ratio <= 1, "a number in [0, 1]")
        self.peaks = {"generator": lr, "discriminator": discriminator_lr or lr}
        self.betas, self.eps, self.weight_decay = (betas[0], betas[1]), eps, weight_decay
        self.warmup_steps, self.schedule, self.min_lr_ratio = warmup_steps, schedule, min_lr_ratio

    def build(self, parameters: Sequence[nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """The optimiser of a phase's parameters."""
        matrices = [p for p in parameters if p.ndim >= 2]
        vectors = [p for p in parameters if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": self.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        return torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=self.peaks[phase],
            betas=self.betas,
            eps=self.eps,
            fused=True,  # one pass over the weights: several times faster than the loop, on the CPU too
        )

    def lr_at(self, step: int, total: int, phase: str = "generator") -> float:
        """The learning rate of the update that follows `step` finished ones, in a run of `total`."""
        peak = self.peaks[phase]
        if step < self.warmup_steps:
            return peak * (step + 1) / self.warmup_steps
        span = max(1, total - self.warmup_steps)
        progress = min(1.0, (step - self.warmup_steps) / span)
        return peak * (self.min_lr_ratio + (1.0 - self.min_lr_ratio) * _DECAY[self.schedule](progress))
