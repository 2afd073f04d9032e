"""The sink that keeps records in a list, for tests and notebooks."""

from __future__ import annotations

from aurl.record import Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink


class MemorySink(Sink):
    """Keeps every record.

    Attributes:
        records: what was written, in order.
        run: the run it was opened for, None before.
        flushes: how often `flush` was called.
        closed: whether `close` was called.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.run: RunDirectory | None = None
        self.flushes = 0
        self.closed = False

    def open(self, run: RunDirectory) -> None:
        self.run = run
        self.closed = False

    def write(self, record: Record) -> None:
        self.records.append(record)

    def flush(self) -> None:
        self.flushes += 1

    def close(self) -> None:
        self.closed = True
