"""One curve as it is drawn: the stretch asked for, smoothed over all points, then thinned out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from aurl.dashboard.columns import Column, Floats, Ints, Rows, Series
from aurl.dashboard.downsample import min_max
from aurl.dashboard.smoothing import debiased_average

Axis = Literal["step", "epoch", "time", "relative"]
AXES: tuple[Axis, ...] = get_args(Axis)
MOST_NONFINITE = 1000


@dataclass(frozen=True, slots=True)
class Curve:
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


def draw(
    points: Snapshot,
    *,
    axis: Axis = "step",
    low: float = -math.inf,
    high: float = math.inf,
    most: int = 1500,
    smooth: float = 0.0,
    keep_steps: Iterable[int] = (),
) -> Curve:
    """The curve between two values of x, with about `most` points.

    A point on either side of the stretch is taken too, so that lines run to the edge of a zoomed chart. The points
    of `keep_steps` (where alerts are) are never left out.

    Args:
        smooth: weight of the exponential average over all finite points of the series in the order of x, 0 for none.
    """
    x, y = points.x(axis), points.values
    finite = np.isfinite(y)
    if finite.all() and (axis != "epoch" or np.isfinite(x).all()) and _ascending(x):
        order: Ints | slice = slice(None)
    else:
        order = np.flatnonzero(finite & np.isfinite(x))
        order = order[np.argsort(x[order], kind="stable")]
    x_drawn, y_drawn, step = x[order], y[order], points.step[order]
    start, stop = _stretch(x_drawn, low, high)
    around = slice(max(0, start - 1), stop + 1)
    chosen = min_max(x_drawn[around], y_drawn[around], most, _indices_of(step[around], keep_steps)) + around.start
    inside = y_drawn[start:stop]
    odd = np.flatnonzero(~finite & (x >= low) & (x <= high)) if not finite.all() else np.empty(0, np.int64)
    shown = odd[np.linspace(0, len(odd) - 1, min(len(odd), MOST_NONFINITE)).astype(int)]
    return Curve(
        x=x_drawn[chosen],
        y=y_drawn[chosen],
        step=step[chosen],
        smooth=_smoothed(y_drawn, chosen, smooth) if smooth else None,
        count=min(len(x_drawn), around.stop) - around.start,
        total=len(y),
        nonfinite=[(float(x[i]), int(points.step[i]), float(y[i])) for i in shown],
        nonfinite_total=len(odd),
        low=float(inside.min()) if len(inside) else math.nan,
        high=float(inside.max()) if len(inside) else math.nan,
    )


def _smoothed(y: Floats, chosen: Ints, weight: float) -> Floats:
    """The average at the chosen points, from so far before them that what is earlier weighs less than 1e-12."""
    if not len(chosen):
        return np.empty(0)
    first = max(0, int(chosen[0]) - math.ceil(math.log(1e-12) / math.log(weight)))
    return debiased_average(y[first : chosen[-1] + 1], weight)[chosen - first]


def _stretch(x: Floats, low: float, high: float) -> tuple[int, int]:
    return int(np.searchsorted(x, low, "left")), int(np.searchsorted(x, high, "right"))


def _ascending(x: Floats) -> bool:
    return len(x) < 2 or bool((x[1:] >= x[:-1]).all())


def _indices_of(step: Ints, wanted: Iterable[int]) -> Ints:
    """The indices of the wanted steps, or of the nearest point before; `step` is about ascending."""
    steps = np.fromiter(wanted, np.int64)
    if not len(steps) or not len(step):
        return np.empty(0, np.int64)
    steps = steps[(steps >= step[0]) & (steps <= step[-1])]
    found: Ints = np.clip(np.searchsorted(step, steps, "right") - 1, 0, len(step) - 1)
    return found
