"""The two things that a page may change: a person's words about runs, and which runs lie in the trash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from aurl.dashboard.live.catalog import RunEntry
from aurl.dashboard.routes.requests import MOST_RUNS, Parts, RefusedError, answer, parts
from aurl.dashboard.writing import MOST_BYTES
from aurl.errors import AurlError, RunError
from aurl.runs.annotations import annotate as write_annotations
from aurl.runs.annotations import read_annotations
from aurl.runs.listing import read_run
from aurl.runs.trash import throw_away

_TEXTS, _LISTS, _FLAGS = ("name", "notes", "seen"), ("add_tags", "remove_tags"), ("star", "archived")


async def annotate(request: Request) -> Response:
    """`POST /api/annotate`: `{"runs": [KEY, ...], "name"?, "notes"?, "add_tags"?, "remove_tags"?, "star"?, "archived"?,
    "seen"?}`; answers what is said about each run now."""
    known, document = parts(request), await _document(request)
    entries, changes = _entries(known, document), _changes(document)
    if len(entries) > 1 and {"name", "notes"} & changes.keys():
        raise RefusedError(400, "name and notes are of one run at a time")
    return await run_in_threadpool(_annotate, known, entries, changes)


async def trash(request: Request) -> Response:
    """`POST /api/trash`: `{"runs": [KEY, ...]}`; answers which were moved, and why others were not."""
    known, document = parts(request), await _document(request)
    if set(document) != {"runs"}:
        raise RefusedError(400, "only runs= is taken here")
    return await run_in_threadpool(_trash, known, _entries(known, document))


def _annotate(known: Parts, entries: list[RunEntry], changes: Mapping[str, Any]) -> Response:
    said = {}
    for entry in entries:
        given = read_run(entry.path).given_tags
        try:
            own = write_annotations(entry.path, given_tags=given, **changes)
        except RunError as error:
            status = 409 if read_annotations(entry.path).version != changes.get("seen", "") else 500
            raise RefusedError(status, str(error)) from None
        except AurlError as error:
            raise RefusedError(400, str(error)) from None
        known.catalog.ask_for(entry.path)
        said[entry.row["key"]] = {
            "name": own.name or entry.row["id"],
            "own_name": own.name,
            "notes": own.notes,
            "tags": own.tags_of(given),
            "star": own.star,
            "archived": own.archived,
            "version": own.version,
        }
    return answer({"runs": said})


def _trash(known: Parts, entries: list[RunEntry]) -> Response:
    moved, refused = {}, {}
    for entry in entries:
        try:
            moved[entry.row["key"]] = str(throw_away(entry.path, known.catalog.root).home)
        except AurlError as error:
            refused[entry.row["key"]] = str(error)
    return answer({"moved": moved, "refused": refused, "root": str(known.catalog.root)})


async def _document(request: Request) -> dict[str, Any]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise RefusedError(413, f"more than {MOST_BYTES} bytes")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RefusedError(400, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise RefusedError(400, "the body is not a JSON object")
    return document


def _entries(known: Parts, document: Mapping[str, Any]) -> list[RunEntry]:
    keys = document.get("runs")
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_RUNS or not all(isinstance(key, str) for key in keys):
        raise RefusedError(400, f"runs=: a list of 1 to {MOST_RUNS} keys of runs")
    entries = [known.by_key(key) for key in dict.fromkeys(keys)]
    for entry in entries:
        # A run that is a link, or lies behind one, is somebody else's folder.
        if entry.blocked or entry.path.is_symlink() or not entry.path.resolve().is_relative_to(known.catalog.root):
            raise RefusedError(403, f"{entry.row['id']}: lies outside of the directory that is served")
    return entries


def _changes(document: Mapping[str, Any]) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], bool]] = {
        **dict.fromkeys(_TEXTS, lambda value: isinstance(value, str)),
        **dict.fromkeys(_FLAGS, lambda value: isinstance(value, bool)),
        **dict.fromkeys(_LISTS, lambda value: isinstance(value, list) and all(isinstance(tag, str) for tag in value)),
    }
    changes = {name: value for name, value in document.items() if name != "runs"}
    for name, value in changes.items():
        if name not in checks or not checks[name](value):
            raise RefusedError(400, f"{name[:40]}=: allowed are {', '.join(checks)}, each of its kind")
    if not changes.keys() - {"seen"}:
        raise RefusedError(400, f"nothing to change: give one of {', '.join(checks)}")
    return changes
