"""The first of two passes over a log: which columns it has, and how its steps run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from aurl.anomaly.statistics.roles import Role, role_of
from aurl.errors import DataError
from aurl.lint.axis import AxisTrace
from aurl.lint.readers.columns import AXES
from aurl.lint.readers.source import MAX_COLUMNS, LogSource, Row

_REASONS_KEPT = 3
_SHAPES_KEPT = 4096
_SAMPLES = 256  # at least half as many, evenly over the log


class Survey:
    """What one reading of a log tells; memory grows with its columns and restarts, not with its rows.

    Attributes:
        rows: how many there are.
        counts: rows by column.
        skipped: lines that could not be read; `reasons` has the first of them in words.
        events: the steps that stand beside the values, in formats that have them there.
        traces: the steps in each column that may count them.
        clocks: columns of time that never fall.
        samples: rows with a metric, evenly from all over the log.

    Args:
        source: the log.
        given: roles that a user gave, by column.

    Raises:
        DataError: the log cannot be read, or has too many columns for a training log.
    """

    def __init__(self, source: LogSource, given: Mapping[str, Role]) -> None:
        self.rows = 0
        self.counts: dict[str, int] = {}
        self.skipped = 0
        self.reasons: list[str] = []
        self.events = AxisTrace(mixed=True)
        self.traces: dict[str, AxisTrace] = {}
        self.epochs: list[str] = []
        self.clocks: dict[str, float] = {}
        self.samples: list[Mapping[str, float]] = []
        self._every, self._unseen = 1, 0
        self._given = given
        self._axes: set[str] = set()
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        for row in source.rows(self._skip):
            self._take(row)
            if len(self.counts) > MAX_COLUMNS:
                raise DataError(f"{source.path}: more than {MAX_COLUMNS:,} columns; is this a training log?")
        self._add_up()

    def _skip(self, line: int, reason: str) -> None:
        self.skipped += 1
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(f"line {line}: {reason}")

    def _take(self, row: Row) -> None:
        self.rows += 1
        values = row.values
        shape = self._shapes.get(tuple(values)) or self._meet(tuple(values))
        shape.rows += 1
        if not shape.metrics:
            return
        self._sample(values)
        epoch = values[shape.epoch] if shape.epoch is not None else None
        if row.step is not None:
            self.events.see(row.number, row.step, shape.metrics, epoch)
        for name, trace in shape.traces:
            trace.see(row.number, values[name], shape.metrics, epoch)
        for name in shape.clocks:
            self._read_clock(name, values[name])

    def _sample(self, values: Mapping[str, float]) -> None:
        self._unseen += 1
        if self._unseen >= self._every:
            self._unseen = 0
            self.samples.append(values)
            if len(self.samples) >= _SAMPLES:
                self.samples = self.samples[::2]
                self._every *= 2

    def _meet(self, names: tuple[str, ...]) -> _Shape:
        """Work out once what is to be done with rows of these columns."""
        for name in names:
            if name not in self.counts:
                self.counts[name] = 0
                self._meet_column(name)
        if len(self._shapes) >= _SHAPES_KEPT:
            self._add_up()
        shape = _Shape(
            metrics=tuple(name for name in names if name not in self._axes),
            epoch=next((name for name in self.epochs if name in names), None),
            traces=[(name, self.traces[name]) for name in names if name in self.traces],
            clocks=[name for name in names if name in self.clocks],
        )
        self._shapes[names] = shape
        return shape

    def _meet_column(self, name: str) -> None:
        role = self._given.get(name) or role_of(name)
        if role not in AXES:
            return
        self._axes.add(name)
        if role is Role.CLOCK:
            self.clocks[name] = 0.0
        else:
            self.traces[name] = AxisTrace()
        if role is Role.EPOCH:
            self.epochs.append(name)

    def _add_up(self) -> None:
        for names, shape in self._shapes.items():
            for name in names:
                self.counts[name] += shape.rows
        self._shapes.clear()

    def _read_clock(self, name: str, seconds: float) -> None:
        if seconds >= self.clocks.get(name, math.inf):
            self.clocks[name] = seconds
        else:
            self.clocks.pop(name, None)  # the time that each epoch took, or one that begins anew: no clock


@dataclass(slots=True)
class _Shape:
    """Rows that have the same columns."""

    metrics: tuple[str, ...]
    epoch: str | None
    traces: list[tuple[str, AxisTrace]]
    clocks: list[str]
    rows: int = 0
