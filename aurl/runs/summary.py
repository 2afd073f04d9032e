"""What `run.json` keeps of each scalar, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aurl.scalars import Better, describe


@dataclass(slots=True)
class ScalarSummary:
    """Statistics of the values of one scalar so far.

    Attributes:
        better: which direction counts as better; with "neither" there is no best.
        last: the newest value; None before the first, and while it is NaN or infinite.
        best, best_step: the best finite value, and the step at which it was reached first.
        min, max, mean, count: over finite values; None (count 0) before the first.
        nonfinite: how many values were NaN or infinite.
    """

    better: Better
    last: float | None = None
    best: float | None = None
    best_step: int | None = None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    count: int = 0
    nonfinite: int = 0

    def add(self, value: float, step: int) -> None:
        """Take one more value."""
        if not math.isfinite(value):
            self.last = None
            self.nonfinite += 1
            return
        self.last = value
        self.count += 1
        if self.min is None or self.max is None or self.mean is None:
            self.min = self.max = self.mean = value
        else:
            self.min = min(self.min, value)
            self.max = max(self.max, value)
            self.mean += value / self.count - self.mean / self.count  # divided first: the difference may overflow
        if self._is_best(value):
            self.best, self.best_step = value, step

    def as_json(self) -> dict[str, float | None]:
        """The statistics as `run.json` has them, without the direction."""
        return {name: getattr(self, name) for name in _SAVED}

    def _is_best(self, value: float) -> bool:
        if self.better == "neither":
            return False
        return self.best is None or (value < self.best if self.better == "lower" else value > self.best)


_SAVED = ("last", "best", "best_step", "min", "max", "mean", "count", "nonfinite")


def summary_of(name: str, saved: Mapping[str, Any] | None = None) -> ScalarSummary:
    """An empty summary of the scalar of this name, or the one that `as_json` gave."""
    known = {key: saved[key] for key in _SAVED if key in saved} if saved else {}
    return ScalarSummary(describe(name).better, **known)
