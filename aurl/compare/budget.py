"""The value of a run where it is read, and whether it counts.

A run that failed, crashed or was stopped by the anomaly policy has failed; so has one whose metric is not finite where
it is read. `aurl.compare.reading` says where that is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from aurl.compare.model import Mode
from aurl.compare.reading import FAILED, UNFINISHED
from aurl.compare.run_data import Fate, RunCurve, RunData
from aurl.compare.statistics.estimates import iqm
from aurl.errors import ConfigError

_FEW_POINTS = 3
_WIDEST_SHARE = 0.25


def choose_share(runs: Sequence[RunData], metric: str, steps: Mapping[str, int], given: float | None) -> float:
    """The last share of the steps up to where a run is read, over which its final is taken.

    A tenth, or as much up to a quarter as it takes for three values of the run that logs most rarely; noise of single
    evaluations is then averaged out of every run alike.

    Args:
        steps: by run id, where it is read.

    Raises:
        ConfigError: the given share is not above 0 and at most 1.
    """
    if given is not None:
        if not 0 < given <= 1:
            raise ConfigError(f"--last {given}: needs a share above 0 and at most 1, such as 0.1")
        return given
    needed = [
        _share_of_last(run.curves[metric], steps[run.id])
        for run in runs
        if run.id in steps and metric in run.curves and run.status not in UNFINISHED
    ]
    return min(_WIDEST_SHARE, max([0.1, *needed]))


def final(curve: RunCurve, budget: int, share: float) -> float | None:
    """The interquartile mean of the values over the last share of the budget; NaN where the curve has diverged.

    Where none lies in that window, the last value before it. A curve has diverged when its last value in the budget
    is not finite, or more than half of those in the window are; other values that are not finite are left out.

    Returns:
        None for a curve without a value within the budget.
    """
    within = curve.values[curve.steps <= budget]
    if not len(within):
        return None
    window = within[curve.steps[: len(within)] > budget * (1 - share)]
    window = window if len(window) else within[-1:]
    finite = window[np.isfinite(window)]
    if not math.isfinite(window[-1]) or 2 * len(finite) < len(window):
        return math.nan
    return iqm(finite)


def best_value(curve: RunCurve, upto: int, mode: Mode) -> float | None:
    """The best finite value up to a step; NaN where the curve has diverged by then, None without a value."""
    within = curve.values[curve.steps <= upto]
    if not len(within):
        return None
    if not math.isfinite(within[-1]):
        return math.nan
    finite = within[np.isfinite(within)]
    return float(finite.min() if mode == "min" else finite.max())


def judge(run: RunData, metric: str, refused: str = "") -> tuple[Fate, str]:
    """Whether a run counts, and why not; its curves are read, its final of the metric is in `finals` or missing.

    Args:
        refused: why it cannot be read where runs are read; empty where it can.
    """
    if run.status in FAILED:
        return "failed", f"{run.status} at step {run.step}{_first_alert(run)}"
    curve = run.curves.get(metric)
    if run.status == "unreadable" or curve is None:
        return "left out", run.why or f"has no {metric}"
    if refused:
        return "left out", refused
    if int(curve.steps[0]) > run.read_step:
        return "left out", f"has no {metric} up to step {run.read_step}, its first is at step {int(curve.steps[0])}"
    if not math.isfinite(run.finals.get(metric, math.nan)):
        return "failed", f"has a {metric} that is not finite at the end{_first_alert(run)}"
    return "counted", ""


def _share_of_last(curve: RunCurve, upto: int) -> float:
    steps = curve.steps[curve.steps <= upto]
    if len(steps) < 4 * _FEW_POINTS or upto < 1:
        return 0.0  # three values of so few would be more than the end of the curve
    return float(1 - (steps[-_FEW_POINTS] - 0.5) / upto)


def _first_alert(run: RunData) -> str:
    serious = [alert for alert in run.alerts if alert.get("severity") in {"critical", "fatal"}]
    return (
        f" ({str(serious[0].get('type')).replace('_', ' ')} since step {serious[0].get('onset_step')})"
        if serious
        else ""
    )
