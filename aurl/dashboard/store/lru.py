"""The runs that are open: their stores, kept in bounded memory and read by a few threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aurl.dashboard.store.cache import StoreCache
from aurl.dashboard.store.store import RunStore

BUDGET_BYTES = 144 * 2**20
READERS = 2


@dataclass(slots=True)
class Shelved:
    """An open run.

    Attributes:
        store: what was read of it.
        used: when it was last asked for, by the monotonic clock.
        reading: the read under way, None when there is none.
    """

    store: RunStore
    used: float
    reading: Future[bool] | None = None
    guard: threading.Lock = field(default_factory=threading.Lock)


class Shelf:
    """Opens runs on demand and forgets those that were not asked for longest.

    Args:
        cache: where columns are kept between two starts; None keeps them nowhere.
        budget: bytes of columns in memory; the run that was asked for last stays whatever its size.
    """

    def __init__(self, cache: StoreCache | None, budget: int = BUDGET_BYTES) -> None:
        self._cache = cache
        self._budget = budget
        self._lock = threading.Lock()
        self._runs: dict[Path, Shelved] = {}
        self._generation = int(time.time() * 1000)
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="aurl-reader")

    def open(self, path: Path, *, wait: float = 0.0) -> RunStore:
        """The store of a run, with a read of what is new under way, or done within `wait` seconds."""
        shelved = self._shelved(path)
        with shelved.guard:
            idle = shelved.reading is None or shelved.reading.done()
            if idle and shelved.store.tail.changed():
                shelved.reading = self._pool.submit(self._read, shelved)
        reading = shelved.reading
        if reading is not None and wait > 0:
            with suppress(TimeoutError):  # it goes on reading; whoever asked is shown what is there
                reading.result(wait)
        return shelved.store

    def peek(self, path: Path) -> RunStore | None:
        """The store of a run if it is open."""
        with self._lock:
            shelved = self._runs.get(path)
        return shelved.store if shelved else None

    def drop(self, path: Path) -> None:
        """Forget a run that is gone."""
        with self._lock:
            self._runs.pop(path, None)

    def has_room(self, size: int) -> bool:
        """Whether a log of this many bytes could be read without forgetting another."""
        with self._lock:
            return sum(shelved.store.nbytes for shelved in self._runs.values()) + size // 3 < self._budget

    def close(self) -> None:
        """Wait for the reads under way."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _shelved(self, path: Path) -> Shelved:
        with self._lock:
            shelved = self._runs.get(path)
            if shelved is None:
                self._generation += 1
                shelved = self._runs[path] = Shelved(RunStore(path, self._generation), time.monotonic())
            shelved.used = time.monotonic()
            return shelved

    def _read(self, shelved: Shelved) -> bool:
        store = shelved.store
        if store.state == "absent" and self._cache is not None:
            self._cache.load(store)
        new = store.refresh()
        if new and self._cache is not None:
            self._cache.save_if_worthwhile(store)
        self._make_room(shelved)
        return new

    def _make_room(self, kept: Shelved) -> None:
        with self._lock:
            by_age = sorted(self._runs.items(), key=lambda item: item[1].used)
            total = sum(shelved.store.nbytes for _, shelved in by_age)
            for path, shelved in by_age:
                if total <= self._budget:
                    return
                busy = shelved.reading is not None and not shelved.reading.done()
                if shelved is not kept and not busy:
                    total -= shelved.store.nbytes
                    del self._runs[path]
