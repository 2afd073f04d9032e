"""Is a stretch of a curve still going anywhere? Answered with the error of the answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from aurl.anomaly.statistics.blocks import noise


class Fall(NamedTuple):
    """How far a curve fell over a stretch, in its own unit, and the standard error of that."""

    size: float
    error: float

    @property
    def at_most(self) -> float:
        """Upper end of the 95 % interval."""
        return self.size + 2.0 * self.error


def fall(values: Sequence[float]) -> Fall:
    """Mean of the first third of a stretch minus that of the last third; needs at least one value.

    The error is that of two means of independent values with the noise of these, trend left out.
    """
    third = max(1, len(values) // 3)
    size = fmean(values[:third]) - fmean(values[-third:])
    return Fall(size, noise(values) * math.sqrt(2.0 / third))
