"""The alerts of all runs, found in their logs without reading the rest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aurl.dashboard.live.catalog import RunEntry
from aurl.dashboard.store.events import RunEvents
from aurl.dashboard.store.lru import Shelf
from aurl.dashboard.store.serializers import alert_json
from aurl.errors import RecordError
from aurl.record import Record
from aurl.runs.codec import decode
from aurl.runs.table import resumed_from
from aurl.runs.tail import LogReplacedError, LogTail

_SIGNS = (b'"kind":"alert"', b'"resumed_from":')


class AlertIndex:
    """Keeps the alerts of every run that has any; a run that is open gives them from its store instead.

    Its methods may be called from any thread.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._runs: dict[Path, tuple[LogTail, RunEvents]] = {}
        self._told: dict[Path, int] = {}

    def of(self, entry: RunEntry) -> list[dict[str, Any]]:
        """The alerts of one run, oldest first; reads what is new in its log."""
        if entry.blocked or not any(entry.row["alerts"].values()):
            store = self._shelf.peek(entry.path)
            if store is None or entry.blocked:
                return []
        events = self._events(entry.path)
        with self._lock:
            numbered = list(events.alerts)
        return [alert_json(number, alert, events, entry.row["key"], entry.row["name"]) for number, alert in numbered]

    def fresh(self, entry: RunEntry) -> list[dict[str, Any]]:
        """Alerts of a run since the last call for it; none at the first call."""
        count = sum(entry.row["alerts"].values())
        before = self._told.get(entry.path)
        self._told[entry.path] = count
        if before is None or count <= before:
            return []
        return self.of(entry)[before - count :]

    def forget(self, path: Path) -> None:
        """A run that is gone."""
        with self._lock:
            self._runs.pop(path, None)
            self._told.pop(path, None)

    def _events(self, path: Path) -> RunEvents:
        store = self._shelf.peek(path)
        if store is not None and store.state == "ready":
            return store.events
        with self._lock:
            tail, events = self._runs.get(path) or (LogTail(path / "events", trusted=False), RunEvents())
            try:
                _read(tail, events)
            except LogReplacedError:
                tail, events = LogTail(path / "events", trusted=False), RunEvents()
                _read(tail, events)
            self._runs[path] = (tail, events)
            return events


def _read(tail: LogTail, events: RunEvents) -> None:
    if not tail.changed():
        return
    for block in tail.blocks():
        for record in _interesting(block):
            step = resumed_from(record)
            if step is not None:
                events.rewind(step)
            if record.kind == "alert":
                events.add(record)


def _interesting(block: bytes) -> Iterator[Record]:
    """The alerts, and the records after which earlier ones no longer hold, in order."""
    found: set[tuple[int, int]] = set()
    for sign in _SIGNS:
        at = block.find(sign)
        while at >= 0:
            start, end = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
            found.add((start, end))
            at = block.find(sign, end)
    for start, end in sorted(found):
        try:
            yield decode(block[start:end])
        except RecordError:
            continue
