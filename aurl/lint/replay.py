"""The second pass: a log's rows as the records that a loop would have written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from aurl.anomaly.statistics.roles import Role, words
from aurl.lint.axis import limits
from aurl.lint.readers.columns import LogColumn
from aurl.lint.readers.source import LogSource, Row
from aurl.lint.steps import Steps
from aurl.record import Json, Kind, Record

_Shape: TypeAlias = dict[Kind, list[tuple[str, str]]]
"""For rows that have the same columns: by record, the names in the log and in the record."""

_SHAPES_KEPT = 4096
_ORDER = (Kind.DATA, Kind.STEP, Kind.SYSTEM, Kind.EPOCH, Kind.EVAL, Kind.QUALITY)
_SECONDS = {"ms": 1e-3, "min": 60.0, "minutes": 60.0, "h": 3600.0, "hour": 3600.0, "hours": 3600.0}


class Replay:
    """Makes records of a log once. Rows of the same step are put together; superseded ones are left out.

    Attributes:
        superseded: rows left out so far because a restart wrote their steps again.

    Args:
        source: the log.
        columns: what its columns are.
        steps: how it counts.
        clock: the column that tells the time.
    """

    def __init__(self, source: LogSource, columns: Sequence[LogColumn], steps: Steps, clock: str | None) -> None:
        self.superseded = 0
        self._source, self._steps = source, steps
        self._targets = {
            column.name: (_kind(column.kind, steps.per_epoch), column.scalar) for column in columns if column.kind
        }
        self._epoch = next((column.name for column in columns if column.role is Role.EPOCH), None)
        self._clock = clock
        self._unit = next((_SECONDS[word] for word in words(clock or "") if word in _SECONDS), 1.0)
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._pending: dict[Kind, dict[str, float]] = {}
        self._step = 0
        self._time = 0.0
        self._fields: dict[str, Json] = {}

    def records(self) -> Iterator[Record]:
        """START, what was logged, and END."""
        name = _run_name(self._source.path)
        begin: dict[str, Json] = {"run": name, "name": name, "resumed_from": None}
        if self._steps.last:
            begin["steps"] = self._steps.last  # detectors that ask how much was still to come get a true answer
        yield Record(Kind.START, 0, fields=begin | dict(self._source.facts))
        place = self._steps.begin()
        coming = zip(self._steps.restarts, limits(self._steps.restarts), strict=True)
        restart, limit = next(coming, (None, 0))
        for row in self._source.rows(_ignore):
            if self._steps.end is not None and row.number >= self._steps.end:
                break
            step = place(row)
            if restart is not None and row.number >= restart.row:
                yield from self._flush()
                yield Record(Kind.START, step, fields={"resumed_from": max(restart.to - 1, 0)}, time=self._time)
                restart, limit = next(coming, (None, 0))
            if restart is not None and step >= limit:
                self.superseded += 1
                continue
            if step != self._step:
                yield from self._flush()
            yield from self._take(row, step)
        yield from self._flush()
        yield Record(Kind.END, self._step, fields={"status": "done"}, time=self._time)

    def _take(self, row: Row, step: int) -> Iterator[Record]:
        """Add a row to what waits for its step; first let go of a step that has one of its metrics already."""
        shape = self._shapes.get(tuple(row.values)) or self._meet(tuple(row.values))
        values = row.values
        taken = {kind: {scalar: values[name] for name, scalar in pairs} for kind, pairs in shape.items()}
        if self._pending and any(
            not scalars.keys().isdisjoint(self._pending.get(kind, ())) for kind, scalars in taken.items()
        ):
            yield from self._flush()
        if self._pending:
            for kind, scalars in taken.items():
                self._pending.setdefault(kind, {}).update(scalars)
        else:
            self._pending = taken
        self._step = step
        self._look_at_clock(row)

    def _meet(self, names: tuple[str, ...]) -> _Shape:
        """Which record, and under which name, takes each of these columns."""
        shape: _Shape = {}
        for name in names:
            if (target := self._targets.get(name)) is not None:
                shape.setdefault(target[0], []).append((name, target[1]))
        if len(self._shapes) >= _SHAPES_KEPT:
            self._shapes.clear()
        self._shapes[names] = shape
        return shape

    def _look_at_clock(self, row: Row) -> None:
        if row.time is not None:
            self._time = row.time
        elif self._clock is not None and (seconds := row.values.get(self._clock)) is not None:
            self._time = seconds * self._unit
        if self._epoch is not None and (epoch := row.values.get(self._epoch)) is not None and abs(epoch) < 1e9:
            self._fields = {"epoch": int(epoch)}

    def _flush(self) -> Iterator[Record]:
        if self._pending:
            pending, self._pending = self._pending, {}
            for kind in _ORDER:
                if kind in pending:
                    yield Record(kind, self._step, pending[kind], self._fields, self._time)


def _kind(kind: Kind, per_epoch: bool) -> Kind:
    return Kind.EPOCH if per_epoch and kind is Kind.STEP else kind


def _run_name(path: Path) -> str:
    return path.stem if path.is_file() else path.name


def _ignore(_line: int, _reason: str) -> None:
    """The first pass has told of what cannot be read."""
