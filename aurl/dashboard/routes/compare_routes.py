"""Runs beside each other: the verdicts of `aurl compare`, and the lines of a parallel-coordinates chart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from aurl.dashboard.live.catalog import RunEntry
from aurl.dashboard.routes.requests import Parts, RefusedError, answer, choice, parts
from aurl.dashboard.routes.run_routes import document_of
from aurl.errors import AurlError
from aurl.runs.settings import comparable
from aurl.show.wording import finite

_MODES: tuple[Literal["auto", "min", "max"], ...] = ("auto", "min", "max")


async def compare(request: Request) -> Response:
    """`/api/compare`."""
    known = parts(request)
    entries = _entries(known, request)
    metric = request.query_params.get("metric") or None
    mode = choice(request, "mode", _MODES)
    return await run_in_threadpool(_compare, entries, metric, None if mode == "auto" else mode)


async def parallel(request: Request) -> Response:
    """`/api/parallel`: an axis for each config key that is not the same in all these runs, and one for the result."""
    known = parts(request)
    return await run_in_threadpool(_parallel, _entries(known, request), request.query_params.get("metric", ""))


def _entries(known: Parts, request: Request) -> list[RunEntry]:
    entries = [known.by_key(key) for key in known.runs(request)]
    if not entries:
        raise RefusedError(400, "run=: name the runs to compare, run=KEY&run=KEY")
    return entries


def _compare(entries: Sequence[RunEntry], metric: str | None, mode: Literal["min", "max"] | None) -> Response:
    # Imported by the first who compares: its statistics take a second, and memory that the rest does without.
    from aurl.compare.comparing import compare as compare_runs
    from aurl.compare.report.document import to_json

    try:
        comparison = compare_runs([entry.path for entry in entries if not entry.blocked], metric=metric, mode=mode)
    except AurlError as error:
        return answer({"error": str(error)})  # nothing went wrong: these runs have nothing to tell together
    keys = {entry.row["id"]: entry.row["key"] for entry in entries}
    return answer(to_json(comparison) | {"keys": keys})


def _parallel(entries: Sequence[RunEntry], metric: str) -> Response:
    wanted = metric or str(entries[0].row["loss"]["metric"] or "")
    settings = [comparable(entry.config) for entry in entries]
    axes = []
    for key in sorted(set().union(*settings)):
        values = [each.get(key) for each in settings]
        if any(value != values[0] for value in values):
            axes.append({"key": key, "kind": _kind(values), "values": values})
    lines = [
        {
            "run": entry.row["key"],
            "values": [axis["values"][number] for axis in axes],
            "metric": _result(entry, wanted),
        }
        for number, entry in enumerate(entries)
    ]
    for axis in axes:
        axis["values"] = _distinct(axis["values"])
    return answer({"axes": axes, "lines": lines, "metric": wanted})


def _result(entry: RunEntry, metric: str) -> float | None:
    if metric == entry.row["loss"]["metric"]:
        return finite(entry.row["loss"]["last"])
    summary = document_of(entry).get("summary")
    found = summary.get(metric) if isinstance(summary, dict) else None
    return finite(found.get("last")) if isinstance(found, dict) else None


def _kind(values: Sequence[Any]) -> str:
    """`log` where all numbers are positive and the largest is a hundred times the smallest."""
    numbers = [finite(value) for value in values if value is not None]
    known = [value for value in numbers if value is not None]
    if not numbers or len(known) < len(numbers):
        return "category"
    return "log" if min(known) > 0 and max(known) >= 100 * min(known) else "number"


def _distinct(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return sorted(found, key=lambda value: (not isinstance(value, (int, float)), _order(value), str(value)))


def _order(value: Any) -> float:
    return finite(value) or 0.0 if isinstance(value, (int, float)) else math.inf
