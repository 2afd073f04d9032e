"""What a delimited file looks like: its delimiter and header, judged from its first lines."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice

from aurl.lint.readers.cells import number

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", " ": "spaces"}
_SAMPLE_LINES = 60
_MIXED, _PURE, _VERY_PURE = 0.3, 0.75, 0.95


@dataclass(frozen=True, slots=True)
class Shape:
    """How to read a delimited file.

    Attributes:
        delimiter: the character between cells.
        header: a name for each column.
        header_line: where the names stand, from 1; 0 where the file has none and they were made up.
        purity: the share of filled cells that are numbers, of the lines below the names.
    """

    delimiter: str
    header: tuple[str, ...]
    header_line: int
    purity: float = field(default=1.0, compare=False)

    @property
    def is_certain(self) -> bool:
        """Whether this is a table, and not a text in which commas, tabs or blanks stand between words."""
        if self.delimiter in {" ", "|"}:
            return self.purity >= (_PURE if self.header_line else _VERY_PURE)
        return self.purity >= (_MIXED if self.header_line else _PURE)

    @property
    def why(self) -> str:
        """In words, for the report."""
        cells = "one column" if len(self.header) == 1 else f"{len(self.header)} columns by {DELIMITERS[self.delimiter]}"
        return f"{cells}, " + (f"names in line {self.header_line}" if self.header_line else "no line of names")


def shape_of(text: str) -> Shape | None:
    """The shape of the table whose beginning this is; None where no delimiter gives columns of numbers."""
    begin = islice(StringIO(text, newline=None), _SAMPLE_LINES)
    lines = [(at, line) for at, line in enumerate(begin, 1) if line.strip()]
    best, most = None, 0
    for delimiter in DELIMITERS:
        shape, found = _try(lines, delimiter)
        if shape is not None and found > most:
            best, most = shape, found
    return best


def is_header(cells: Sequence[str]) -> bool:
    """Whether these cells are names: text, and no number among them."""
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and all(number(cell) is None for cell in filled)


def names_of(cells: Sequence[str]) -> tuple[str, ...]:
    """The cells as unique, non-empty column names."""
    names: dict[str, None] = {}
    for at, cell in enumerate(cells, 1):
        first = name = cell.strip() or f"column_{at}"
        copies = 1
        while name in names:
            copies += 1
            name = f"{first}_{copies}"
        names[name] = None
    return tuple(names)


def uncommented(cells: list[str]) -> list[str]:
    """A line of names without the `#` that numpy and gnuplot put before it."""
    if cells and cells[0].startswith("#"):
        first = cells[0].removeprefix("#").strip()
        return [first, *cells[1:]] if first else cells[1:]
    return cells


def _try(lines: Sequence[tuple[int, str]], delimiter: str) -> tuple[Shape | None, int]:
    """The shape with this delimiter, and how many numbers it brings to light in lines of the header's width."""
    rows = [(at, cells) for at, line in lines if (cells := _cells(line, delimiter))]
    at, names, width = _header(rows)
    body = [cells for line, cells in rows if line > at]
    fitting = [cells for cells in body if len(cells) <= width or not any(cells[width:])]
    filled = [cell for cells in fitting for cell in cells if cell.strip()]
    found = sum(number(cell) is not None for cell in filled)
    if not found or 2 * len(fitting) < len(body):
        return None, 0
    return Shape(delimiter, names_of(names or [""] * width), at if names else 0, found / len(filled)), found


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line; none of one that cannot be taken apart, such as a cell without end."""
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _header(rows: Sequence[tuple[int, list[str]]]) -> tuple[int, list[str], int]:
    """Line, names and width of the header: the first line that is no remark, or the remark above it."""
    remark: tuple[int, list[str]] = (0, [])
    for at, cells in rows:
        if cells and cells[0].startswith("#"):
            remark = at, uncommented(cells)
        elif is_header(cells):
            return at, cells, len(cells)
        else:
            named = len(remark[1]) == len(cells) and is_header(remark[1])
            return (*remark, len(cells)) if named else (0, [], len(cells))
    return 0, [], 0
