"""Is a stretch of a curve still going anywhere? Answered with the error of the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from aurl.anomaly.blocks import median, noise

_MEDIAN_ERROR = 1.25  # standard error of a median over that of a mean, normal distribution


class Fall(NamedTuple):
    """How far a curve fell over a stretch, in its own unit, and the standard error of that."""

    size: float
    error: float

    @property
    def at_most(self) -> float:
        """Upper end of the 95 % interval."""
        return self.size + 2.0 * self.error


def fall(medians: Sequence[float]) -> Fall:
    """Median of the first third of a stretch minus that of the last third; needs at least 3 values."""
    third = max(1, len(medians) // 3)
    size = median(medians[:third]) - median(medians[-third:])
    return Fall(size, _MEDIAN_ERROR * noise(medians) * math.sqrt(2.0 / third))
