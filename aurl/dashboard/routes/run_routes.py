"""All about one run: its details, names, text log, files, and what is different in another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aurl.dashboard.live import textlog
from aurl.dashboard.live.catalog import RunEntry
from aurl.dashboard.routes import paths
from aurl.dashboard.routes.requests import Parts, RefusedError, answer, choice, parts, whole_number
from aurl.dashboard.routes.responses import FileAnswer
from aurl.dashboard.store.serializers import (
    MOST_SERIES,
    alert_json,
    checkpoints_json,
    grouped,
    ingest_json,
    series_json,
)
from aurl.library.facts import plain
from aurl.machine.numbers import valid_text
from aurl.machine.secrets import mask
from aurl.machine.untrusted import json_mapping, open_regular
from aurl.runs.annotations import read_annotations
from aurl.show.headlines import LEVELS

MOST_DOCUMENT_BYTES = 64 * 2**20
_ENVIRONMENT = (
    "host", "pid", "python", "aurl", "torch", "cuda", "platform", "cpu", "ram_gb", "gpus", "job", "device", "precision",
    "argv", "git", "git_diff", "seed", "model", "parameters",
)  # fmt: skip
_CODE = ("git", "aurl", "torch", "python", "cuda")
_FILES = ("report.html", "run.json", "config.json", "git.diff", "events/scalars.parquet", "logs/train.log")
_MOST_ALERTS, _MOST_NOTES = 500, 200


async def run(request: Request) -> Response:
    """`/api/run/KEY`."""
    return await run_in_threadpool(_run, parts(request), request.path_params["key"])


async def series(request: Request) -> Response:
    """`/api/names`."""
    known = parts(request)
    entry = known.run(request)
    wanted, prefix = request.query_params.get("q", "").casefold(), request.query_params.get("prefix", "")
    offset = whole_number(request, "offset", 0, 0, 10**9)
    limit = whole_number(request, "limit", 200, 1, 10_000)

    def find() -> Response:
        found = [
            one
            for one in series_json(known.open(entry))
            if one["name"].startswith(prefix)
            and (wanted in one["name"].casefold() or wanted in one["label"].casefold())
        ]
        return answer({"total": len(found), "series": found[offset : offset + limit]})

    return await run_in_threadpool(find)


async def log(request: Request) -> Response:
    """`/api/log`."""
    entry = parts(request).run(request)
    tail = whole_number(request, "tail", 500, 1, textlog.MOST_ENTRIES)
    before = whole_number(request, "before", -1, 0, 2**62)
    level = choice(request, "level", LEVELS)
    wanted = request.query_params.get("q", "")[:500]

    def find() -> Response:
        if entry.blocked:
            return answer({"lines": [], "size": 0, "searched": 0, "complete": True, "next": None})
        cut = None if before < 0 else before
        found = textlog.search(entry.path / "logs", tail=tail, wanted=wanted, level=level, before=cut)
        about = {"size": found.size, "searched": found.searched, "complete": found.complete, "next": found.next}
        return answer({"lines": [line.as_json() for line in found.entries], **about})

    return await run_in_threadpool(find)


async def diff(request: Request) -> Response:
    """`/api/diff`: what is different between two runs."""
    known = parts(request)
    return await run_in_threadpool(_diff, known, known.run(request, "a"), known.run(request, "b"))


class FileRoute:
    """`/file/KEY/...`: files of a run, as an ASGI application that sends them in pieces."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        known = parts(request)
        entry = known.by_key(request.path_params["key"])
        relative = request.path_params["path"]
        found = await run_in_threadpool(paths.open_inside, known.catalog.root, entry.path, relative)
        if found is None or entry.blocked:
            raise RefusedError(404, "no such file in this run, or not one that is served")
        download = request.query_params.get("download") == "1"
        await FileAnswer(found, relative.rpartition("/")[2], download=download)(scope, receive, send)


