"""One curve as it is drawn: the stretch asked for, smoothed over all points, then thinned out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from aurl.dashboard.store.columns import Column, Rows, Series
from aurl.show.arrays import Floats, Ints
from aurl.show.downsample import min_max
from aurl.show.smoothing import debiased_average

Axis = Literal["step", "epoch", "time", "relative"]
AXES: tuple[Axis, ...] = get_args(Axis)
MOST_NONFINITE = 1000


@dataclass(frozen=True, slots=True)
class DrawnCurve:
    """A curve thinned out for drawing.

    Attributes:
        x, y: ascending and finite [N].
        step: of each point, int64 [N].
        smooth: [N], or None where no smoothing was asked for.
        count: finite points in the stretch before any were left out.
        total: points of the whole series, non-finite ones included.
        nonfinite: x, step and value of points that are NaN or infinite, evenly thinned to 1,000.
        nonfinite_total: how many there are in the stretch.
        low, high: of all finite values in the stretch; NaN where there are none.
    """

    x: Floats
    y: Floats
    step: Ints
    smooth: Floats | None
    count: int
    total: int
    nonfinite: list[tuple[float, int, float]]
    nonfinite_total: int
    low: float
    high: float

    @property
    def exact(self) -> bool:
        """Whether nothing was left out."""
        return len(self.x) == self.count and len(self.nonfinite) == self.nonfinite_total


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One series as it stood at one moment, in arrays that stay as they are.

    Attributes:
        step, time, epoch, values: [N], in the order they were logged.
        guide: steps and epochs of the training steps, which tell the epoch of records that do not know theirs.
        first_time: of the run's first record.
    """

    step: Ints
    time: Floats
    epoch: Floats
    values: Floats
    guide: tuple[Ints, Floats]
    first_time: float

    def x(self, axis: Axis) -> Floats:
        """Where the points lie, [N]; NaN where that is not known."""
        if axis == "step":
            return self.step.astype(np.float64)
        if axis == "epoch":
            return self._epochs()
        return self.time - (self.first_time if axis == "relative" else 0.0)

    def _epochs(self) -> Floats:
        steps, epochs = self.guide
        unknown = np.isnan(self.epoch)
        if not unknown.any() or not len(steps):
            return self.epoch
        return np.where(unknown, np.interp(self.step, steps, epochs), self.epoch)


def snapshot(series: Series, rows: Rows, training: Rows | None, first_time: float) -> Snapshot:
    """The series as it stands; cheap, nothing is copied for a series that every record has."""
    n = len(series.values)

    def at(column: Column) -> NDArray[Any]:
        view = column.view()
        return view[:n] if series.rows is None else view[series.rows.view()]

    guide = (training.step.view(), training.epoch.view()) if training else (np.empty(0, np.int64), np.empty(0))
    return Snapshot(at(rows.step), at(rows.time), at(rows.epoch), series.values.view(), guide, first_time)


@dataclass(frozen=True, slots=True)
class Abscissa:
    """Where the points of a snapshot lie on an axis.

    Attributes:
        x: [N]; NaN where that is not known.
        ascending: whether all are known and none is smaller than the one before.
    """

    x: Floats
    ascending: bool

    @classmethod
    def of(cls, points: Snapshot, axis: Axis) -> Abscissa:
        x = points.x(axis)
        return cls(x, len(x) < 2 or bool((x[1:] >= x[:-1]).all() and np.isfinite(x[[0, -1]]).all()))


class Abscissas:
    """Those of one answer, made once for all series of the same rows."""

    def __init__(self, axis: Axis) -> None:
        self._axis = axis
        self._known: dict[tuple[int, int], tuple[Snapshot, Abscissa]] = {}

    def of(self, points: Snapshot) -> Abscissa:
        key = (points.step.__array_interface__["data"][0], len(points.step))
        if key not in self._known:  # the snapshot is kept too, so that no other array comes to lie at its place
            self._known[key] = (points, Abscissa.of(points, self._axis))
        return self._known[key][1]


def draw(
    points: Snapshot,
    abscissa: Abscissa,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    most: int = 1500,
    smooth: float = 0.0,
    keep_steps: Iterable[int] = (),
) -> DrawnCurve:
    """The curve between two values of x, with about `most` points.

    A point on either side of the stretch is taken too, so that lines run to the edge of a zoomed chart. The points
    of `keep_steps` (where alerts are) are never left out.

    Args:
        smooth: weight of the exponential average over all finite points of the series in the order of x, 0 for none.
    """
    x, y, step = abscissa.x, points.values, points.step
    if abscissa.ascending:
        needed = _needed(x, low, high, smooth)
        if np.isfinite(y[needed]).all():
            x, y, step = x[needed], y[needed], step[needed]
    finite = np.isfinite(y)
    odd = np.flatnonzero(~finite & (x >= low) & (x <= high)) if not finite.all() else np.empty(0, np.int64)
    shown = odd[np.linspace(0, len(odd) - 1, min(len(odd), MOST_NONFINITE)).astype(int)]
    nonfinite = [(float(x[i]), int(step[i]), float(y[i])) for i in shown]
    if not (finite.all() and abscissa.ascending):
        order = np.flatnonzero(finite & np.isfinite(x))
        order = order[np.argsort(x[order], kind="stable")]
        x, y, step = x[order], y[order], step[order]
    start, stop = _stretch(x, low, high)
    around = slice(max(0, start - 1), stop + 1)
    chosen = min_max(x[around], y[around], most, _indices_of(step[around], keep_steps)) + around.start
    inside = y[start:stop]
    return DrawnCurve(
        x=x[chosen],
        y=y[chosen],
        step=step[chosen],
        smooth=_smoothed(y, chosen, smooth) if smooth else None,
        count=min(len(x), around.stop) - around.start,
        total=len(points.values),
        nonfinite=nonfinite,
        nonfinite_total=len(odd),
        low=float(inside.min()) if len(inside) else math.nan,
        high=float(inside.max()) if len(inside) else math.nan,
    )


def _needed(x: Floats, low: float, high: float, smooth: float) -> slice:
    """The part of ascending points to draw a stretch from: one more on either side, and what the average needs."""
    start, stop = _stretch(x, low, high)
    return slice(max(0, start - 1 - _memory(smooth)), stop + 1)


def _memory(weight: float) -> int:
    """So many points back, a point weighs less than 1e-12 in the average."""
    return math.ceil(math.log(1e-12) / math.log(weight)) if weight else 0


def _smoothed(y: Floats, chosen: Ints, weight: float) -> Floats:
    """The average at the chosen points."""
    if not len(chosen):
        return np.empty(0)
    first = max(0, int(chosen[0]) - _memory(weight))
    return debiased_average(y[first : chosen[-1] + 1], weight)[chosen - first]


def _stretch(x: Floats, low: float, high: float) -> tuple[int, int]:
    return int(np.searchsorted(x, low, "left")), int(np.searchsorted(x, high, "right"))


def _indices_of(step: Ints, wanted: Iterable[int]) -> Ints:
    """The indices of the wanted steps, or of the nearest point before; `step` is about ascending."""
    steps = np.fromiter(wanted, np.int64)
    if not len(steps) or not len(step):
        return np.empty(0, np.int64)
    steps = steps[(steps >= step[0]) & (steps <= step[-1])]
    found: Ints = np.clip(np.searchsorted(step, steps, "right") - 1, 0, len(step) - 1)
    return found
