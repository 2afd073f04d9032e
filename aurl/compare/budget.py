"""The step up to which all runs are compared, and which runs count.

The rule. A run that failed, crashed or was stopped by the anomaly policy has failed; so has one whose metric is not
finite at the budget. The budget is the last step that every finished run has reached, unless one is given. A run that
is still going on, or was pre-empted, counts once it has reached the budget, and is left out before that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from aurl.compare.model import Fate, RunCurve, RunData
from aurl.compare.statistics.estimates import iqm
from aurl.errors import ConfigError

FAILED = frozenset({"failed", "stopped", "crashed"})
UNFINISHED = frozenset({"running", "preempted"})
_FEW_POINTS = 3
_WIDEST_SHARE = 0.25
_SHORT = 0.5  # of the median length: a run that ends before drags everybody's budget down


def choose_budget(runs: Sequence[RunData], metric: str, given: int | None) -> tuple[int, list[str]]:
    """The common budget in steps, and what has to be said about it.

    Raises:
        ConfigError: the given budget is below 1.
    """
    if given is not None and given < 1:
        raise ConfigError(f"--budget {given}: needs at least 1 step")
    ends = {run.id: int(run.curves[metric].steps[-1]) for run in runs if _finished(run, metric)}
    provisional = not ends
    if provisional:
        ends = {run.id: int(run.curves[metric].steps[-1]) for run in runs if metric in run.curves}
    if given is not None or not ends:
        return given or 0, []
    budget, longest, middle = min(ends.values()), max(ends.values()), median(ends.values())
    warnings = ["No run has finished: everything below is provisional."] if provisional else []
    if budget < longest:
        warnings.append(
            f"Runs end between step {budget} and step {longest}: all are compared up to step {budget}, the last one "
            "that each of them has reached; --budget STEPS leaves the shorter ones out instead."
        )
    if budget < _SHORT * middle:
        shortest = [run_id for run_id, end in ends.items() if end == budget]
        warnings.append(
            f"{shortest[0]} ends at step {budget}, half of the runs at step {middle:.0f} or later: it alone sets this "
            f"short budget. Compare without it, or with --budget {int(middle)}."
        )
    return budget, warnings


def choose_share(runs: Sequence[RunData], metric: str, budget: int, given: float | None) -> float:
    """The last share of the budget over which finals are taken.

    A tenth, or as much up to a quarter as it takes for three values of the run that logs most rarely; noise of single
    evaluations is then averaged out of every run alike.

    Raises:
        ConfigError: the given share is not above 0 and at most 1.
    """
    if given is not None:
        if not 0 < given <= 1:
            raise ConfigError(f"--last {given}: needs a share above 0 and at most 1, such as 0.1")
        return given
    needed = [_share_of_last(run.curves[metric], budget) for run in runs if _finished(run, metric)]
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


def judge(run: RunData, metric: str, budget: int) -> tuple[Fate, str]:
    """Whether a run counts, and why not; its curves are read, its final of the metric is in `finals` or missing."""
    if run.status in FAILED:
        return "failed", f"{run.status} at step {run.step}{_first_alert(run)}"
    curve = run.curves.get(metric)
    if run.status == "unreadable" or curve is None:
        return "left out", run.why or f"has no {metric}"
    end = int(curve.steps[-1])
    if int(curve.steps[0]) > budget:
        return "left out", f"has no {metric} up to step {budget}, its first is at step {int(curve.steps[0])}"
    if not math.isfinite(run.finals.get(metric, math.nan)):
        return "failed", f"its {metric} is not finite at the end{_first_alert(run)}"
    if end < budget:
        state = f"is {run.status}" if run.status in UNFINISHED else "ended"
        return "left out", f"{state} at step {end}, before the budget of {budget} steps"
    return "counted", ""


def _finished(run: RunData, metric: str) -> bool:
    return metric in run.curves and run.status not in FAILED | UNFINISHED


def _share_of_last(curve: RunCurve, budget: int) -> float:
    steps = curve.steps[curve.steps <= budget]
    if len(steps) < 4 * _FEW_POINTS:
        return 0.0  # three values of so few would be more than the end of the curve
    return float(1 - (steps[-_FEW_POINTS] - 0.5) / budget)


def _first_alert(run: RunData) -> str:
    serious = [alert for alert in run.alerts if alert.get("severity") in {"critical", "fatal"}]
    return f" ({serious[0].get('type')} since step {serious[0].get('onset_step')})" if serious else ""
