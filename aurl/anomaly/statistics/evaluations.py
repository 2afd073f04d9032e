"""The validation losses of a run: how far they lie above their best, for how long, and what training did meanwhile."""

from __future__ import annotations

import math
from enum import StrEnum
from itertools import pairwise

from aurl.anomaly.statistics.blocks import median, noise
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.memory import Remembers

_KEPT = 32
_SMOOTH = 3  # evaluations whose median is judged: one odd one is nothing
_RISE, _FAST = 0.10, 0.25  # in log, above the best
_FEWEST = 6  # evaluations, before which their noise is not known
_HEALED = 1.2  # times what was healed before
_NOISES, _NOISES_OF = 3.0, 12
_BACK, _BACK_BY = 4, 0.02  # evaluations ago, and how much higher it was then
_SWING = math.log(2.5)
_LEVEL = 16  # training losses
_MOVED = 0.01
_MEDIAN_ERROR = 1.25 * math.sqrt(2.0 / _LEVEL)  # of the difference of two medians of so many values
_HIGHER_RATE = 1.5


class TrainingLoss(StrEnum):
    """What the training loss did since the best evaluation."""

    FALLS = "falls"
    RISES = "rises"
    UNKNOWN = "unknown"


class Evaluations(Remembers):
    """Logs of validation losses above 0, and the training loss beside each; O(1) for each.

    Attributes:
        values: the last 32, oldest first; `steps` their steps.
        count: how many there were.
        first: the first of all.
        best: the lowest median of three; `best_step` its step.
        rise: how far the median of the last three lies above it.
    """

    memory = (
        "values", "steps", "count", "first", "best", "best_step", "rise", "_rises", "_excesses", "_healed",
        "_train_at_best", "_seen_at_best", "_rate_at_best", "_rate",
    )  # fmt: skip

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew, as after the run went back."""
        self.values: list[float] = []
        self.steps: list[int] = []
        self.count = self.best_step = 0
        self.first = self.best = self.rise = 0.0
        self._healed = 0.0  # the largest rise from which it came back to a new best, as after a warm restart
        self._rises: list[float] = []  # since the best
        self._excesses: list[float] = []  # the same in units of what is clearly above
        self._train_at_best = math.nan
        self._seen_at_best = 0
        self._rate: float | None = None
        self._rate_at_best: float | None = None

    def push(self, step: int, value: float, training: Curve | None, rate: float | None) -> None:
        """Take a validation loss above 0.

        Args:
            training: statistics of the training loss.
            rate: the learning rate.
        """
        y = math.log(value)
        self.values = [*self.values[1 - _KEPT :], y]
        self.steps = [*self.steps[1 - _KEPT :], step]
        self.count += 1
        self._rate = rate
        smooth = median(self.values[-_SMOOTH:])
        if self.count == 1:
            self.first = y
        if self.count <= _SMOOTH or smooth < self.best:  # the first of all may be anything
            self._healed = max(self._healed, max(self._rises, default=0.0) if len(self._rises) >= _SMOOTH else 0.0)
            self.best, self.best_step, self.rise, self._rises, self._excesses = smooth, step, 0.0, [], []
            self._train_at_best, self._seen_at_best = _level(training), training.seen if training is not None else 0
            self._rate_at_best = rate
            return
        self.rise = smooth - self.best
        counted = 0.0 if self._comes_back(smooth) else self.rise
        needed = max(_RISE, _NOISES * noise(self.values[-_NOISES_OF:]), _HEALED * self._healed)
        self._rises = [*self._rises[1 - _KEPT :], counted]
        self._excesses = [*self._excesses[1 - _KEPT :], counted / needed]

    def lasts(self, confirm: int, scale: float = 1.0) -> bool:
        """Whether it has lain above its best for long enough: one evaluation fewer where it is a quarter above.

        Clearly above is a tenth and three times the noise of evaluations.

        Args:
            confirm: evaluations in a row.
            scale: of all that, 1 for the usual.
        """
        if self.count < _FEWEST:
            return False
        clearly = len(self._excesses) >= confirm and min(self._excesses[-confirm:]) > scale
        sooner = max(1, confirm - 1)
        soon = len(self._excesses) >= sooner and min(self._excesses[-sooner:]) > scale
        return clearly or (soon and self._rises[-1] > scale * max(_FAST, _HEALED * self._healed))

    def training(self, curve: Curve | None) -> TrainingLoss:
        """What the training loss did since the best evaluation; a standstill counts as a fall."""
        if curve is None or curve.seen <= self._seen_at_best or math.isnan(self._train_at_best):
            return TrainingLoss.UNKNOWN
        moved = _level(curve) - self._train_at_best
        return TrainingLoss.RISES if moved > max(_MOVED, _MEDIAN_ERROR * curve.spread) else TrainingLoss.FALLS

    @property
    def rate_rose(self) -> bool:
        """Whether the learning rate is clearly higher than at the best evaluation, as after a warm restart."""
        return bool(self._rate and self._rate_at_best) and (self._rate or 0) > _HIGHER_RATE * (self._rate_at_best or 0)

    @property
    def swings(self) -> bool:
        """Up and down by more than a factor 2.5 within the last evaluations: that is instability."""
        recent = self.values[-_NOISES_OF:]
        steps = [b - a for a, b in pairwise(recent)]
        return bool(steps) and max(steps) > _SWING and min(steps) < -_SWING

    def _comes_back(self, smooth: float) -> bool:
        """It is still on its way down from something worse, as after a blow-up."""
        return len(self.values) >= _BACK + 3 and smooth < median(self.values[-_BACK - 3 : -_BACK]) - _BACK_BY


def _level(curve: Curve | None) -> float:
    return median(curve.trail[-_LEVEL:]) if curve is not None and curve.trail else math.nan
