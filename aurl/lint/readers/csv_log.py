"""CSV and its relatives: any delimiter, names repeated or changed in the middle, ragged and torn lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from aurl.anomaly.statistics.roles import Role, role_of
from aurl.formats.skipping import OnSkip
from aurl.lint.readers.cells import number
from aurl.lint.readers.source import LogSource, Row
from aurl.lint.readers.splits import MARKS, marked
from aurl.lint.readers.table import Shape, is_header, named_number, names_of, uncommented
from aurl.lint.readers.text import bounded_lines


class CsvLog(LogSource):
    """A delimited file, also one that several runs of a script appended to.

    Lightning's `metrics.csv` is such a file: a row holds what was logged at one moment, all other cells are empty.
    A line of names in the middle is taken as what follows it: the same names (a restart) or others.
    """

    format = "CSV"

    def __init__(self, path: Path, shape: Shape, encoding: str) -> None:
        super().__init__(path, shape.why)
        self._shape = shape
        self._encoding = encoding
        self._last_is_torn = _ends_without_newline(path)

    def rows(self, on_skip: OnSkip) -> Iterator[Row]:
        names = self._shape.header
        wide = len(names)
        for line, cells, is_last in self._lines(on_skip):
            if len(cells) != wide:
                if not any(cells) or cells[0].startswith("#"):
                    continue
                if summary := _summary(cells):
                    yield Row(line, summary)
                    continue
                if reason := self._misfit(cells, wide, is_last):
                    on_skip(line, reason)
                    continue
            if values := _values(names, cells):
                yield Row(line, values)
            elif summary := _summary(cells):
                yield Row(line, summary)
            elif _is_new_header(cells, names):
                names = names_of(uncommented(cells))
                wide = len(names)

    def _misfit(self, cells: list[str], wide: int, is_last: bool) -> str:
        """Why a line of another width than the header's is left out; empty where it can be read all the same."""
        if is_header(cells):
            return ""
        if len(cells) < wide:
            return "the last line is torn" if is_last and self._last_is_torn else ""
        return f"{len(cells)} cells, but {wide} names" if any(cells[wide:]) else ""

    def _lines(self, on_skip: OnSkip) -> Iterator[tuple[int, list[str], bool]]:
        """Line number, cells, and whether it is the last line, of everything after the header."""
        with self.path.open(encoding=self._encoding, errors="replace", newline="") as file:
            whole = ("\n" if is_cut else line for line, is_cut in bounded_lines(file))
            reader = csv.reader(whole, delimiter=self._shape.delimiter, skipinitialspace=True)
            before: tuple[int, list[str]] | None = None
            while True:
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    on_skip(reader.line_num, str(error))
                    continue
                if before is not None:
                    yield (*before, cells is None)
                if cells is None:
                    return
                before = (reader.line_num, cells) if reader.line_num > self._shape.header_line and cells else None


def _values(names: tuple[str, ...], cells: list[str]) -> dict[str, float]:
    try:
        return {name: float(cell) for name, cell in zip(names, cells, strict=False) if cell}
    except ValueError:  # text among them
        pairs = [(name, cell, number(cell)) for name, cell in zip(names, cells, strict=False)]
        values = {name: value for name, _, value in pairs if value is not None}
        return marked(values, (cell for name, cell, value in pairs if value is None and name.lower() in MARKS))


def _summary(cells: list[str]) -> dict[str, float]:
    """What a line among the rows says that has names of its own: `Epoch 1,train_loss=0.5,val_loss=0.6`."""
    told = [pair for cell in cells if "=" in cell and (pair := named_number(cell))]
    return dict(told) if len(told) > 1 else {}


def _is_new_header(cells: list[str], names: tuple[str, ...]) -> bool:
    """Whether a line without numbers names the columns from here on, and is not a stray remark: we know the names."""
    if not is_header(cells):
        return False
    told = uncommented(cells)
    return bool(set(told) & set(names)) or sum(role_of(name) is not Role.OTHER for name in told) > 1


def _ends_without_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        if not file.tell():
            return False
        file.seek(-1, 1)
        return file.read(1) not in b"\r\n\0"
