"""How much of a function's variance each parameter accounts for, over the whole range searched.

The first-order index S is the share that a parameter explains alone; the total index ST adds what it explains together
with others. Source: Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics
Communications 181, 2010, by `scipy.stats.sobol_indices`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aurl.compare.impact.surrogates import Function
from aurl.compare.search_space import Space
from aurl.show.arrays import Floats

POINTS = 512
METHOD = "scipy.stats.sobol_indices"


@dataclass(frozen=True, slots=True, eq=False)
class Indices:
    """Sobol indices of S functions of D parameters.

    Attributes:
        first: [S, D], 0..1.
        total: [S, D], 0..1, at least `first` but for the error of sampling.
    """

    first: Floats
    total: Floats


def indices(function: Function, space: Space, *, points: int = POINTS, seed: int = 1) -> Indices:
    """The indices over the unit cube of a space, from `points` * (D + 2) calls; `points` is a power of two.

    A function that does not vary has indices of 0.
    """
    from scipy.stats import sobol_indices, uniform

    sides = len(space.parameters)

    def called(u: Floats) -> Floats:
        values = function(space.at(u.reshape(sides, -1).T))
        return values.reshape(-1, *u.shape[1:])

    found = sobol_indices(func=called, n=points, dists=[uniform()] * sides, rng=np.random.default_rng(seed))
    first, total = (
        np.nan_to_num(np.asarray(index)).reshape(-1, sides) for index in (found.first_order, found.total_order)
    )
    return Indices(np.clip(first, 0, 1), np.clip(total, 0, 1))


def pair_index(function: Function, space: Space, pair: Sequence[int], *, points: int = POINTS, seed: int = 1) -> Floats:
    """The share [S] that two parameters explain only together: second-order index S_ij = V_ij / V - S_i - S_j.

    By pick and freeze: the covariance of f(A) and f(B) where B takes the columns of A that are named, whole pair or
    each alone.
    """
    from scipy.stats import qmc

    sides = len(space.parameters)
    both = qmc.Sobol(2 * sides, rng=np.random.default_rng(seed)).random(points)
    here, there = both[:, :sides], both[:, sides:]
    values = _centred(function(space.at(here)))
    far = _centred(function(space.at(there)))

    def closed(columns: Sequence[int]) -> Floats:
        mixed = there.copy()
        mixed[:, columns] = here[:, columns]
        shared: Floats = (values * (function(space.at(mixed)) - far)).mean(axis=1)
        return shared

    variance = np.maximum(values.var(axis=1), 1e-12)
    first, second = pair
    index: Floats = (closed([first, second]) - closed([first]) - closed([second])) / variance
    return index


def _centred(values: Floats) -> Floats:
    centred: Floats = values - values.mean(axis=1, keepdims=True)
    return centred