def document_of(entry: RunEntry) -> Mapping[str, Any]:
    """`run.json`, secrets masked once more; empty where it cannot be read."""
    return {} if entry.blocked else _masked(json_mapping(entry.path / "run.json", MOST_DOCUMENT_BYTES))


def _run(known: Parts, key: str) -> Response:
    entry = known.by_key(key)
    document = document_of(entry)
    about = {
        "run": known.catalog.row(entry),
        "document": document,
        "words": _words(entry),
        "config": _masked(entry.config),
        "overrides": _overrides(entry.path),
        "environment": {name: document[name] for name in _ENVIRONMENT if name in document},
        "files": _files(known.catalog.root, entry),
        "resumes": document.get("resumes") or [],
    }
    return answer(about | _from_log(known, entry, document))


def _from_log(known: Parts, entry: RunEntry, document: Mapping[str, Any]) -> dict[str, Any]:
    store = known.open(entry)
    found = series_json(store)
    with store.lock:
        store.mark()
        events = store.events
        alerts = list(events.alerts)[-_MOST_ALERTS:]
        notes = list(events.notes)[-_MOST_NOTES:]
        key, name = entry.row["key"], entry.row["name"]
        return {
            "groups": grouped(found[:MOST_SERIES]),
            "series_total": len(found),
            "series_truncated": len(found) > MOST_SERIES,
            "checkpoints": checkpoints_json(events, entry.path, document),
            "alerts": [alert_json(number, alert, events, key, name) for number, alert in reversed(alerts)],
            "notes": [{"step": note.step, "time": note.time, **plain(dict(note.fields))} for note in reversed(notes)],
            "data": _data(store.events.data),
            "ingest": ingest_json(store),
            "generation": store.generation,
            "cursor": store.cursor,
        }


def _words(entry: RunEntry) -> dict[str, str]:
    """A person's note in full, and the version that a change of it has to name."""
    own = read_annotations(entry.path)
    return {"notes": valid_text(own.notes), "version": own.version}


def _data(record: Any) -> dict[str, Any] | None:
    if record is None:
        return None
    return {"step": record.step, "scalars": plain(dict(record.scalars)), "fields": plain(dict(record.fields))}


def _masked(values: Mapping[str, Any]) -> dict[str, Any]:
    found = mask(values)
    assert isinstance(found, dict)
    return found


def _overrides(run: Path) -> list[str]:
    """The overrides as Hydra wrote them, one `- key=value` a line."""
    path = run / ".hydra" / "overrides.yaml"
    try:
        with open_regular(path) as file:
            lines = file.read(100_000).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line.removeprefix("- ") for line in lines if line.startswith("- ")]


def _files(root: Path, entry: RunEntry) -> list[dict[str, Any]]:
    found = []
    for name in _FILES:
        file = None if entry.blocked else paths.open_inside(root, entry.path, name)
        if file is not None:
            os.close(file.fd)
            found.append({"path": name, "bytes": file.size, "url": f"/file/{entry.row['key']}/{name}"})
    return found


def _diff(known: Parts, a: RunEntry, b: RunEntry) -> Response:
    first, second = document_of(a), document_of(b)
    environment = [name for name in _ENVIRONMENT if name not in _CODE]
    config, same = _differences(_masked(a.config), _masked(b.config))
    document = {
        "a": known.catalog.row(a),
        "b": known.catalog.row(b),
        "config": config,
        "environment": _differences(_only(first, environment), _only(second, environment))[0],
        "code": _differences(_only(first, _CODE), _only(second, _CODE))[0],
        "same": same,
    }
    return answer(document)


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    keys = sorted(a.keys() | b.keys())
    found = []
    for key in keys:
        sides = {side: values[key] for side, values in (("a", a), ("b", b)) if key in values}
        if len(sides) < 2 or sides["a"] != sides["b"]:
            found.append({"key": valid_text(key), **sides})
    return found, len(keys) - len(found)


def _only(document: Mapping[str, Any], wanted: tuple[str, ...] | list[str]) -> dict[str, Any]:
    return {name: document[name] for name in wanted if name in document}
