"""A whole run in a few dozen numbers, whatever its length."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aurl.anomaly.statistics.memory import Remembers

_MOST = 96


class Blocks(Remembers):
    """Medians of successive blocks of values; when there are many, neighbours are averaged and blocks double in width.

    So the time scale follows the run: 30 epochs are 10 blocks, a million steps are 48 to 96. O(1) memory and work.

    Attributes:
        medians: of the blocks so far, oldest first.
        width: values in one of them.
        last: the median of the last block of the original size.
        completed: blocks of the original size so far.
        recent: the medians of the last four blocks of the original size.

    Args:
        size: values in a block at first.
    """

    memory = ("size", "width", "era", "medians", "last", "recent", "completed", "_values", "_waiting")

    def __init__(self, size: int = 16) -> None:
        self.era = 0  # of the metric, see `Curve`
        self.size = size
        self.restart()

    def restart(self, size: int = 0) -> None:
        """Begin anew, with blocks of the same size or another one."""
        self.size = self.width = size or self.size
        self.medians: list[float] = []
        self.last = 0.0
        self.recent: list[float] = []
        self.completed = 0
        self._values: list[float] = []
        self._waiting: list[float] = []  # medians of the original size, for the next wide block

    def push(self, value: float) -> bool:
        """Take the next value; True when it completes a block of the original size."""
        self._values.append(value)
        if len(self._values) < self.size:
            return False
        self.last = median(self._values)
        self._values.clear()
        self.completed += 1
        self.recent = [*self.recent[-3:], self.last]
        self._waiting.append(self.last)
        if len(self._waiting) * self.size >= self.width:
            self.medians.append(sum(self._waiting) / len(self._waiting))
            self._waiting.clear()
            if len(self.medians) >= _MOST:
                self.medians = [0.5 * (a + b) for a, b in zip(self.medians[::2], self.medians[1::2], strict=True)]
                self.width *= 2
        return True

    def fill(self, trail: Sequence[float]) -> bool:
        """Make a block of the last values of a trail; False where it has fewer."""
        if len(trail) < self.size:
            return False
        self._values = list(trail[-self.size : -1])
        return self.push(trail[-1])

    @property
    def seen(self) -> int:
        """Values so far, those of an incomplete block left out."""
        return self.completed * self.size


def median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) & 1 else 0.5 * (ordered[half - 1] + ordered[half])


def noise(values: Sequence[float]) -> float:
    """Standard deviation of what is not trend: of independent normal values along any straight line.

    From the median absolute second difference, whose deviation is sqrt(6) times that of a value; 0 for fewer than four.
    """
    if len(values) < 4:
        return 0.0
    bends = [abs(a - 2.0 * b + c) for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return 1.4826 * median(bends) / math.sqrt(6.0)
