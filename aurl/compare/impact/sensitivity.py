"""Which settings of a sweep explain its metric, by surrogates, and only where a surrogate predicts unseen runs.

Two surrogates are fitted, a Gaussian process and a random forest. The process answers unless the forest predicts
clearly better, as it does where the metric falls off a cliff; the other one is the cross-check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aurl.compare.impact import sobol
from aurl.compare.impact.surrogates import Forest, Function, GaussianProcess, Surrogate, configurations, folded_r2
from aurl.compare.search_space import DeclaredRange, Setting, Space, space_of
from aurl.show.arrays import Floats

LEAST_R2, LEAST_FOLDED_R2 = 0.5, 0.25
FEWEST = 10
_FOREST_MARGIN = 0.05
_FOREST_POINTS = 128
_CLIP = 5.0
_MOST_RUNS = 150


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """What a surrogate says about D parameters.

    Attributes:
        space: the parameters, with the ranges that the shares refer to.
        total, first: Sobol indices [D], 0..1.
        low, high: 95 % interval of `total`, [D], over functions as plausible as the surrogate's mean.
        cross: total indices [D] by the other surrogate; NaN where that one does not predict.
        r2: of configurations left out, by the surrogate that answers; `cross_r2` by the other.
        method, cross_method: the library calls.
        mean: the surrogate's mean as a function; `draws`: the plausible ones. Both in units of the metric.
        left_out: parameters that were left out, with the reason.
        notes: what was done to the data, in sentences.
    """

    space: Space
    total: Floats
    first: Floats
    low: Floats
    high: Floats
    cross: Floats
    r2: float
    cross_r2: float
    method: str
    cross_method: str
    mean: Function
    draws: Function
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


def sensitivity(
    columns: Mapping[str, Sequence[Setting]],
    y: Floats,
    declared: Mapping[str, DeclaredRange] | None = None,
    *,
    least_r2: float = LEAST_R2,
    least_folded: float = LEAST_FOLDED_R2,
) -> Sensitivity | str:
    """Sobol indices of the metric, or why there is not enough evidence for any.

    Args:
        columns: settings of N runs by key.
        y: the metric of the runs, finite, [N].
        declared: ranges searched, where known; otherwise the shares refer to the observed ranges.
        least_r2: what a surrogate must reach for its indices to be given.
        least_folded: what a Gaussian process must reach beside it, see `folded_r2`.
    """
    space, left_out = space_of(columns, declared)
    if not space.parameters:
        return "no setting varies in a way that can be compared"
    x = space.encode(columns)
    if shortage := _shortage(x, len(space.parameters)):
        return shortage
    x, y, thinning = _thinned(x, y)
    clipped, notes = _without_outliers(y)
    centre, scale = float(clipped.mean()), float(clipped.std())
    if scale <= 1e-12 * max(1.0, abs(centre)):
        return "the metric is the same in every run"
    answer, check = _ranked(x, (clipped - centre) / scale)
    if answer.r2 < least_r2:
        return (
            "the metric of a configuration cannot be predicted from the other configurations: leave-one-out R2 is "
            f"{max(answer.r2, check.r2):.2f} at best, {least_r2} is needed{''.join(f'. {note}' for note in notes)[:-1]}"
        )
    if isinstance(answer, GaussianProcess) and (folded := folded_r2(x, (clipped - centre) / scale)) < least_folded:
        return (
            f"leave-one-out R2 is {answer.r2:.2f}, but {folded:.2f} where the kernel is fitted anew without the "
            f"configurations to be predicted; {least_folded} is needed"
        )
    draws = answer.draws(np.random.default_rng(1))
    found = sobol.indices(answer.predict, space, points=_points(answer))
    spread = sobol.indices(draws, space, points=_points(answer)).total
    total = found.total[0]
    return Sensitivity(
        space=space,
        total=total,
        first=np.minimum(found.first[0], total),
        low=np.minimum(np.quantile(spread, 0.025, axis=0), total),
        high=np.maximum(np.quantile(spread, 0.975, axis=0), total),
        cross=_cross_check(check, space),
        r2=answer.r2,
        cross_r2=check.r2,
        method=f"{answer.method}; {sobol.METHOD}",
        cross_method=check.method,
        mean=_rescaled(answer.predict, centre, scale),
        draws=_rescaled(draws, centre, scale),
        left_out=left_out,
        notes=(*thinning, *notes),
    )


def _shortage(x: Floats, sides: int) -> str:
    distinct, needed = int(configurations(x).max()) + 1, max(FEWEST, 2 * sides)
    if distinct >= needed:
        return ""
    return f"{distinct} distinct configurations of {sides} settings are too few for a surrogate, which needs {needed}"


def _ranked(x: Floats, z: Floats) -> tuple[Surrogate, Surrogate]:
    """The surrogate that answers, and the one that checks it."""
    process, forest = GaussianProcess.fit(x, z), Forest.fit(x, z)
    return (forest, process) if forest.r2 > process.r2 + _FOREST_MARGIN else (process, forest)


def _cross_check(check: Surrogate, space: Space) -> Floats:
    if check.r2 < LEAST_R2:
        return np.full(len(space.parameters), np.nan)
    total: Floats = sobol.indices(check.predict, space, points=_points(check)).total[0]
    return total


def _points(surrogate: Surrogate) -> int:
    return _FOREST_POINTS if isinstance(surrogate, Forest) else sobol.POINTS


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats, tuple[str, ...]]:
    """At most 150 runs, because a Gaussian process takes the cube of their number: means of some configurations."""
    if len(y) <= _MOST_RUNS:
        return x, y, ()
    groups = configurations(x)
    kept = np.random.default_rng(3).permutation(groups.max() + 1)[:_MOST_RUNS]
    first = np.array([int(np.flatnonzero(groups == group)[0]) for group in kept])
    means = np.array([float(y[groups == group].mean()) for group in kept])
    return (
        x[first],
        means,
        (f"The surrogates know the means of {len(kept)} of {groups.max() + 1} configurations, chosen by lot.",),
    )


def _without_outliers(y: Floats) -> tuple[Floats, tuple[str, ...]]:
    """The metric, values far beyond the quartiles moved to the fence: one run that nearly diverged is not all."""
    low, high = np.quantile(y, (0.25, 0.75))
    fences = low - _CLIP * (high - low), high + _CLIP * (high - low)
    clipped = np.clip(y, *fences) if high > low else y
    moved = int((clipped != y).sum())
    if not moved:
        return y, ()
    return clipped, (
        f"{moved} of {len(y)} runs lie more than {_CLIP:g} interquartile ranges beyond the quartiles and were moved to "
        f"{fences[0]:.4g} or {fences[1]:.4g} before the surrogates were fitted.",
    )


def _rescaled(function: Function, centre: float, scale: float) -> Function:
    return lambda at: function(at) * scale + centre
