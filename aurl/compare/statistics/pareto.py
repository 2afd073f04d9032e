"""Several objectives at once: which configurations no other one beats, and how sure that is.

A point is a configuration: the mean of its counted runs in each objective. It leaves the front only if another point is
at least as good in every objective and better beyond the 95 % interval of the difference in one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aurl.compare.model import Comparison, Group, Interval
from aurl.show.arrays import Floats

LEVEL = 0.05
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Point:
    """A configuration among the objectives.

    Attributes:
        group: its id.
        runs: ids of the runs behind it.
        means: by objective.
        cis: by objective, the 95 % t interval of the mean; None with a single run.
        dominated_by: id of a group that is better beyond the noise; None on the front.
    """

    group: str
    runs: tuple[str, ...]
    means: Mapping[str, float]
    cis: Mapping[str, Interval | None]
    dominated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """The points of a comparison.

    Attributes:
        objectives: names of those that vary, with their direction.
        points: every group with a value in each of them, in the order of the groups.
        knee: the group on the front that is nearest to the ideal point, the best of each objective, when the front's
            extent in each objective counts as 1; None with fewer than three points on the front.
        repeated: whether the noise is known: at least one group has two runs or more.
    """

    objectives: Mapping[str, str]
    points: tuple[Point, ...]
    knee: str | None
    repeated: bool

    @property
    def best(self) -> tuple[Point, ...]:
        """The points on the front."""
        return tuple(point for point in self.points if point.dominated_by is None)


def pareto(comparison: Comparison) -> list[str]:
    """Ids of the runs of every configuration on the front; empty where fewer than two objectives vary."""
    return [run for point in front(comparison).best for run in point.runs]


def front(comparison: Comparison) -> Front:
    """The front of the comparison's objectives; without points where fewer than two of them vary."""
    names = [name for name in comparison.objectives if _varies(comparison, name)]
    objectives = {name: comparison.objectives[name] for name in names}
    values = {group.id: found for group in comparison.groups if (found := _values(group, names)) is not None}
    if len(names) < 2 or not values:
        return Front(objectives, (), None, repeated=False)
    signs = np.array([1.0 if comparison.objectives[name] == "min" else -1.0 for name in names])
    means = np.array([found.mean(axis=0) for found in values.values()]) * signs
    errors, spare = _errors(list(values.values()))
    by = _dominated(means, errors, spare)
    ids = list(values)
    points = tuple(
        Point(
            group=group,
            runs=_runs(comparison.group(group), names),
            means=dict(zip(names, found.mean(axis=0).tolist(), strict=True)),
            cis=dict(zip(names, _intervals(found), strict=True)),
            dominated_by=None if by[at] < 0 else ids[by[at]],
        )
        for at, (group, found) in enumerate(values.items())
    )
    return Front(objectives, points, _knee(ids, means, by), bool(np.isfinite(errors).any()))


def _varies(comparison: Comparison, name: str) -> bool:
    values = [run.finals[name] for run in comparison.runs if run.fate == "counted" and name in run.finals]
    return len(values) > 1 and max(values) > min(values)


def _runs(group: Group, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(run.id for run in group.runs if run.fate == "counted" and all(name in run.finals for name in names))


def _values(group: Group, names: Sequence[str]) -> Floats | None:
    """[runs, objectives] of the counted runs that have all of them; None without any."""
    kept = {*_runs(group, names)}
    rows = [[run.finals[name] for name in names] for run in group.runs if run.id in kept]
    return np.array(rows, float) if rows else None


def _errors(values: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Squared standard errors of the means, and degrees of freedom, each [groups, objectives].

    A group of one run takes the variance that the other groups have in common; NaN where no group was repeated.
    """
    n = np.array([len(found) for found in values])[:, None]
    unknown = np.full(values[0].shape[1], np.nan)
    own = np.array([found.var(axis=0, ddof=1) if len(found) >= _FEWEST else unknown for found in values])
    freedom = np.maximum(n - 1, 0) * np.ones_like(own)
    total = freedom.sum(axis=0)
    pooled = np.nansum(own * freedom, axis=0) / np.where(total > 0, total, np.nan)
    variance = np.where(n >= _FEWEST, own, pooled)
    return variance / n, np.where(n >= _FEWEST, freedom, total)


def _dominated(means: Floats, errors: Floats, spare: Floats) -> NDArray[np.int_]:
    """Of each point the place of the one that beats it most clearly, or -1. Smaller means are better here.

    The interval of a difference is Welch's; where no noise is known, plain differences count.
    """
    from scipy.special import stdtrit

    by = np.full(len(means), -1)
    for at in range(len(means)):
        worse = means[at] - means
        joint = errors[at] + errors
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom = joint**2 / (errors[at] ** 2 / spare[at] + errors**2 / spare)
            half = stdtrit(np.where(freedom > 0, freedom, 1.0), 1 - LEVEL / 2) * np.sqrt(joint)
        half = np.nan_to_num(np.where(joint > 0, half, 0.0), nan=0.0)
        beats = (worse >= 0).all(axis=1) & (worse > half).any(axis=1)
        if beats.any():
            clear = np.where(beats[:, None], worse / np.maximum(half, 1e-300), -np.inf).max(axis=1)
            by[at] = int(clear.argmax())
    return by


def _knee(ids: Sequence[str], means: Floats, by: NDArray[np.int_]) -> str | None:
    places = np.flatnonzero(by < 0)
    if len(places) < 3:
        return None
    best, extent = means[places].min(axis=0), np.ptp(means[places], axis=0)
    scaled = (means[places] - best) / np.where(extent > 0, extent, 1.0)
    return ids[int(places[int((scaled**2).sum(axis=1).argmin())])]


def _intervals(found: Floats) -> list[Interval | None]:
    from scipy.special import stdtrit

    n = len(found)
    if n < _FEWEST:
        return [None] * found.shape[1]
    half = stdtrit(n - 1, 1 - LEVEL / 2) * found.std(axis=0, ddof=1) / np.sqrt(n)
    mean = found.mean(axis=0)
    return list(zip((mean - half).tolist(), (mean + half).tolist(), strict=True))
