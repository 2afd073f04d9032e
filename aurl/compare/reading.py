"""Where in each run the comparison reads it: at a common step, at its own end, at its best, or after some time of work.

The rule without `--at`. Where the length of the runs is itself what was varied (they were planned for different numbers
of steps and did them), each is read at its own end. Otherwise all are read at the last step that every finished run has
reached. A run that stopped by itself because it no longer got better counts as having reached any later step, with the
value that it came to rest at. A run that ended before a tenth of what most runs had is left out: what it had learnt by
then ranks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple, TypeAlias, get_args

import numpy as np

from aurl.compare.model import Mode
from aurl.compare.run_data import ReadAt, Readout, RunCurve, RunData
from aurl.errors import ConfigError
from aurl.show.wording import duration

Runs: TypeAlias = Mapping[str, RunData]
FAILED = frozenset({"failed", "stopped", "crashed"})
UNFINISHED = frozenset({"running", "preempted"})
TOO_EARLY = 0.1
"""A reading before this share of what most runs had supports no claim."""
_PLANS_DIFFER, _PLAN_DONE = 1.02, 0.98
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_SAYS_SO = re.compile(r"no improvement|early.?stop|patience|converged|plateau", re.IGNORECASE)
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)?")
_CHOICES = "end, best, budget, step=N or time=T such as time=2h"


@dataclass(frozen=True, slots=True)
class At:
    """What `--at` asks for: a kind, and the number of steps or seconds that goes with it."""

    kind: ReadAt = "auto"
    value: float = 0.0


class Exceptions(NamedTuple):
    """Runs that a common step does not hold for: by id, why they are refused, and where they came to rest."""

    refused: Mapping[str, str] = {}
    rested: Mapping[str, int] = {}


_NOBODY = Exceptions()


@dataclass(frozen=True, slots=True)
class Places:
    """Where each run is read.

    Attributes:
        reading: what is common to all.
        steps: by run id, the last step that is looked at.
        refused: by run id, why the run cannot be read there.
    """

    reading: Readout
    steps: Mapping[str, int]
    refused: Mapping[str, str]


def parse_at(typed: str | None, budget: int | None = None) -> At:
    """What was typed for `--at`; `--budget N` is `--at step=N`.

    Raises:
        ConfigError: none of what is allowed, or a number out of range.
    """
    if typed is not None and budget is not None:
        raise ConfigError(f"--at {typed} and --budget {budget}: give one of them; --budget N is --at step=N")
    if budget is not None and budget < 1:
        raise ConfigError(f"--budget {budget}: needs at least 1 step")
    if typed is None:
        return At() if budget is None else At("step", budget)
    kind, _, value = typed.strip().partition("=")
    if kind in get_args(ReadAt) and kind not in {"step", "time"} and not value:
        return At(kind)  # type: ignore[arg-type]  # one of its values, as just seen
    if kind == "step" and value.replace("_", "").isdigit() and int(value) >= 1:
        return At("step", int(value))
    found = _TIME.fullmatch(value.strip()) if kind == "time" else None
    if found and float(found[1]) > 0:
        return At("time", float(found[1]) * _UNITS[found[2] or "s"])
    raise ConfigError(f"--at {typed}: needs {_CHOICES}")


def where(reading: Readout) -> str:
    """How a sentence says where runs are read."""
    if reading.kind == "end":
        return f"each at its own end, the longest at step {reading.step}"
    if reading.kind == "best":
        return "each at the best value that it reached"
    if reading.kind == "time":
        return f"after {duration(reading.seconds or 0.0)} of work"
    rested = f", {len(reading.early)} that came to rest earlier at their own end" if reading.early else ""
    return f"at step {reading.step}{rested}"


def plan(runs: Sequence[RunData], metric: str, mode: Mode, at: At) -> Places:
    """Where each run that has the metric is read, and which cannot be."""
    known = {run.id: run for run in runs if metric in run.curves and run.status not in FAILED}
    finished = {run_id: run for run_id, run in known.items() if run.status not in UNFINISHED}
    ends = {run_id: int(run.curves[metric].steps[-1]) for run_id, run in known.items()}
    counted = {run_id: ends[run_id] for run_id in finished} or ends
    most = int(median(max(end, known[run_id].planned or 0) for run_id, end in counted.items())) if counted else 0
    if at.kind == "time":
        return _by_time(known, metric, at.value, most)
    if at.kind in {"end", "best"}:
        return _by_end(known, ends, at.kind, most, {})
    if at.kind == "step":
        return _by_step(known, ends, int(at.value), most)
    if at.kind == "budget":
        common = min((ends[run_id] for run_id in finished or known), default=0)
        return _by_step(known, ends, common, most)
    compared = finished or known
    rested = {
        run_id: ends[run_id]
        for run_id, run in compared.items()
        if ends[run_id] < max(ends.values()) and stopped_at_rest(run, metric, mode)
    }
    return _by_rule(compared, known, ends, rested, most)


def came_to_rest(curve: RunCurve, mode: Mode) -> bool:
    """Whether a curve no longer got better over its last third, beyond its noise and a twentieth of its range.

    False with fewer than six values.
    """
    values = curve.values[np.isfinite(curve.values)]
    width = max(3, len(values) // 6)
    if len(values) < 2 * width:
        return False
    before, after = values[-2 * width : -width], values[-width:]
    gain = float(before.mean() - after.mean()) * (1.0 if mode == "min" else -1.0)
    noise = float(np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / width))
    return gain <= 2 * noise + 0.05 * float(np.ptp(values))


def stopped_at_rest(run: RunData, metric: str, mode: Mode) -> bool:
    """Whether a finished run ended before its plan, or without one, because it no longer got better.

    Its own message says so, or its curve does.
    """
    if run.status != "done" or (run.planned is not None and run.step >= _PLAN_DONE * run.planned):
        return False
    return _SAYS_SO.search(run.message) is not None or came_to_rest(run.curves[metric], mode)


def _by_rule(finished: Runs, known: Runs, ends: Mapping[str, int], rested: Mapping[str, int], most: int) -> Places:
    early = {
        run_id: f"ended at step {ends[run_id]}, before a tenth of the {most} steps that most runs had"
        for run_id in finished
        if ends[run_id] < TOO_EARLY * most and run_id not in rested
    }
    compared = {run_id: run for run_id, run in finished.items() if run_id not in early}
    if _lengths_were_varied(list(compared.values())):
        return _by_end(known, ends, "end", most, early)
    going = [ends[run_id] for run_id in compared if run_id not in rested]
    common = min(going) if going else max((ends[run_id] for run_id in compared), default=0)
    return _by_step(known, ends, common, most, Exceptions(early, rested))


def _lengths_were_varied(runs: Sequence[RunData]) -> bool:
    """Whether runs were planned for different numbers of steps, and each did what was planned for it."""
    plans = [run.planned for run in runs if run.planned]
    done = all(run.planned and run.step >= _PLAN_DONE * run.planned for run in runs)
    return bool(plans) and done and max(plans) > _PLANS_DIFFER * min(plans)


def _by_step(known: Runs, ends: Mapping[str, int], common: int, most: int, but: Exceptions = _NOBODY) -> Places:
    steps, why = {}, dict(but.refused)
    for run_id, run in known.items():
        steps[run_id] = min(common, ends[run_id])
        if ends[run_id] < common and run_id not in but.rested and run_id not in why:
            state = f"is {run.status}" if run.status in UNFINISHED else "ended"
            why[run_id] = f"{state} at step {ends[run_id]}, before step {common}, at which runs are compared"
    early = tuple(run_id for run_id, end in but.rested.items() if end < common)
    return Places(Readout("budget", common, most, early), steps, why)


def _by_end(known: Runs, ends: Mapping[str, int], kind: ReadAt, most: int, refused: Mapping[str, str]) -> Places:
    going = {run_id for run_id, run in known.items() if run.status in UNFINISHED}
    why = dict(refused)
    if len(going) < len(known):  # while nothing has finished, everything is read as far as it got
        why |= {run_id: f"is {known[run_id].status} at step {ends[run_id]}, before its end" for run_id in going}
    last = max((end for run_id, end in ends.items() if run_id not in why), default=0)
    return Places(Readout(kind, last, most), dict(ends), why)


def _by_time(known: Runs, metric: str, seconds: float, most: int) -> Places:
    steps, why = {}, {}
    for run_id, run in known.items():
        curve = run.curves[metric]
        reached = curve.steps[curve.seconds <= seconds]
        steps[run_id] = int(reached[-1]) if len(reached) else 0
        if not len(reached):
            why[run_id] = f"has no {metric} within {seconds:g} seconds of work"
        elif run.status in UNFINISHED and float(curve.seconds[-1]) < seconds:
            why[run_id] = f"is {run.status} after {float(curve.seconds[-1]):.0f} of {seconds:g} seconds of work"
    last = max((step for run_id, step in steps.items() if run_id not in why), default=0)
    return Places(Readout("time", last, most, seconds=seconds), steps, why)
