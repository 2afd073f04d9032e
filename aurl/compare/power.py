"""How many seeds it would take."""

from __future__ import annotations

import math
import warnings
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
    from statsmodels.stats.power import TTestIndPower

    alpha = ALPHA / pairs
    power = TTestIndPower()
    if power.power(effect, 2, alpha) >= _POWER:
        return 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the solver does not converge it says so and returns what it has
        found = power.solve_power(effect_size=effect, alpha=alpha, power=_POWER)
    count = math.ceil(float(found.item() if hasattr(found, "item") else found))
    return count if count <= MOST else None
