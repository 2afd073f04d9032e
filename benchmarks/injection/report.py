"""Figures as Markdown tables and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.injection import scoring
from benchmarks.injection.scenario import HEALTHY
from benchmarks.injection.scoring import Alarm, Calm, Row, Verdict
from benchmarks.injection.trace import Truth
from benchmarks.measure import table

HEAD = (
    "type", "n", "typed", "exact", "false", "recall", "precision", "F1", "delay, steps", "observations", "% of run",
    "cause first", "in the end",
)  # fmt: skip


def line(truth: Truth, verdict: Verdict, told: Sequence[Alarm]) -> str:
    """One run: what it was, what was said."""
    if not truth.shown:
        return f"{truth.type}: {truth.variant}, seed {truth.seed}: the fault did not show"
    mark = "ok  " if (verdict.typed or truth.type == HEALTHY) and not verdict.false else "BAD "
    heard = ", ".join(f"{alarm.type}@{alarm.step}<{alarm.cause}" for alarm in told[:6])
    delay = "" if verdict.delay is None else f" after {verdict.delay}"
    wrong = f"; FALSE {', '.join(f'{alarm.type}@{alarm.step}' for alarm in verdict.false)}" if verdict.false else ""
    cause = "; WRONG CAUSE" if verdict.final is False else "; cause late" if verdict.cause is False else ""
    run = f"{truth.type} [{truth.variant}] {truth.seed}.{truth.attempt} onset {truth.onset}"
    return f"{mark}{run}{delay}: {heard}{wrong}{cause}"


def tables(types: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    """The table of types, that of healthy time, and the list of what went wrong."""
    parts = []
    if types:
        rows = [scoring.row(type_, verdicts) for type_ in (*types, "all")]
        parts.append(table("Faults provoked", HEAD, [_cells(row) for row in rows]))
    calm, before = scoring.calm(verdicts), scoring.before_onset(verdicts)
    head = ("healthy time", "runs", "with a false alarm", "false episodes", "steps", "episodes in 10,000 steps")
    cells = [_calm_cells("controls", calm), _calm_cells("before the onset of faults", before)]
    parts.append(table("False alarms, warning or worse", head, cells))
    parts.append("\n".join(_complaints(verdicts)))
    return "\n\n".join(parts)


def document(verdicts: Sequence[Verdict], costs: Sequence[float]) -> dict[str, Any]:
    """All figures, and each run, as JSON values."""
    types = sorted({verdict.case.type for verdict in verdicts} - {HEALTHY})
    rows = {type_: scoring.row(type_, verdicts) for type_ in (*types, "all")}
    calm, before = scoring.calm(verdicts), scoring.before_onset(verdicts)
    return {
        "types": {name: _figures(row) for name, row in rows.items()},
        "healthy": {**asdict(calm), "episodes_per_10000_steps": _number(calm.rate)},
        "before_onset": {**asdict(before), "episodes_per_10000_steps": _number(before.rate)},
        "microseconds_per_record": scoring.middle(costs),
        "runs": [_plain(verdict) for verdict in verdicts],
    }


def _cells(row: Row) -> list[str]:
    counts = [row.type, str(row.n), str(row.typed), str(row.exact), str(row.false)]
    shares = [f"{value:.2f}" for value in (row.recall, row.precision, row.f1)]
    delays = [f"{scoring.middle(row.delays):.0f}", f"{scoring.middle(row.looks):.0f}"]
    return [
        *counts,
        *shares,
        *delays,
        f"{100 * scoring.middle(row.shares):.1f}",
        f"{row.cause:.2f}",
        f"{row.final:.2f}",
    ]


def _calm_cells(name: str, calm: Calm) -> list[str]:
    return [name, str(calm.runs), str(calm.alarmed), str(calm.episodes), str(calm.steps), f"{calm.rate:.2f}"]


def _complaints(verdicts: Sequence[Verdict]) -> list[str]:
    found = []
    for verdict in verdicts:
        run = f"{verdict.case.type}, {verdict.case.name}, onset {verdict.case.onset}"
        if verdict.case.type != HEALTHY and not verdict.typed:
            found.append(f"- missed: {run}")
        found += [f"- false: {alarm.type} at {alarm.step} in {run}" for alarm in verdict.false]
        if verdict.final is False:
            found.append(f"- cause not first, not even in the end: {run}")
    return found


def _figures(row: Row) -> dict[str, Any]:
    return {
        "n": row.n,
        "found": row.found,
        "typed": row.typed,
        "exact": row.exact,
        "false": row.false,
        "recall": _number(row.recall),
        "precision": _number(row.precision),
        "f1": _number(row.f1),
        "delay_steps": _number(scoring.middle(row.delays)),
        "delay_observations": _number(scoring.middle(row.looks)),
        "delay_share": _number(scoring.middle(row.shares)),
        "cause_first": _number(row.cause),
        "cause_first_in_the_end": _number(row.final),
    }


def _plain(verdict: Verdict) -> dict[str, Any]:
    told = asdict(verdict)
    case = told.pop("case")
    return {"type": case["type"], "name": case["name"], "onset": case["onset"], "steps": case["steps"], **told}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
