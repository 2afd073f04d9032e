"""Scores that come several to a step, one for each sample: their mean for each round, and how sure it is."""

from __future__ import annotations

import math

from aurl.anomaly.statistics.memory import Remembers

_MOST = 1e300  # so that no sum overflows


class Rounds(Remembers):
    """Means of the values that share a step; a round is over when a later step is seen.

    Attributes:
        means: of the rounds so far, the last 64.
        errors: the standard error of each, s / sqrt(n) with the standard deviation s of its n values; 0 for one value.
        steps: when each was.
    """

    memory = ("means", "errors", "steps", "_step", "_sum", "_squares", "_count")

    def __init__(self) -> None:
        self.means: list[float] = []
        self.errors: list[float] = []
        self.steps: list[int] = []
        self._step = -1
        self._sum = 0.0
        self._squares = 0.0  # of the differences from the mean
        self._count = 0

    def push(self, step: int, value: float | None) -> bool:
        """Take a value, or just the news of a step; True when that ends a round."""
        ended = self._count > 0 and step > self._step
        if ended:
            self.means = [*self.means[-63:], self._sum / self._count]
            self.errors = [*self.errors[-63:], math.sqrt(self._squares / max(1, self._count - 1) / self._count)]
            self.steps = [*self.steps[-63:], self._step]
            self._sum, self._squares, self._count = 0.0, 0.0, 0
        if value is not None:
            self._step = step
            self._take(max(-_MOST, min(_MOST, value)))
        return ended

    def _take(self, value: float) -> None:
        """Welford's update: Technometrics 4, 1962."""
        away = value - self._sum / self._count if self._count else 0.0
        self._squares += min(_MOST, away * away * self._count / (self._count + 1))
        self._sum += value
        self._count += 1
