"""What to bear in mind about a sweep's settings: where runs were placed, and which settings moved together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from aurl.compare.search_space import Setting, is_number, space_of
from aurl.compare.statistics.holm import holm
from aurl.show.wording import shortened

MOST_LISTED = 5
_ENTANGLED, _FEWEST = 0.8, 8
_BINS = 10
_LEVEL = 0.05
Columns = Mapping[str, Sequence[Setting]]


def adaptive(columns: Columns) -> list[str]:
    """Whether later runs were placed elsewhere than earlier ones, as adaptive samplers do; runs come in their order."""
    from scipy.stats import ks_2samp

    searched = {name: np.array(settings, float) for name, settings in columns.items() if _is_searched(settings)}
    if not searched:
        return []
    half = len(next(iter(searched.values()))) // 2
    p = [float(ks_2samp(values[:half], values[half:]).pvalue) for values in searched.values()]
    moved = [name for name, low in zip(searched, holm(p), strict=True) if low < _LEVEL]
    if not moved:
        return []
    return [
        f"Sampling looks adaptive: later runs lie elsewhere than earlier ones in {shortened(moved, MOST_LISTED)} "
        "(Kolmogorov-Smirnov, Holm). The shares refer to the whole range, of which little-visited parts are told from "
        "few runs."
    ]


def entangled(columns: Columns) -> list[str]:
    """Pairs of numbers that moved nearly together, by Spearman's rank correlation."""
    from scipy.stats import rankdata

    names = [name for name, settings in columns.items() if all(map(is_number, settings))]
    if len(names) < 2 or len(columns[names[0]]) < _FEWEST:
        return []
    ranks = rankdata([columns[name] for name in names], axis=1)
    rho = np.corrcoef(ranks)
    pairs = [
        f"{names[first]} and {names[second]} (rank correlation {rho[first, second]:.2f})"
        for first, second in combinations(range(len(names)), 2)
        if abs(rho[first, second]) >= _ENTANGLED
    ]
    return (
        [f"Hard to tell apart, because they moved nearly together: {shortened(pairs, MOST_LISTED)}."] if pairs else []
    )


def gaps(columns: Columns) -> list[str]:
    """Ranges most of which no run visited."""
    empty = []
    for name, settings in columns.items():
        if _is_searched(settings):
            space, _ = space_of({name: settings})
            visited = np.histogram(space.encode({name: settings}), _BINS)[0] > 0
            if visited.mean() < 0.5:
                empty.append(name)
    return (
        [f"Over half of the range has no run near it: {shortened(empty, MOST_LISTED)}. The rest is guessed."]
        if empty
        else []
    )


def _is_searched(settings: Sequence[Setting]) -> bool:
    """Whether a number was drawn from a range, instead of being one of a few."""
    return all(map(is_number, settings)) and len({*settings}) > max(_FEWEST, len(settings) // 2)
