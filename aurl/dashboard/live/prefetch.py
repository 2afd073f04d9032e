"""Reads long logs before anyone asks for them, the newest first, as long as there is room in memory."""

from __future__ import annotations

import threading

from aurl.dashboard.live.catalog import Catalog
from aurl.dashboard.live.textlog import size_of
from aurl.dashboard.store.lru import Shelf

LONG_BYTES = 64 * 1024
MOST_RUNS = 64


class Warming(threading.Thread):
    """One pass over the runs there are when the server starts."""

    def __init__(self, catalog: Catalog, shelf: Shelf) -> None:
        super().__init__(name="aurl-warming", daemon=True)
        self._catalog = catalog
        self._shelf = shelf
        self._stop_event = threading.Event()

    def run(self) -> None:
        for entry in self._catalog.entries()[:MOST_RUNS]:
            if self._stop_event.is_set():
                return
            size = size_of(entry.path / "events" / "records.jsonl")
            if size >= LONG_BYTES and not entry.blocked and self._shelf.has_room(size):
                self._shelf.open(entry.path, wait=60.0)

    def stop(self) -> None:
        """End after the run under way."""
        self._stop_event.set()
