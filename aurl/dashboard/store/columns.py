"""What a run has logged, as growing arrays: the rows of each kind of record, and the values of each scalar."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.show.arrays import Floats, Ints

_FIRST_CAPACITY = 16
_GROWTH = 1.5


class Column:
    """An array that grows at its end; what `view` gave stays as it was, whatever is appended later."""

    __slots__ = ("_data", "_length")

    def __init__(self, values: ArrayLike = (), dtype: type = np.float64) -> None:
        self._data: NDArray[Any] = np.array(values, dtype)
        self._length = len(self._data)

    def __len__(self) -> int:
        return self._length

    @property
    def nbytes(self) -> int:
        return self._data.nbytes

    def view(self) -> NDArray[Any]:
        return self._data[: self._length]

    def extend(self, values: NDArray[Any]) -> None:
        end = self._length + len(values)
        if end > len(self._data):
            larger = np.empty(max(_FIRST_CAPACITY, end, int(len(self._data) * _GROWTH)), self._data.dtype)
            larger[: self._length] = self.view()
            self._data = larger
        self._data[self._length : end] = values
        self._length = end

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Leave out what the mask does not name; views given before still hold it."""
        self._data = self.view()[mask]
        self._length = len(self._data)


@dataclass(slots=True)
class Series:
    """The values of one scalar in the records of one kind.

    Attributes:
        scalar: its name in the records.
        kind: of the records.
        values: float64, NaN and infinities as they were logged.
        rows: the row of each value among the records of this kind; None while every row has one.
    """

    scalar: str
    kind: str
    values: Column = field(default_factory=Column)
    rows: Column | None = None

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + (self.rows.nbytes if self.rows is not None else 0)

    def append(self, values: Floats, rows: Ints | None, before: int, added: int) -> None:
        """Take the values of a batch.

        Args:
            rows: their rows within the batch; None where all rows of the batch have one.
            before: rows of this kind before the batch.
            added: rows of the batch.
        """
        if self.rows is None and (rows is not None or len(self.values) != before):
            self.rows = Column(np.arange(len(self.values)), np.int32)
        if self.rows is not None:
            self.rows.extend(before + (np.arange(added) if rows is None else rows))
        self.values.extend(values)

    def keep(self, rows_kept: NDArray[np.bool_]) -> None:
        """Leave out the values of the rows that the mask over this kind's rows does not name."""
        if self.rows is None and len(self.values) == len(rows_kept):
            self.values.keep(rows_kept)
            return
        rows = np.arange(len(self.values)) if self.rows is None else self.rows.view()
        mask = rows_kept[rows]
        renumbered = np.cumsum(rows_kept) - 1
        self.rows = Column(renumbered[rows[mask]], np.int32)
        self.values.keep(mask)


@dataclass(slots=True)
class Rows:
    """When the records of one kind were written.

    Attributes:
        step, time, epoch: of each record that has scalars; time in seconds since 1970; epoch fractional, NaN where
            the record does not tell.
        series: by scalar name.
    """

    step: Column = field(default_factory=lambda: Column(dtype=np.int64))
    time: Column = field(default_factory=Column)
    epoch: Column = field(default_factory=Column)
    series: dict[str, Series] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        own = self.step.nbytes + self.time.nbytes + self.epoch.nbytes
        return own + sum(series.nbytes for series in self.series.values())

    def keep_until(self, step: int) -> None:
        """Leave out what was logged after a step."""
        mask = self.step.view() <= step
        if mask.all():
            return
        for series in self.series.values():
            series.keep(mask)
        for column in (self.step, self.time, self.epoch):
            column.keep(mask)


@dataclass(slots=True)
class RecordBatch:
    """Records of one kind, read together.

    Attributes:
        kind: of all of them.
        line: int64 [R], where each stood among the lines that were read.
        step, time, epoch: [R], as in `Rows`.
        columns: by scalar name the values, and the rows that have one (None: all).
    """

    kind: str
    line: Ints
    step: Ints
    time: Floats
    epoch: Floats
    columns: dict[str, tuple[Floats, Ints | None]]

    def __len__(self) -> int:
        return len(self.line)

    def between(self, first: int, last: int) -> RecordBatch:
        """The records whose lines are in [first, last)."""
        low, high = np.searchsorted(self.line, (first, last))
        columns: dict[str, tuple[Floats, Ints | None]] = {}
        for name, (values, rows) in self.columns.items():
            if rows is None:
                columns[name] = (values[low:high], None)
                continue
            start, stop = np.searchsorted(rows, (low, high))
            if stop > start:
                columns[name] = (values[start:stop], rows[start:stop] - low)
        cut = slice(int(low), int(high))
        return RecordBatch(self.kind, self.line[cut], self.step[cut], self.time[cut], self.epoch[cut], columns)

    def append_to(self, target: Rows) -> None:
        """Put the records at the end of the rows of their kind."""
        if not len(self):
            return
        before = len(target.step)
        for name, (values, rows) in self.columns.items():
            if name not in target.series:
                target.series[name] = Series(name, self.kind)
            target.series[name].append(values, rows, before, len(self))
        target.step.extend(self.step)
        target.time.extend(self.time)
        target.epoch.extend(self.epoch)
