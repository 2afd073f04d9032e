"""How fast training goes, and how much of it is waiting for data: the last step as it was, rates over a window."""

from __future__ import annotations

import math
from collections import deque

from aurl.errors import ConfigError


class Throughput:
    """Times of the last step, rates over the last few; constant work and memory per step.

    The times are not smoothed, so that a detector sees a single stall. Rates are sums over sums (sequences of the
    window / seconds of the window), not means of rates, so short steps do not count too much.

    Args:
        window: steps looked back on.

    Raises:
        ConfigError: `window` is below 1.
    """

    def __init__(self, window: int = 20) -> None:
        if window < 1:
            raise ConfigError(f"throughput window={window}: at least 1 step")
        # Totals since the start, one more than steps: differences of totals neither drift nor need a sum.
        self._totals: deque[tuple[float, float, int, int]] = deque([(0.0, 0.0, 0, 0)], maxlen=window + 1)

    def update(self, seconds: float, waiting: float, sequences: int, tokens: int) -> None:
        """Take one step.

        Args:
            seconds: wall time of the whole step, waiting included.
            waiting: seconds of it spent waiting for the next batch.
            sequences: sequences of the step, over all accumulated micro-batches.
            tokens: tokens of the step, padding left out.
        """
        last = self._totals[-1]
        seconds, waiting = last[0] + _duration(seconds), last[1] + _duration(waiting)
        self._totals.append((seconds, waiting, last[2] + sequences, last[3] + tokens))

    def scalars(self) -> dict[str, float]:
        """What to log of the last step; nothing before the first.

        `time/step` and `time/data`, the seconds of the last step; over the window `time/data_share` (0 to 1),
        `throughput/samples` and `throughput/tokens` (per second), left out while no time has passed.
        """
        if len(self._totals) < 2:
            return {}
        now, last, before = self._totals[-1], self._totals[-2], self._totals[0]
        spent, waited = now[0] - before[0], now[1] - before[1]
        scalars = {"time/step": now[0] - last[0], "time/data": now[1] - last[1]}
        if spent > 0:
            scalars["time/data_share"] = min(1.0, waited / spent)
            scalars["throughput/samples"] = (now[2] - before[2]) / spent
            scalars["throughput/tokens"] = (now[3] - before[3]) / spent
        return scalars


def _duration(seconds: float) -> float:
    # A wall clock set back gives a negative step; it must not spoil the totals for good.
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
