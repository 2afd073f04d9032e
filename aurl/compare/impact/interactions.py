"""Which pairs of settings act together, by two checks that must agree.

One is the surrogate's second-order Sobol index, whose interval must lie above a trifle; the other is a nested F test of
the product of the two in a linear model, Holm-adjusted over all pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import f as fdist

from aurl.compare.impact.sensitivity import Sensitivity
from aurl.compare.impact.sobol import pair_index
from aurl.compare.search_space import Category, Parameter, Setting
from aurl.compare.statistics.holm import holm
from aurl.show.arrays import Floats

LEVEL = 0.05
LEAST_SHARE = 0.005
_FEWEST_SPARE = 5
METHOD = "second-order Sobol index, and nested F test (numpy.linalg.lstsq, scipy.stats.f) with Holm"


@dataclass(frozen=True, slots=True)
class Interaction:
    """Two parameters that act together.

    Attributes:
        names: the two.
        share: of the metric's variance, explained by the two only together; `low`, `high` its 95 % interval.
        p: nested F test, Holm-adjusted.
    """

    names: tuple[str, str]
    share: float
    low: float
    high: float
    p: float


def interactions(found: Sensitivity, columns: Mapping[str, Sequence[Setting]], y: Floats) -> list[Interaction]:
    """The pairs that both checks find, largest share first; none where the runs are too few for the F tests."""
    parameters = found.space.parameters
    confirmed: list[Interaction] = []
    for pair, p in product_tests(parameters, columns, y).items():
        if p >= LEVEL:
            continue
        share = float(pair_index(found.mean, found.space, pair)[0])
        low, high = np.quantile(pair_index(found.draws, found.space, pair), (0.025, 0.975)).tolist()
        if low > LEAST_SHARE:
            names = parameters[pair[0]].name, parameters[pair[1]].name
            confirmed.append(Interaction(names, share, low, max(high, share), p))
    return sorted(confirmed, key=lambda one: -one.share)


def product_tests(
    parameters: Sequence[Parameter], columns: Mapping[str, Sequence[Setting]], y: Floats
) -> dict[tuple[int, int], float]:
    """Holm-adjusted p values of each pair's product beyond the effects of all settings alone; empty with few runs.

    A number enters with its square, a category with an indicator a level.
    """
    slopes = [_slopes(parameter, columns[parameter.name]) for parameter in parameters]
    alone = np.hstack([np.ones((len(y), 1)), *slopes, *map(_curves, slopes)])
    base, base_rank = _residual(alone, y)
    pairs: dict[tuple[int, int], float] = {}
    for first, second in combinations(range(len(parameters)), 2):
        products = (slopes[first][:, :, None] * slopes[second][:, None, :]).reshape(len(y), -1)
        rest, rank = _residual(np.hstack([alone, products]), y)
        if len(y) - rank >= _FEWEST_SPARE and rank > base_rank and rest > 0:
            f = (base - rest) / (rank - base_rank) / (rest / (len(y) - rank))
            pairs[first, second] = float(fdist.sf(f, rank - base_rank, len(y) - rank))
    if not pairs:
        return {}
    return dict(zip(pairs, holm([*pairs.values()]), strict=True))


def _residual(design: Floats, y: Floats) -> tuple[float, int]:
    """The sum of squares that least squares leave, and the rank of the design: columns may repeat one another."""
    solution, _, rank, _ = np.linalg.lstsq(design, y, rcond=1e-10)
    return float(((y - design @ solution) ** 2).sum()), int(rank)


def _slopes(parameter: Parameter, settings: Sequence[Setting]) -> Floats:
    """Centred columns [N, 1], of a category [N, levels - 1]."""
    encoded = parameter.encode(settings)
    columns = encoded[:, 1:] if isinstance(parameter, Category) else encoded
    centred: Floats = columns - columns.mean(axis=0)
    return centred


def _curves(slopes: Floats) -> Floats:
    """The square of a number's column where it has three values or more; of a category none."""
    enough = slopes.shape[1] == 1 and len(np.unique(slopes.round(9))) > 2
    return slopes**2 if enough else slopes[:, :0]
