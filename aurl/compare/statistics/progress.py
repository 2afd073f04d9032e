"""How a run got where it is: its best value, the area under its curve, and when it reached a target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aurl.compare.model import Band, Mode
from aurl.compare.run_data import Best, RunCurve

_POINTS = 200
_SMOOTHED_FROM = 20
_WIDTH = 5


def within(curve: RunCurve, budget: int) -> RunCurve:
    """The part of a curve up to the budget, its finite values only."""
    here = (curve.steps <= budget) & np.isfinite(curve.values)
    return RunCurve(curve.steps[here], curve.values[here], curve.seconds[here])


def best_of(curve: RunCurve, mode: Mode) -> Best | None:
    """The best value of a curve; None without any. All values have to be finite."""
    if not len(curve.values):
        return None
    at = int(np.argmin(curve.values) if mode == "min" else np.argmax(curve.values))
    value = float(curve.values[at])
    near = np.delete(curve.values[max(0, at - 2) : at + 3], min(at, 2))
    optimism = abs(float(near.mean()) - value) if len(near) else None
    return Best(value, int(curve.steps[at]), len(curve.values), optimism)


def mean_height(curve: RunCurve) -> float | None:
    """The area under a curve (trapezoids) over its width in steps; the value itself of a single point."""
    if not len(curve.values):
        return None
    width = float(curve.steps[-1] - curve.steps[0])
    return float(np.trapezoid(curve.values, curve.steps)) / width if width else float(curve.values[0])


def reached(curve: RunCurve, target: float, mode: Mode) -> tuple[int, float] | None:
    """The first step, and the seconds of work until then, at which the smoothed curve is at least as good as this."""
    values = smoothed(curve.values)
    good = values <= target if mode == "min" else values >= target
    at = int(np.argmax(good)) if good.any() else None
    return None if at is None else (int(curve.steps[at]), float(curve.seconds[at]))


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A running median over five values, three at the ends; fewer than twenty values stay as they are."""
    if len(values) < _SMOOTHED_FROM:
        return values
    padded = np.pad(values, _WIDTH // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WIDTH)
    return np.asarray(np.sort(windows, axis=-1)[:, _WIDTH // 2])  # np.median takes three times as long


def band(curves: Sequence[RunCurve]) -> Band | None:
    """Mean and 95 % t interval of the smoothed curves, at no more than 200 steps between their first and last.

    A curve takes part where it has values on both sides; nothing is extrapolated.
    """
    curves = [curve for curve in curves if len(curve.values)]
    if not curves:
        return None
    steps = np.unique(np.concatenate([curve.steps for curve in curves]))
    if len(steps) > _POINTS:
        steps = np.unique(np.round(np.linspace(steps[0], steps[-1], _POINTS)).astype(np.int64))
    rows = np.stack([np.interp(steps, c.steps, smoothed(c.values), left=np.nan, right=np.nan) for c in curves])
    n = np.isfinite(rows).sum(axis=0)
    steps, rows, n = steps[n > 0], rows[:, n > 0], n[n > 0]
    mean = np.nanmean(rows, axis=0)
    spread = np.sqrt(np.nansum((rows - mean) ** 2, axis=0) / np.maximum(n - 1, 1) / n)
    half = np.where(n > 1, special.stdtrit(np.maximum(n - 1, 1), 0.975) * spread, 0.0)
    return Band(steps, mean, mean - half, mean + half)
