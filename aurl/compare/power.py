"""How many seeds it would take."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache

from aurl.compare.family import ALPHA

SMALLEST_EFFECT = 0.1  # below a tenth of the noise the answer would be thousands of runs
MOST = 1_000
_POWER = 0.8


def seeds_needed(effect: float, pairs: int) -> int | None:
    """Runs on each side that show a difference of this size with power 0.8 (statsmodels' `TTestIndPower`).

    A rough guide: it takes the observed difference for the true one, and Bonferroni for the family.

    Args:
        effect: size of the difference, in standard deviations of the noise.
        pairs: how many differences are tested.

    Returns:
        None for an effect below a tenth, and where more than a thousand would be needed.
    """
    if not math.isfinite(effect) or effect < SMALLEST_EFFECT:
        return None
    return _solve(round(min(effect, 20.0), 3), max(1, pairs))


@lru_cache(maxsize=4096)
def _solve(effect: float, pairs: int) -> int | None:
    """The smallest count by bisection: `TTestIndPower.solve_power` does not converge for small answers."""
    from statsmodels.stats.power import TTestIndPower

    power = TTestIndPower()
    counts = range(2, MOST + 1)
    found = bisect_left(counts, _POWER, key=lambda n: float(power.power(effect, n, ALPHA / pairs)))
    return counts[found] if found < len(counts) else None
