"""One run, read by offset into columns: what `refresh` has seen so far can be asked for at any time."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from aurl.dashboard.store.columns import RecordBatch, Rows, Series
from aurl.dashboard.store.curves import Abscissa, Axis, DrawnCurve, Snapshot, draw, snapshot
from aurl.dashboard.store.events import RunEvents
from aurl.dashboard.store.parsing import Parsed, Parser
from aurl.runs.table import resumed_from
from aurl.runs.tail import LogReplacedError, LogTail

State = Literal["absent", "reading", "ready"]
KINDS = ("step", "eval", "quality", "sample", "data", "system", "epoch", "end")
"""Which kind's series takes the plain name where several kinds log the same scalar."""


@dataclass(frozen=True, slots=True)
class NewPoints:
    """The rows that came after a cursor, by kind: first and last row, and the series that have values there."""

    generation: int
    after: int
    cursor: int
    rows: dict[str, tuple[int, int]]


class RunStore:
    """The curves and events of one run directory; safe to ask from other threads while one refreshes it.

    Attributes:
        path: the run's directory.
        generation: goes up when rows that were given out no longer hold: the log was replaced, or the run went back.
        cursor: rows taken in within this generation.
        state: `absent` without a log, `reading` while the first look is under way, else `ready`.
        skipped: lines that are not records.
    """

    def __init__(self, path: Path, generation: int = 0) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.tail = LogTail(path / "events", trusted=False)
        self.parser = Parser()
        self.generation = generation
        self._begin()
        self.state: State = "absent"

    def _begin(self) -> None:
        self.rows: dict[str, Rows] = {}
        self.events = RunEvents()
        self.cursor = 0
        self.skipped = 0
        self.first_time = math.nan
        self._marks: list[tuple[int, dict[str, int]]] = []

    @property
    def nbytes(self) -> int:
        """Memory of the columns, in bytes."""
        return sum(rows.nbytes for rows in self.rows.values())

    @property
    def series_count(self) -> int:
        return sum(len(rows.series) for rows in self.rows.values())

    def refresh(self) -> bool:
        """Read what is new; returns whether there was anything. One thread at a time."""
        if not self.tail.changed():
            return False
        first = self.state == "absent"
        new = False
        try:
            for block in self.tail.blocks():
                if first:
                    self.state = "reading"
                parsed = self.parser.parse(block)
                with self.lock:
                    self._take(parsed)
                new = True
        except LogReplacedError:
            with self.lock:
                self.tail = LogTail(self.path / "events", trusted=False)
                self.generation += 1
                self._begin()
            self.refresh()
            new = True
        self.state = "ready" if self.tail.places else "absent"
        return new

    def restore(self, tail: LogTail, rows: dict[str, Rows], events: RunEvents, first_time: float, skipped: int) -> None:
        """Go on from what an earlier start had read."""
        with self.lock:
            self.tail, self.rows, self.events = tail, rows, events
            self.first_time, self.skipped = first_time, skipped
            self.cursor = sum(len(kind.step) for kind in rows.values())
            self.state = "ready"

    def series(self) -> list[tuple[str, Series]]:
        """All series under the names by which `find` knows them, sorted."""
        with self.lock:
            owner: dict[str, str] = {}
            for kind in self._kinds():
                for scalar in self.rows[kind].series:
                    owner.setdefault(scalar, kind)
            named = [
                (scalar if owner[scalar] == kind else f"{scalar}@{kind}", series)
                for kind in self._kinds()
                for scalar, series in self.rows[kind].series.items()
            ]
        return sorted(named, key=lambda pair: pair[0])

    def find(self, name: str) -> Series | None:
        """The series of this name: a scalar, or `scalar@kind`."""
        scalar, mark, kind = name.rpartition("@")
        if mark and kind in self.rows and scalar in self.rows[kind].series:
            return self.rows[kind].series[scalar]
        for other in self._kinds():
            if name in self.rows[other].series:
                return self.rows[other].series[name]
        return None

    def snapshot(self, name: str) -> Snapshot | None:
        """The points of a series as they stand; None where there is no such series."""
        with self.lock:
            series = self.find(name)
            if series is None:
                return None
            return snapshot(series, self.rows[series.kind], self.rows.get("step"), self.first_time)

    def curve(
        self,
        name: str,
        axis: Axis = "step",
        *,
        low: float = -math.inf,
        high: float = math.inf,
        points: int = 1500,
        smooth: float = 0.0,
        keep_steps: Iterable[int] | None = None,
    ) -> DrawnCurve | None:
        """A series as it is drawn, see `aurl.dashboard.store.curves.draw`; None where there is no such series.

        Args:
            keep_steps: steps whose points are never left out; those of the alerts by default.
        """
        found = self.snapshot(name)
        if found is None:
            return None
        keep = self.alert_steps() if keep_steps is None else keep_steps
        return draw(found, Abscissa.of(found, axis), low=low, high=high, most=points, smooth=smooth, keep_steps=keep)

    def alert_steps(self) -> list[int]:
        """The steps of the newest alerts that still hold, at most 500."""
        with self.lock:
            events = self.events
            kept = {alert.step for number, alert in events.alerts if number not in events.superseded}
        return sorted(kept)[-500:]

    def since(self, generation: int, cursor: int) -> NewPoints | None:
        """What came after a cursor; None where that cannot be told, and the curves have to be asked for again."""
        with self.lock:
            if generation != self.generation or cursor > self.cursor:
                return None
            ends = {kind: len(rows.step) for kind, rows in self.rows.items()}
            if cursor == self.cursor:
                return NewPoints(generation, cursor, cursor, {})
            before = next((lengths for mark, lengths in reversed(self._marks) if mark == cursor), None)
            if before is None:
                return None
            rows = {kind: (before.get(kind, 0), end) for kind, end in ends.items() if end > before.get(kind, 0)}
            return NewPoints(generation, cursor, self.cursor, rows)

    def new_values(self, found: NewPoints, name: str) -> tuple[Any, Any, Any, Any] | None:
        """Step, time, epoch and values of one series among new points; None where it has none."""
        with self.lock:
            series = self.find(name)
            if series is None or series.kind not in found.rows or found.generation != self.generation:
                return None
            first, last = found.rows[series.kind]
            rows = self.rows[series.kind]
            if series.rows is None:
                last = min(last, len(series.values))
                picked: Any = slice(first, last)
                values = series.values.view()[picked]
            else:
                where = series.rows.view()
                low, high = np.searchsorted(where, (first, last))
                picked, values = where[low:high], series.values.view()[low:high]
            if not len(values):
                return None
            return rows.step.view()[picked], rows.time.view()[picked], rows.epoch.view()[picked], values

    def mark(self) -> None:
        """Remember the present cursor, so that `since` can answer from it; the last 256 are kept."""
        with self.lock:
            if not self._marks or self._marks[-1][0] != self.cursor:
                self._marks.append((self.cursor, {kind: len(rows.step) for kind, rows in self.rows.items()}))
                del self._marks[:-256]

    def _kinds(self) -> list[str]:
        known = [kind for kind in KINDS if kind in self.rows]
        return known + sorted(set(self.rows) - set(KINDS))

    def _take(self, parsed: Parsed) -> None:
        self.skipped += parsed.skipped
        start = 0
        for number, record in parsed.records:
            step = resumed_from(record)
            if step is not None:
                self._append(parsed.batches, start, number)
                start = number
                self._rewind(step)
            self.events.add(record)
        self._append(parsed.batches, start, parsed.lines)

    def _append(self, batches: list[RecordBatch], first: int, last: int) -> None:
        for batch in batches:
            part = batch.between(first, last)
            if not len(part):
                continue
            if math.isnan(self.first_time):
                self.first_time = float(part.time[0])
            part.append_to(self.rows.setdefault(batch.kind, Rows()))
            self.cursor += len(part)

    def _rewind(self, step: int) -> None:
        self.events.rewind(step)
        if any(len(rows.step) and rows.step.view().max() > step for rows in self.rows.values()):
            for rows in self.rows.values():
                rows.keep_until(step)
            self.generation += 1
            self._marks.clear()
