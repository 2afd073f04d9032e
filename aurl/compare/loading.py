"""Runs as a comparison needs them: settings, curves, finals, and whether they count."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aurl.compare.budget import best_value, choose_share, final, judge
from aurl.compare.finding import unique_ids
from aurl.compare.metrics import peak
from aurl.compare.model import Mode
from aurl.compare.reading import At, plan
from aurl.compare.run_data import SECONDS, Readout, RunCurve, RunData
from aurl.compare.series import RunSeries, read_series
from aurl.compare.statistics.progress import best_of, mean_height, within
from aurl.record import Json
from aurl.runs.listing import RunSummary
from aurl.runs.settings import settings_of

_KNOWN_PLACES = ("seed", "run.seed", "data.seed", "trainer.seed", "random_seed", "random_state")


def skeletons(found: Sequence[RunSummary]) -> list[RunData]:
    """The runs without their curves."""
    return [_skeleton(run, name) for run, name in zip(found, unique_ids(found), strict=True)]


def with_curves(
    runs: Sequence[RunData], found: Sequence[RunSummary], objectives: Mapping[str, Mode]
) -> tuple[list[RunData], list[str]]:
    """The runs with their curves and alerts, and what was wrong with their logs."""
    wanted = [name for name in objectives if name != SECONDS]
    readable = [at for at, run in enumerate(found) if run.status != "unreadable"]
    series = dict(zip(readable, read_series([found[at] for at in readable], wanted), strict=True))
    warnings = [f"{runs[at].id}: {one.trouble}." for at, one in series.items() if one.trouble]
    return [_filled(run, series[at]) if at in series else run for at, run in enumerate(runs)], warnings


def measured(
    runs: Sequence[RunData],
    found: Sequence[RunSummary],
    objectives: Mapping[str, Mode],
    *,
    at: At,
    last: float | None,
) -> tuple[list[RunData], Readout, float]:
    """The runs with finals and fates, where they are read, and the last share of the steps that finals are taken over.

    Args:
        at: where to read them.
        last: the share, where it is given.
    """
    metric, mode = next(iter(objectives.items()))
    planned = plan(runs, metric, mode, at)
    share = choose_share(runs, metric, planned.steps, last)
    results = []
    for run, summary in zip(runs, found, strict=True):
        read = planned.steps.get(run.id, planned.reading.step)
        curve = run.curves.get(metric)
        finals = _finals(run, summary, objectives, read, share)
        if planned.reading.kind == "best" and curve is not None:
            finals = _with_best(finals, curve, read, metric, mode)
        upto = within(curve, read) if curve is not None else None
        known = replace(
            run,
            read_step=read,
            finals=finals,
            best=None if upto is None else best_of(upto, mode),
            auc=None if upto is None else mean_height(upto),
        )
        fate, why = judge(known, metric, planned.refused.get(run.id, ""))
        results.append(replace(known, fate=fate, why=why))
    return results, planned.reading, share


def _with_best(finals: Mapping[str, float], curve: RunCurve, read: int, metric: str, mode: Mode) -> dict[str, float]:
    others = {name: value for name, value in finals.items() if name != metric}
    best = best_value(curve, read, mode)
    return others if best is None or not math.isfinite(best) else {metric: best, **others}


def watts(summary: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The mean power of the GPU over a run; None where it was not measured."""
    mean = summary.get("system/gpu_watts", {}).get("mean")
    return float(mean) if isinstance(mean, (int, float)) else None


def _skeleton(run: RunSummary, name: str) -> RunData:
    settings = settings_of(run.path, run.document)
    steps = run.document.get("steps")
    argv = run.document.get("argv")
    resumes = run.document.get("resumes")
    return RunData(
        path=run.path,
        id=name,
        name=run.name,
        status=run.status,
        why=f"is unreadable: {run.error}" if run.status == "unreadable" else "",
        config=settings,
        seed=_seed(run.document, settings),
        step=run.step,
        planned=steps if isinstance(steps, int) else None,
        resumes=len(resumes) if isinstance(resumes, list) else 0,
        argv=tuple(map(str, argv)) if isinstance(argv, list) else (),
        samples=_samples(run),
        message=str(run.document.get("message") or ""),
    )


def _seed(document: Mapping[str, Any], settings: Mapping[str, Json]) -> Json:
    if document.get("seed") is not None:
        seed: Json = document["seed"]
        return seed
    return next((settings[key] for key in _KNOWN_PLACES if settings.get(key) is not None), None)


def _samples(run: RunSummary) -> tuple[str, ...]:
    if not run.document.get("samples"):
        return ()
    return tuple(sorted(f"samples/{file.name}" for file in (run.path / "samples").glob("*.mid")))


def _filled(run: RunData, series: RunSeries) -> RunData:
    return replace(run, curves=series.curves, alerts=series.alerts, why=run.why or series.trouble)


def _finals(
    run: RunData, summary: RunSummary, objectives: Mapping[str, Mode], budget: int, share: float
) -> dict[str, float]:
    finals: dict[str, float | None] = {name: _final(run.curves.get(name), budget, share) for name in objectives}
    for name in objectives:
        if name.startswith("system/"):
            finals[name] = peak(summary.summary, name)
    finals[SECONDS] = _seconds(run, next(iter(objectives)), budget)
    return {name: value for name, value in finals.items() if value is not None and math.isfinite(value)}


def _final(curve: RunCurve | None, budget: int, share: float) -> float | None:
    return None if curve is None else final(curve, budget, share)


def _seconds(run: RunData, metric: str, budget: int) -> float | None:
    """Seconds of work until the budget: what a run did after it is not held against it."""
    curve = run.curves.get(metric)
    if curve is None or int(curve.steps[0]) > budget:
        return None
    return float(curve.seconds[curve.steps <= budget][-1])
