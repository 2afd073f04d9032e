"""Lines of an event log to arrays: large blocks through polars, all else record by record.

Polars drops a key that its schema does not name without a word, so the names found in each line are counted, and a
block whose count differs is read again with the name that was missing. What polars refuses (torn lines, integers
beyond 64 bits) or cannot tell (non-finite values) goes through `aurl.runs.codec`, which decides what a record is.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aurl.dashboard.store.columns import RecordBatch
from aurl.errors import RecordError
from aurl.record import Record
from aurl.runs.codec import decode
from aurl.show.arrays import Floats, Ints

FAST_BYTES = 256 * 1024
_FAST_KINDS = ("step", "system")
_MOST_NAMES = 256
_ATTEMPTS = 6
_QUOTE, _BRACE, _NEWLINE = 34, 125, 10
_START = b'{"v":1,"kind":"'
_QUOTES_BEFORE_SCALARS = 12  # of `{"v":1,"kind":"step","step":1,"time":1.5,"scalars":{`


@dataclass(slots=True)
class Parsed:
    """A block of lines.

    Attributes:
        batches: the scalars, by kind of record.
        records: line number and record of every kind but `step` and `system`, in order.
        lines: how many lines there were.
        skipped: how many of them are not records.
    """

    batches: list[RecordBatch]
    records: list[tuple[int, Record]]
    lines: int
    skipped: int = 0


@dataclass(slots=True)
class Parser:
    """Parses the blocks of one run, and remembers the scalar names of its steps."""

    names: dict[str, None] = field(default_factory=dict)

    def parse(self, block: bytes) -> Parsed:
        """The records of whole lines.

        Args:
            block: ends with a newline.
        """
        if len(block) >= FAST_BYTES and b'"nonfinite"' not in block:
            found = self._fast(block)
            if found is not None:
                return found
        return self._slow(block)

    def _slow(self, block: bytes) -> Parsed:
        lines = block.split(b"\n")[:-1]
        records: list[tuple[int, Record]] = []
        for number, line in enumerate(lines):
            try:
                records.append((number, decode(line)))
            except RecordError:
                continue
        for _, record in records:
            if record.kind == "step" and len(self.names) <= _MOST_NAMES:
                self.names.update(dict.fromkeys(record.scalars))
        others = [(number, record) for number, record in records if record.kind not in _FAST_KINDS]
        return Parsed(batches_of(records), others, len(lines), len(lines) - len(records))

    def _fast(self, block: bytes) -> Parsed | None:
        """The same through polars; None where it cannot be trusted with this block."""
        bytes_ = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(bytes_ == _NEWLINE)
        starts = np.concatenate([[0], ends[:-1] + 1])
        counted = _names_in_lines(bytes_, starts)
        for _ in range(_ATTEMPTS):
            frame = _frame(block, len(ends), self.names)
            if frame is None:
                return None
            columns = _columns(frame, self.names)
            present = sum((~np.isnan(values) for values in columns.values()), np.zeros(len(ends), np.int64))
            missing = np.flatnonzero(frame["kind"].is_in(_FAST_KINDS).to_numpy() & (present != counted))
            if not len(missing):
                return self._finish(block, starts, ends, frame, columns)
            some = missing[:: max(1, len(missing) // 16)]
            if not self._learn(block[starts[line] : ends[line]] for line in some):
                return None
        return None

    def _learn(self, lines: Iterable[bytes]) -> bool:
        """Take up the names of these lines; returns whether any was new."""
        before = len(self.names)
        for line in lines:
            try:
                self.names.update(dict.fromkeys(decode(line).scalars))
            except RecordError:
                return False
        return len(self.names) > before

    def _finish(
        self, block: bytes, starts: Ints, ends: Ints, frame: Any, columns: Mapping[str, Floats]
    ) -> Parsed | None:
        kinds = frame["kind"].to_numpy()
        step, time = frame["step"].to_numpy(), frame["time"].fill_null(0.0).to_numpy()
        epoch = _fraction(*(frame["fields"].struct.field(name).to_numpy() for name in ("epoch", "batch", "batches")))
        batches: list[RecordBatch] = []
        for kind in _FAST_KINDS:
            lines = np.flatnonzero(kinds == kind)
            picked = {name: _present(values[lines]) for name, values in columns.items()}
            filled = {name: found for name, found in picked.items() if len(found[0])}
            if len(lines):
                batches.append(RecordBatch(kind, lines, step[lines], time[lines], epoch[lines], filled))
        others: list[tuple[int, Record]] = []
        for line in np.flatnonzero(~np.isin(kinds.astype(str), _FAST_KINDS)).tolist():
            try:
                others.append((line, decode(block[starts[line] : ends[line]])))
            except RecordError:
                return None
        return Parsed(batches + batches_of(others), others, len(ends))


def batches_of(records: Sequence[tuple[int, Record]]) -> list[RecordBatch]:
    """The scalars of numbered records, a batch for each kind."""
    kinds: dict[str, list[tuple[int, Record]]] = {}
    for number, record in records:
        if record.scalars:
            kinds.setdefault(str(record.kind), []).append((number, record))
    return [_batch(kind, found) for kind, found in kinds.items()]


def epoch_of(fields: Mapping[str, Any]) -> float:
    """How many epochs are behind, as a fraction where the record knows its batch; NaN where it knows no epoch."""
    epoch, batch, batches = (_plain(fields.get(name)) for name in ("epoch", "batch", "batches"))
    if batch >= 0 and batches > 0:
        return epoch - 1 + batch / batches
    return epoch


def _batch(kind: str, records: Sequence[tuple[int, Record]]) -> RecordBatch:
    values: dict[str, list[float]] = {}
    rows: dict[str, list[int]] = {}
    for row, (_, record) in enumerate(records):
        for name, value in record.scalars.items():
            values.setdefault(name, []).append(_plain(value))
            rows.setdefault(name, []).append(row)
    columns = {
        name: (np.array(found), None if len(found) == len(records) else np.array(rows[name]))
        for name, found in values.items()
    }
    return RecordBatch(
        kind,
        np.array([number for number, _ in records]),
        np.array([_step(record.step) for _, record in records], np.int64),
        np.array([record.time for _, record in records], np.float64),
        np.array([epoch_of(record.fields) for _, record in records], np.float64),
        columns,
    )


def _step(step: int) -> int:
    return max(-(2**62), min(2**62, step))


def _plain(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _frame(block: bytes, lines: int, names: Sequence[str] | Mapping[str, None]) -> Any:
    """The block as a polars frame with a row for each line; None where polars refuses it or leaves something out."""
    import polars as pl

    if len(names) > _MOST_NAMES:
        return None
    try:
        frame = pl.read_ndjson(io.BytesIO(block), schema=_schema(names))
    except pl.exceptions.PolarsError:
        return None
    whole = frame.height == lines and not frame["kind"].null_count() and not frame["step"].null_count()
    return frame if whole else None


def _schema(names: Iterable[str]) -> dict[str, Any]:
    import polars as pl

    # A struct without fields is refused; a name that no record has keeps it from being empty.
    scalars = dict.fromkeys(names, pl.Float64) or {"": pl.Float64}
    fields = dict.fromkeys(("epoch", "batch", "batches"), pl.Float64)
    return {
        "kind": pl.String,
        "step": pl.Int64,
        "time": pl.Float64,
        "scalars": pl.Struct(scalars),
        "fields": pl.Struct(fields),
    }


def _columns(frame: Any, names: Iterable[str]) -> dict[str, Floats]:
    """The scalars as float64 [lines], NaN where a line has none."""
    return {name: frame["scalars"].struct.field(name).to_numpy() for name in names}


def _present(values: Floats) -> tuple[Floats, Ints | None]:
    rows = np.flatnonzero(~np.isnan(values))
    return (values, None) if len(rows) == len(values) else (values[rows], rows)


def _names_in_lines(bytes_: np.ndarray[Any, Any], starts: Ints) -> Ints:
    """How many names each line has between the beginning of its scalars and their closing brace; -1 where unsure.

    A name that holds a brace or a quote gives another number than the columns do, and so sends the block to the codec.
    """
    quotes = np.flatnonzero(bytes_ == _QUOTE)
    braces = np.flatnonzero(bytes_ == _BRACE)
    first = np.searchsorted(braces, starts)
    closing = braces[np.minimum(first, max(0, len(braces) - 1))] if len(braces) else starts
    counted = np.searchsorted(quotes, closing) - np.searchsorted(quotes, starts) - _QUOTES_BEFORE_SCALARS
    sure = np.ones(len(starts), bool)
    for place, sign in enumerate(_START):
        at = np.minimum(starts + place, len(bytes_) - 1)
        sure &= bytes_[at] == sign
    return np.where(sure & (counted % 2 == 0), counted // 2, -1)


def _fraction(epoch: Floats, batch: Floats, batches: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        inside: Floats = epoch - 1 + batch / batches
        return np.where((batch >= 0) & (batches > 0), inside, epoch)
