"""What a request asks for, checked; and answers as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from aurl.dashboard.live.alerts import AlertIndex
from aurl.dashboard.live.broker import Hub
from aurl.dashboard.live.catalog import Catalog, RunEntry
from aurl.dashboard.live.copies import CopyFinder
from aurl.dashboard.live.poller import Poller
from aurl.dashboard.store.lru import Shelf
from aurl.dashboard.store.store import RunStore
from aurl.library.filters import FilterError, Test, parse_filter

MOST_RUNS, MOST_NAMES = 200, 64
FIRST_READ_SECONDS = 1.0

Choice = TypeVar("Choice", bound=str)


class RefusedError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP, 400 to 499.
        at: the position in a filter where it goes wrong.
    """

    def __init__(self, status: int, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.at = at


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with; `request.app.state.parts`."""

    catalog: Catalog
    shelf: Shelf
    hub: Hub
    alerts: AlertIndex
    poller: Poller
    copies: CopyFinder
    started: float
    csrf: str | None = None

    def run(self, request: Request, name: str = "run") -> RunEntry:
        """The one run that the query names."""
        return self.by_key(request.query_params.get(name, ""))

    def by_key(self, key: str) -> RunEntry:
        entry = self.catalog.get(key)
        if entry is None:
            raise RefusedError(404, f"no run {key[:40]!r}; it may have been removed")
        return entry

    def runs(self, request: Request) -> list[str]:
        """The keys that the query names, each once."""
        keys = list(dict.fromkeys(request.query_params.getlist("run")))
        if len(keys) > MOST_RUNS:
            raise RefusedError(400, f"run={len(keys)} of them: at most {MOST_RUNS} at once")
        return keys

    def open(self, entry: RunEntry, wait: float = FIRST_READ_SECONDS) -> RunStore:
        """The store of a run; a long one may still be being read, that of a run that may not be read stays empty."""
        if entry.blocked:
            return RunStore(entry.path)
        return self.shelf.open(entry.path, wait=wait)

    def begin_to_open(self, keys: Sequence[str]) -> None:
        """Have the runs read beside one another, as far as they are known."""
        for key in keys:
            entry = self.catalog.get(key)
            if entry is not None and not entry.blocked:
                self.shelf.open(entry.path)


def parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


def answer(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document, default=str), status, media_type="application/json")


def whole_number(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A query parameter as an integer within its range; values beyond are moved to the end of the range."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    try:
        return min(high, max(low, int(text[:20])))
    except ValueError:
        raise RefusedError(400, f"{name}={text[:40]!r} is not a whole number") from None


def real(request: Request, name: str, default: float) -> float:
    """A query parameter as a number; infinities are let pass, NaN is not."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    try:
        value = float(text[:40])
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise RefusedError(400, f"{name}={text[:40]!r} is not a number")
    return value


def choice(request: Request, name: str, allowed: Sequence[Choice]) -> Choice:
    """A query parameter that is one of a few words; the first is the default."""
    text = request.query_params.get(name, "")
    if not text:
        return allowed[0]
    for word in allowed:
        if word == text:
            return word
    raise RefusedError(400, f"{name}={text[:40]!r}: allowed are {', '.join(allowed)}")


def names(request: Request) -> list[str]:
    """The series that the query names, each once."""
    found = list(dict.fromkeys(request.query_params.getlist("name")))
    if len(found) > MOST_NAMES:
        raise RefusedError(400, f"name={len(found)} of them: at most {MOST_NAMES} at once")
    return found


def row_filter(request: Request) -> Test:
    """The filter that the query holds."""
    try:
        return parse_filter(request.query_params.get("filter", ""))
    except FilterError as error:
        raise RefusedError(400, f"filter: {error}", error.at) from None
