"""How many seeds it would take."""

from __future__ import annotations

import math
from bisect import bisect_left

from aurl.compare.statistics.family import ALPHA

SMALLEST_EFFECT = 0.1  # below a tenth of the noise the answer would be thousands of runs
MOST = 1_000
_POWER = 0.8
_LARGEST_EFFECT = 20.0


def power(effect: float, n: int, alpha: float) -> float:
    """The chance that a two-sided t test of n runs on each side shows a difference of this many standard deviations.

    By the noncentral t of SciPy (`scipy.special.nctdtr`), as statsmodels' `TTestIndPower.power` has it, which takes a
    second to import.
    """
    from scipy.special import nctdtr, stdtrit

    df, shift = 2 * n - 2, effect * math.sqrt(n / 2)
    critical = stdtrit(df, 1 - alpha / 2)
    return float(1 - nctdtr(df, shift, critical) + nctdtr(df, shift, -critical))


def seeds_needed(effect: float, pairs: int) -> int | None:
    """Runs on each side that show a difference of this size with power 0.8.

    A rough guide: it takes the observed difference for the true one, and Bonferroni for the family.

    Args:
        effect: size of the difference, in standard deviations of the noise.
        pairs: how many differences are tested.

    Returns:
        None for an effect below a tenth, and where more than a thousand would be needed.
    """
    if not math.isfinite(effect) or effect < SMALLEST_EFFECT:
        return None
    alpha = ALPHA / max(1, pairs)
    counts = range(2, MOST + 1)
    found = bisect_left(counts, _POWER, key=lambda n: power(min(effect, _LARGEST_EFFECT), n, alpha))
    return counts[found] if found < len(counts) else None
