"""The one background thread that shows records to the sinks."""

from __future__ import annotations

import errno
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from aurl.machine.episode import Episode
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink

QUEUE_RECORDS = 65_536
INTERVAL_SECONDS = 0.2
FAILURES_ALLOWED = 3
_DISK_REFUSES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class SinkThread:
    """Drains a bounded queue into the sinks, in order; a sink that fails is isolated from the others.

    The caller hands a record over with one `deque.append` and waits for nothing, unless the sinks have fallen
    `limit` records behind: then it waits for room, so nothing is ever dropped.

    Args:
        run: what `Sink.open` gets.
        report: takes a NOTE record about a failing sink; called on the sink thread.
        limit: records that may wait.
        interval: seconds between two looks at the queue.

    Attributes:
        shown: records that were given to sinks, counted for each sink: who sees it grow knows that they get on.
    """

    def __init__(
        self,
        run: RunDirectory,
        sinks: Sequence[Sink],
        report: Callable[[Record], None],
        *,
        limit: int = QUEUE_RECORDS,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._run = run
        self._report = report
        self._limit = limit
        self._interval = interval
        self._queue: deque[Record | threading.Event] = deque()
        self._failures: dict[Sink, int] = dict.fromkeys(sinks, 0)
        self._refusals = {sink: Episode() for sink in sinks}  # of the disk
        self.shown = 0
        self._latest: Record | None = None
        self._last_step = 0
        self._wake = threading.Event()
        self._progress = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="aurl-sinks", daemon=True)

    def start(self) -> None:
        """Begin to open the sinks; from here on `report` may be called."""
        self._thread.start()

    def put(self, record: Record) -> None:
        """Hand over a record; never blocks (see `wait_for_room`). The very record that came last is overlooked."""
        self._queue.append(record)
        if record.kind is Kind.ALERT or len(self._queue) >= self._limit:
            self._wake.set()

    def wait_for_room(self) -> None:
        """Back-pressure: wait while the queue is full. Called before the Monitor takes its lock."""
        if len(self._queue) < self._limit or threading.current_thread() is self._thread:
            return
        self._wake.set()
        with self._progress:
            self._progress.wait_for(lambda: len(self._queue) < self._limit or not self._thread.is_alive())

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until all records handed over so far were shown and flushed; False when that took too long."""
        if threading.current_thread() is self._thread:
            return False
        reached = threading.Event()
        self._queue.append(reached)
        self._wake.set()
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while not reached.is_set() and self._thread.is_alive():
            if (left := deadline - time.monotonic()) <= 0:
                return False
            reached.wait(min(left, self._interval))
        return True

    def close(self) -> None:
        """Show what waits, close every sink, end the thread."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        for sink in list(self._failures):
            self._open(sink)
        while not (self._closing and not self._queue):
            self._wake.wait(self._interval)
            self._wake.clear()
            self._show([self._queue.popleft() for _ in range(len(self._queue))])
        for sink in list(self._failures):
            self._close(sink)
        with self._progress:
            self._progress.notify_all()

    def _open(self, sink: Sink) -> None:
        sink.listener = partial(self._tell, sink)
        try:
            sink.open(self._run)
        except Exception as error:  # noqa: BLE001  one failing sink must not stop a run; it is recorded
            self._failures[sink] = FAILURES_ALLOWED
            self._failed(sink, "open", error)

    def _show(self, items: list[Record | threading.Event]) -> None:
        batch: list[Record] = []
        for item in items:
            if isinstance(item, threading.Event):
                self._feed_all(batch)
                batch = []
                item.set()
            elif item is not self._latest:
                self._latest = item
                batch.append(item)
        self._feed_all(batch)
        with self._progress:
            self._progress.notify_all()

    def _feed_all(self, batch: list[Record]) -> None:
        if batch:
            self._last_step = batch[-1].step
        for sink in list(self._failures):
            self._feed(sink, batch)

    def _feed(self, sink: Sink, batch: list[Record]) -> None:
        failed = False
        for record in batch:
            self.shown += 1
            try:
                sink.write(record)
            except Exception as error:  # noqa: BLE001  as above
                failed = True
                self._failures[sink] += 1
                if self._failed(sink, "write", error):
                    return
        try:
            sink.flush()
        except Exception as error:  # noqa: BLE001  as above
            self._failures[sink] += 1
            self._failed(sink, "flush", error)
        else:
            if not failed:
                self._failures[sink] = 0
                self._refusals[sink].ends()

    def _failed(self, sink: Sink, action: str, error: Exception) -> bool:
        if action != "open" and isinstance(error, OSError) and error.errno in _DISK_REFUSES:
            # The disk may take more later, and files that aurl writes keep what they could not; once an episode.
            if self._refusals[sink].fails():
                self._note(sink, action, error, off=False)
            return False
        off = self._failures[sink] >= FAILURES_ALLOWED
        self._note(sink, action, error, off)
        if off:
            self._close(sink)
        return off

    def _close(self, sink: Sink) -> None:
        del self._failures[sink]
        try:
            sink.close()
        except Exception as error:  # noqa: BLE001  as above
            self._note(sink, "close", error, off=False)

    def _note(self, sink: Sink, action: str, error: Exception, off: bool) -> None:
        message = f"sink {sink.name} failed to {action}: {type(error).__name__}: {error}"
        if off:
            message += f"; {sink.name} is switched off for this run, the event log goes on"
        self._tell(sink, message, "error" if off else "warning")

    def _tell(self, sink: Sink, message: str, level: str) -> None:
        fields = {"message": message, "level": level, "module": "monitor", "sink": sink.name}
        self._report(Record(Kind.NOTE, self._last_step, fields=fields, time=time.time()))
