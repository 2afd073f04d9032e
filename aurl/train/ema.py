"""Averaged weights: what a model is judged by is smoother than the last step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from aurl.errors import ConfigError
from aurl.train.part import Part, Training


class EMA(Part):
    """An exponential moving average of the weights, with which the model is evaluated, pictured and sampled.

    After each step `average += (1 - decay) * (weight - average)` (Kingma & Ba 2015, arXiv:1412.6980, section 7.2),
    where the decay of step n is at most (1 + n) / (10 + n), so that the average is not held back by the first weights.
    Checkpoints hold the trained weights and the average beside them. The average costs one pass over the weights a step
    and as much memory as they do.

    Args:
        decay: in (0, 1); 0.999 averages over about the last 1,000 steps.

    Raises:
        ConfigError: `decay` out of range.
    """

    def __init__(self, *, decay: float = 0.999) -> None:
        if not 0 < decay < 1:
            raise ConfigError(f"parts.ema.decay={decay}: allowed is a number in (0, 1), such as 0.999")
        self.decay = decay

    def begin(self, training: Training) -> None:
        super().begin(training)
        self._weights = {name: weight.detach() for name, weight in training.engine.model.named_parameters()}
        self._average = {name: weight.clone() for name, weight in self._weights.items()}

    @torch.no_grad()
    def after_step(self, metrics: Mapping[str, Any]) -> None:
        steps = self.training.step
        decay = min(self.decay, (1 + steps) / (10 + steps))
        torch._foreach_lerp_(list(self._average.values()), list(self._weights.values()), 1 - decay)

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def tensors(self) -> Mapping[str, Tensor]:
        return self._average

    @torch.no_grad()
    def _swap(self) -> None:
        weights, averages = list(self._weights.values()), list(self._average.values())
        kept = [weight.clone() for weight in weights]
        torch._foreach_copy_(weights, averages)
        torch._foreach_copy_(averages, kept)
