"""The learning rate over time, as a share of its peak: pure functions of the step, so a resumed run loads nothing.

A schedule of one's own is one class below `Schedule`, named by `optim.schedule._target_`; any scheduler of
`torch.optim.lr_scheduler` that goes by the step alone is taken by `TorchSchedule`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from aurl.errors import ConfigError, did_you_mean, require

_WARMUP_STEPS = 100  # where nobody says how many, and the run is long enough
_LR_START = 1 / 25  # of the peak, where one cycle begins; the division factor of torch's OneCycleLR


class Schedule(ABC):
    """The learning rate of each step of a run, as a share of the peak.

    Args:
        warmup_steps: optimiser steps in which the rate rises from 0 to its peak; None for 100, or a quarter of a run
            of less than 400 steps.
        min_ratio: share of the peak at the end of the run, in [0, 1].
        decay_share: share of the run in which a schedule that stays at its peak first then falls, in (0, 1].

    Attributes:
        falls_late: whether it stays at its peak first, so that `decay_share` says something.
    """

    falls_late: ClassVar[bool] = False

    def __init__(
        self, *, warmup_steps: int | None = None, min_ratio: float = 0.1, decay_share: float | None = None
    ) -> None:
        self.warmup_steps, self.min_ratio, self.decay_share = warmup_steps, min_ratio, decay_share

    @abstractmethod
    def share(self, step: int, total: int) -> float:
        """The share of the peak for the update that follows `step` finished ones, in a run of `total`."""

    def check(self, total: int) -> None:
        """Whether it fits into a run of `total` steps.

        Raises:
            ConfigError: it is longer than the run; names the key and both lengths.
        """
        if self.warmup_steps is not None and self.warmup_steps > total:
            raise ConfigError(
                f"optim.warmup_steps={self.warmup_steps}: the run has {total} steps, so the rate would never reach its "
                "peak; give fewer, null for what fits, or train longer (trainer.steps, trainer.epochs)"
            )

    def warmup(self, total: int) -> int:
        """Optimiser steps of the warm-up in a run of `total`."""
        return min(_WARMUP_STEPS, total // 4) if self.warmup_steps is None else self.warmup_steps


class Falling(Schedule):
    """Linear warm-up to the peak, then down to `min_ratio` of it at the end of the run, as the subclass says."""

    @abstractmethod
    def left(self, progress: float) -> float:
        """What is left of the way from the peak down to the floor, 1 at `progress` 0."""

    def share(self, step: int, total: int) -> float:
        warmup = self.warmup(total)
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, total - warmup))
        return self.min_ratio + (1.0 - self.min_ratio) * self.left(progress)


class Cosine(Falling):
    """Half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts)."""

    def left(self, progress: float) -> float:
        return 0.5 * (1.0 + math.cos(math.pi * progress))


class Linear(Falling):
    """A straight line."""

    def left(self, progress: float) -> float:
        return 1.0 - progress


class Constant(Falling):
    """Stays at the peak."""

    def left(self, progress: float) -> float:
        return 1.0


class WSD(Schedule):
    """Warm-up, stable, decay (Hu et al. 2024, arXiv:2404.06395): at the peak until the last `decay_share` of the run.

    The rate falls in proportion to one minus the square root of the way (Hägele et al. 2024, arXiv:2405.18392). A
    checkpoint from before the fall is a good one to train longer from: `resume=RUN trainer.steps=...`.
    """

    falls_late = True

    def share(self, step: int, total: int) -> float:
        warmup, falls = self.warmup(total), self._falls(total)
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, max(0.0, (step - total + falls) / falls))
        return self.min_ratio + (1.0 - self.min_ratio) * (1.0 - math.sqrt(progress))

    def check(self, total: int) -> None:
        super().check(total)
        if (needed := self.warmup(total) + self._falls(total)) > total:
            raise ConfigError(
                f"optim.decay_share={self.decay_share}: with the {self.warmup(total)} steps of optim.warmup_steps it "
                f"takes {needed} steps, the run has {total}; give less of either"
            )

    def _falls(self, total: int) -> int:
        return max(1, round((0.2 if self.decay_share is None else self.decay_share) * total))


class OneCycle(Schedule):
    """One cycle (Smith & Topin 2018, arXiv:1708.07120): up along a cosine from 1/25 of the peak, and down to the floor.

    It rises for `warmup_steps`, or for three tenths of the run where these are not given.
    """

    def share(self, step: int, total: int) -> float:
        top = self.warmup(total)
        if step < top:
            return _along_cosine(_LR_START, 1.0, step / top)
        return _along_cosine(1.0, self.min_ratio, min(1.0, (step - top) / max(1, total - 1 - top)))

    def warmup(self, total: int) -> int:
        return round(0.3 * total) if self.warmup_steps is None else self.warmup_steps


class TorchSchedule(Schedule):
    """Any learning-rate scheduler of torch, or of a trusted package, that goes by the step alone.

    It runs on an optimiser of one weight and the rate 1, so what it gives are shares of the peak; a step that is not
    the next one is reached from the start again, so a resumed run gets the same rates without any state.

    Args:
        scheduler: makes the scheduler of an optimiser: in yaml a node with a `_target_` such as
            `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`, its arguments, and `_partial_: true`.

    Raises:
        ConfigError: the scheduler goes by a metric, or refuses its arguments.
    """

    def __init__(self, *, scheduler: Callable[..., LRScheduler]) -> None:
        super().__init__(warmup_steps=0, min_ratio=0.0)
        self._make = scheduler
        self._begin()

    def share(self, step: int, total: int) -> float:
        if step < self._step:
            self._begin()
        try:
            while self._step < step:
                self._optimizer.step()
                self._scheduler.step()
                self._step += 1
        except ValueError as error:
            raise ConfigError(f"optim.schedule: {error}; the run has {total} steps") from error
        return float(self._optimizer.param_groups[0]["lr"])

    def check(self, total: int) -> None:
        for name in ("total_steps", "T_max"):  # of OneCycleLR, CosineAnnealingLR
            if (length := getattr(self._scheduler, name, total)) > total:
                raise ConfigError(f"optim.schedule.scheduler.{name}={length}: the run has {total} steps; give as many")

    def _begin(self) -> None:
        self._optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        try:
            self._scheduler = self._make(self._optimizer)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"optim.schedule.scheduler: {error}") from error
        if isinstance(self._scheduler, ReduceLROnPlateau):
            raise ConfigError(
                "optim.schedule.scheduler: ReduceLROnPlateau goes by a metric; name one of the step alone"
            )
        self._step = 0


NAMED: Mapping[str, type[Schedule]] = {
    "cosine": Cosine,
    "linear": Linear,
    "constant": Constant,
    "wsd": WSD,
    "one_cycle": OneCycle,
}


def schedule_of(
    given: str | Schedule, *, warmup_steps: int | None, min_lr_ratio: float, decay_share: float | None
) -> Schedule:
    """The schedule of a name, with the run's own numbers; one that is built already has its own and stays as it is.

    Raises:
        ConfigError: there is none of this name, or a number is out of range.
    """
    require("optim.warmup_steps", warmup_steps, warmup_steps is None or warmup_steps >= 0, "null, or 0 or more")
    require("optim.min_lr_ratio", min_lr_ratio, 0 <= min_lr_ratio <= 1, "a number in [0, 1]")
    require("optim.decay_share", decay_share, decay_share is None or 0 < decay_share <= 1, "null or in (0, 1]")
    if isinstance(given, Schedule):
        for key, value in (("warmup_steps", warmup_steps), ("decay_share", decay_share)):
            require(f"optim.{key}", value, value is None, "null: optim.schedule is a class, its own keys say this")
        return given
    if given not in NAMED:
        hint = did_you_mean(given, NAMED)
        raise ConfigError(f"optim.schedule={given}: allowed is {' | '.join(NAMED)}, or a node with a _target_.{hint}")
    late = decay_share is None or NAMED[given].falls_late
    require("optim.decay_share", decay_share, late, f"null with optim.schedule={given}; it belongs to wsd")
    return NAMED[given](warmup_steps=warmup_steps, min_ratio=min_lr_ratio, decay_share=decay_share)


def _along_cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * progress))
