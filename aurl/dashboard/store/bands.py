"""Mean and interval of a scalar over several runs, on a common axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurl.show.arrays import Floats

_LEVEL = 0.95


def band_of(curves: Sequence[tuple[Floats, Floats]], points: int) -> dict[str, Any]:
    """Mean, 95 % t interval, smallest and largest value over runs in each of `points` stretches of the axis.

    A run counts in a stretch with the mean of its own points there; a run without points there does not count, so
    nothing is made up between points or after a run has ended. The interval is NaN where fewer than two runs count.

    Args:
        curves: x and y of each run, x ascending.

    Returns:
        `x` [P] (the mean x of the points), `mean`, `low`, `high`, `min`, `max` and `runs` (how many count) [P],
        stretches without any point left out.
    """
    if not curves:
        return {name: np.empty(0) for name in ("x", "mean", "low", "high", "min", "max", "runs")}
    start, end = min(x[0] for x, _ in curves), max(x[-1] for x, _ in curves)
    edges = np.linspace(start, end, points + 1)
    values = np.full((len(curves), points), np.nan)
    x_sum, x_count = np.zeros(points), np.zeros(points)
    for row, (x, y) in enumerate(curves):
        place = np.clip(np.searchsorted(edges, x, "right") - 1, 0, points - 1)
        counted = np.bincount(place, minlength=points)
        has = counted > 0
        values[row, has] = np.bincount(place, y, points)[has] / counted[has]
        x_sum += np.bincount(place, x, points)
        x_count += counted
    used = x_count > 0
    values, n = values[:, used], (~np.isnan(values[:, used])).sum(axis=0)
    mean = np.nansum(values, axis=0) / n
    half = _half_width(values, mean, n)
    return {
        "x": x_sum[used] / x_count[used],
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "min": np.nanmin(values, axis=0),
        "max": np.nanmax(values, axis=0),
        "runs": n.astype(np.float64),
    }


def _half_width(values: Floats, mean: Floats, n: NDArray[np.int64]) -> Floats:
    from scipy.special import stdtrit  # loaded by the first who draws a band, not at the dashboard's start

    squares = np.nansum((values - mean) ** 2, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        width: Floats = np.sqrt(squares / (n - 1) / n) * stdtrit(n - 1.0, (1 + _LEVEL) / 2)
    return np.where(n > 1, width, np.nan)
