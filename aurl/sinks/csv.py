"""The CSV sink: `events/csv/<kind>.csv`, a wide table for each kind of record that has scalars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.wording import printable
from aurl.sinks.base import Sink
from aurl.sinks.csv_table import CsvTable

_NOT_A_FILE_NAME = re.compile(r"[^\w-]")
_LONGEST_NAME = 100
_PLACE = ("step", "time", "epoch", "slot")


class CsvSink(Sink):
    """Writes scalars as CSV: `step.csv`, `eval.csv`, `epoch.csv`, `system.csv`, ...; columns step, time, epoch, slot,
    then one for each scalar. NaN is `nan`, infinity `inf`, and a scalar that a record lacks is empty.

    Where a run goes back, by a resume or a rollback, the rows that it gave up are taken out of the files.
    """

    def __init__(self) -> None:
        self._folder = Path()
        self._tables: dict[str, CsvTable] = {}

    def open(self, run: RunDirectory) -> None:
        self._folder = run.events / "csv"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._tables = {file.stem: CsvTable(file, _PLACE) for file in self._folder.glob("*.csv")}

    def write(self, record: Record) -> None:
        if record.kind in (Kind.START, Kind.NOTE) and isinstance(last := record.fields.get("resumed_from"), int):
            for table in self._tables.values():
                table.keep(lambda row: _is_up_to(row, last))
        if record.scalars:
            place = {name: value for name in _PLACE[2:] if isinstance(value := record.fields.get(name), (int, str))}
            scalars = {_column(name): value for name, value in record.scalars.items()}
            self._table(str(record.kind)).add({"step": record.step, "time": record.time, **place, **scalars})

    def flush(self) -> None:
        for table in self._tables.values():
            table.write()

    def close(self) -> None:
        for table in self._tables.values():
            table.close()

    def _table(self, kind: str) -> CsvTable:
        name = _NOT_A_FILE_NAME.sub("_", kind)[:_LONGEST_NAME]
        if name not in self._tables:
            self._tables[name] = CsvTable(self._folder / f"{name}.csv", _PLACE)
        return self._tables[name]


def _is_up_to(row: Mapping[str, str], last: int) -> bool:
    try:
        return int(row["step"]) <= last
    except (KeyError, ValueError):  # a torn row
        return False


def _column(name: str) -> str:
    """The name on one line, and never that of a column which tells the place."""
    return f"scalar/{name}" if name in _PLACE else printable(name)
