"""Faults in learning rates, in the weight of the KL, and in who is updated."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.optim import Optimizer

from aurl.models.vae import VAE
from benchmarks.injection.fault import Fault
from benchmarks.injection.schedules import linear

Optimizers = Mapping[str, Optimizer]


class Rate(Fault):
    """The learning rate is so many times the planned one from the onset on.

    Args:
        lasts: for so many steps; None to the end.
    """

    def __init__(self, onset: int, factor: float, lasts: int | None = None) -> None:
        super().__init__(onset)
        self._factor, self._lasts = factor, lasts

    def rate(self, step: int, phase: str) -> float:
        over = self._lasts is not None and step >= self.onset + self._lasts
        return self._factor if self.is_due(step) and not over else 1.0


class SteppedTwice(Fault):
    """The scheduler steps twice per step, so a linear decay is over at half of the run; the fault is due from there.

    Args:
        steps: of the plan.
    """

    def __init__(self, onset: int, steps: int) -> None:
        super().__init__(onset)
        self._steps = steps

    def rate(self, step: int, phase: str) -> float:
        planned = linear(step - 1, self._steps)
        return linear(2 * (step - 1), self._steps) / planned


class Momentum(Fault):
    """The momentum of SGD is 0.999: a digit too many, so that updates overshoot and come back."""

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset:
            for group in optimizers["generator"].param_groups:
                group["momentum"] = 0.999


class NoUpdates(Fault):
    """The optimiser's step is skipped: the branch that should call it is never taken."""

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset:
            for optimizer in optimizers.values():
                setattr(optimizer, "step", _nothing)  # noqa: B010  mypy forbids the plain assignment


class KlWeight(Fault):
    """The weight of the KL divergence is `factor` times the configured one."""

    def __init__(self, onset: int, factor: float = 60.0) -> None:
        super().__init__(onset)
        self._factor = factor

    def kl_weight(self, step: int) -> float:
        return self._factor if self.is_due(step) else 1.0

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step == self.onset and isinstance(model, VAE):
            model.beta *= self._factor


class StrongJudge(Fault):
    """The discriminator learns five times as fast; the generator loses what it knew, and stands still.

    Args:
        keep: share of the generator's weights that is left.
        noise: put on them, in standard deviations of each weight.
    """

    def __init__(self, onset: int, keep: float = 1.0, noise: float = 0.0) -> None:
        super().__init__(onset)
        self._keep, self._noise = keep, noise

    def rate(self, step: int, phase: str) -> float:
        if not self.is_due(step):
            return 1.0
        return 5.0 if phase == "discriminator" else 1e-3

    @torch.no_grad()
    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if step != self.onset:
            return
        for parameter in (one for group in optimizers["generator"].param_groups for one in group["params"]):
            noise = torch.randn(parameter.shape, generator=self.random) * parameter.std().nan_to_num(0.0)
            parameter.mul_(self._keep).add_(self._noise * noise)


class RunawayMaker(Fault):
    """The discriminator stops learning and the generator learns `factor` times as fast: it goes where it is praised."""

    def __init__(self, onset: int, factor: float) -> None:
        super().__init__(onset)
        self._factor = factor

    def rate(self, step: int, phase: str) -> float:
        if not self.is_due(step):
            return 1.0
        return 0.0 if phase == "discriminator" else self._factor


def _nothing() -> None:
    """In place of an optimiser's step."""
