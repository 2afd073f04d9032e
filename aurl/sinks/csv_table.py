"""A CSV file that gains columns: rows are appended, and the file is written anew only when a name was never seen."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from aurl.machine.files import replace_file
from aurl.sinks.append_file import AppendFile

Cell = float | int | str | None


class CsvTable:
    """One file with a header; empty where a row has no such column.

    Args:
        path: taken up where it exists; its folder must exist.
        first: the columns that come first.
    """

    def __init__(self, path: Path, first: Iterable[str]) -> None:
        self._path = path
        self._columns = dict.fromkeys([*first, *self._header()])
        self._known = len(self._header())
        self._rows: list[Mapping[str, Cell]] = []
        self._file: AppendFile | None = None

    def add(self, row: Mapping[str, Cell]) -> None:
        """Take a row; `write` puts it on the disk."""
        self._rows.append(row)
        for name in row:
            self._columns.setdefault(name)

    def write(self) -> None:
        """Put waiting rows on the disk, in one write.

        Raises:
            OSError: the disk is full or may not be written; the rows wait.
        """
        if not self._rows:
            return
        if len(self._columns) != self._known:
            self._rewrite(lambda row: True)
        if self._file is None:
            self._file = AppendFile(self._path)
            self._file.end_torn_line()
        data = _text(self._columns, self._rows)
        self._rows = []  # what the disk refuses waits in the file's own buffer
        self._file.write(data.encode("utf-8", "replace"))

    def keep(self, is_kept: Callable[[Mapping[str, str]], bool]) -> None:
        """Write what waits, then drop the rows that are not to be kept."""
        self.write()
        if self._known:
            self._rewrite(is_kept)

    def close(self) -> None:
        """Write what waits and let go of the file."""
        try:
            self.write()
        finally:
            self._let_go()

    def _rewrite(self, is_kept: Callable[[Mapping[str, str]], bool]) -> None:
        self._let_go()
        before = [row for row in self._read() if is_kept(row)]
        header = _text(self._columns, [dict(zip(self._columns, self._columns, strict=True))])
        replace_file(self._path, (header + _text(self._columns, before)).encode("utf-8", "replace"))
        self._known = len(self._columns)

    def _read(self) -> list[Mapping[str, str]]:
        if not self._path.is_file():
            return []
        with self._path.open(encoding="utf-8", errors="replace", newline="") as file:
            return [{key: value for key, value in row.items() if key is not None} for row in csv.DictReader(file)]

    def _header(self) -> list[str]:
        if not self._path.is_file():
            return []
        with self._path.open(encoding="utf-8", errors="replace", newline="") as file:
            return next(csv.reader(file), [])

    def _let_go(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


def _text(columns: Iterable[str], rows: Iterable[Mapping[str, Cell]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([row.get(name) for name in columns] for row in rows)
    return buffer.getvalue()
