"""The table of runs, the alerts of all runs, the state of the server, and the event stream."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from aurl import __version__
from aurl.dashboard.live.broker import Client, event
from aurl.dashboard.live.catalog import RunEntry
from aurl.dashboard.live.poller import PERIOD
from aurl.dashboard.routes.requests import (
    MOST_NAMES,
    Parts,
    RefusedError,
    answer,
    names,
    parts,
    row_filter,
    whole_number,
)
from aurl.scalars import describe

_ALERT_SECONDS = 1.0
_MOST_COLUMNS = 64


async def runs(request: Request) -> Response:
    """`/api/runs`."""
    known, fits = parts(request), row_filter(request)
    limit = whole_number(request, "limit", 10_000, 1, 100_000)
    keys, metrics = (_columns(request, name) for name in ("key", "metric"))
    return await run_in_threadpool(_runs, known, fits, limit, keys, metrics)


async def columns(request: Request) -> Response:
    """`/api/columns`: what a table of these runs can show beside the facts: config keys and scalars."""
    catalog = parts(request).catalog
    return await run_in_threadpool(lambda: answer({"keys": catalog.keys, "metrics": catalog.metrics}))


async def alerts(request: Request) -> Response:
    """`/api/alerts`."""
    known, fits = parts(request), row_filter(request)
    keys, version = known.runs(request), known.catalog.version
    entries = [known.by_key(key) for key in keys] if keys else known.catalog.entries()
    limit = whole_number(request, "limit", 2000, 1, 20_000)
    found = await run_in_threadpool(_alerts, known, entries, fits, limit)
    return answer(found | {"version": version})


async def status(request: Request) -> Response:
    """`/api/status`."""
    known = parts(request)
    return answer(
        {
            "version": __version__,
            "root": str(known.catalog.root),
            "exists": known.catalog.root.is_dir(),
            "runs": len(known.catalog.entries()),
            "outside": known.catalog.outside,
            "clients": len(known.hub.clients),
            "tick_ms": known.poller.tick_seconds * 1000,
            "period": PERIOD,
            "rss_mb": _resident_mb(),
            "started": known.started,
            "boot": known.poller.boot,
            "csrf": known.csrf,
        }
    )


async def events(request: Request) -> Response:
    """`/events`: the stream of what is new."""
    known = parts(request)
    if known.hub.full():
        raise RefusedError(503, "too many open streams; close other tabs")
    run = request.query_params.get("run") or None
    wanted = names(request)
    if len(wanted) > MOST_NAMES:
        raise RefusedError(400, f"at most {MOST_NAMES} names")
    client = Client(run, tuple(wanted), _since(request), request.query_params.get("log") == "1")
    hello = {"boot": known.poller.boot, "version": known.catalog.version, "now": time.time(), "period": PERIOD}
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    return StreamingResponse(
        known.hub.stream(client, b"retry: 1000\n" + event("hello", hello)),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def _since(request: Request) -> tuple[int, int] | None:
    """Up to where the browser has the points: what it heard last, or what it says it asked for."""
    text = request.headers.get("last-event-id", "").rpartition("/")[2] or request.query_params.get("since", "")
    generation, _, cursor = text.partition(":")
    if generation.isdecimal() and cursor.isdecimal() and len(text) < 60:
        return int(generation), int(cursor)
    return None


def _columns(request: Request, name: str) -> list[str]:
    found = list(dict.fromkeys(request.query_params.getlist(name)))
    if len(found) > _MOST_COLUMNS:
        raise RefusedError(400, f"{name}={len(found)} of them: at most {_MOST_COLUMNS} at once")
    return found


def _runs(known: Parts, fits: Any, limit: int, keys: list[str], columns: list[str]) -> Response:
    catalog = known.catalog
    version = catalog.version  # before the rows: one too old makes a page ask again, one too new would hide a change
    entries = catalog.entries()
    # A filter sees the whole config, the table only what varies.
    matching = [entry for entry in entries if fits(entry.row | {"config": entry.config, "summary": entry.summary})]
    metrics = {*(entry.row["loss"]["metric"] for entry in matching), *columns} - {None}
    document = {
        "root": str(catalog.root),
        "exists": catalog.root.is_dir(),
        "total": len(entries),
        "matching": len(matching),
        "outside": catalog.outside,
        "runs": [catalog.row(entry, keys, columns) for entry in matching[:limit]],
        "varying": catalog.varying,
        "telling": catalog.telling,
        "names": {name: _name(name) for name in sorted(metrics)},
        "version": version,
        "now": time.time(),
    }
    return answer(document)


def _name(name: str) -> dict[str, str]:
    scalar = describe(name)
    return {"label": scalar.label, "unit": scalar.unit, "format": scalar.format, "better": scalar.better}


def _alerts(known: Parts, entries: list[RunEntry], fits: Any, limit: int) -> dict[str, Any]:
    until = time.monotonic() + _ALERT_SECONDS
    found: list[dict[str, Any]] = []
    complete = True
    for entry in entries:
        if time.monotonic() > until:
            complete = False  # the rest is there when the page asks again: what was read is kept
            break
        for alert in known.alerts.of(entry):
            row = alert | {"status": entry.row["status"], "name": entry.row["name"], "config": entry.config}
            if fits(row):
                found.append(alert)
    found.sort(key=lambda alert: -(alert["time"] or 0.0))
    return {
        "alerts": found[:limit],
        "total": len(found),
        "types": dict(Counter(str(alert["type"]) for alert in found)),
        "severities": dict(Counter(str(alert["severity"]) for alert in found)),
        "complete": complete,
    }


def _resident_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    except (OSError, ValueError):
        return 0.0
    return pages * 4096 / 2**20
