"""What a delimited file looks like: its delimiter and header, judged from its first lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from itertools import islice, pairwise

from aurl.lint.readers.cells import number

DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", " ": "spaces"}
_SAMPLE_LINES = 60
_KNOWN: dict[tuple[str, ...], tuple[str, ...]] = {
    ("r", "l", "t"): ("reward", "episode length", "time")
}  # what stands for what, by the file's first names
_YOLO = (
    "epoch", "memory", "box_loss", "obj_loss", "cls_loss", "loss", "targets", "size", "precision", "recall", "map50",
    "map", "val/box_loss", "val/obj_loss", "val/cls_loss",
)  # fmt: skip  # of the results.txt of YOLO 5 to 7, which has no names
_YOLO_BEGIN = re.compile(r"\s*\d+/\d+\s+\d[\d.]*G\s")
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


def called_after(shape: Shape, stem: str, text: str) -> Shape:
    """The shape of a table without names, where the name of its file says what its only column is: `loss_log.txt`.

    A second column may count the rows or the steps: whole numbers that only rise.
    """
    if shape.header_line or shape.header != names_of([""] * len(shape.header)) or len(shape.header) > 2:
        return shape
    rows = [[number(cell) for cell in _cells(line, shape.delimiter)] for line in text.splitlines()[:_SAMPLE_LINES]]
    columns = list(zip(*(row for row in rows if len(row) == len(shape.header)), strict=True))
    counters = [at for at, column in enumerate(columns) if _counts(column)]
    if len(columns) - len(counters) != 1:
        return shape
    return replace(shape, header=tuple("step" if at in counters else stem for at in range(len(columns))))


def _counts(column: Sequence[float | None]) -> bool:
    told = [value for value in column if value is not None]
    return len(told) > 2 and all(value.is_integer() for value in told) and all(a < b for a, b in pairwise(told))


def is_header(cells: Sequence[str]) -> bool:
    """Whether these cells are names: text, and no number among them, alone or as in `loss=0.5`."""
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and all(number(cell) is None for cell in filled) and not any(map(named_number, filled))


def named_number(cell: str) -> tuple[str, float] | None:
    """The name and the number of a cell that has both, `val_loss=0.5`."""
    name, sign, told = cell.partition("=")
    value = number(told) if sign and name.strip() else None
    return None if value is None else (name.strip(), value)


def names_of(cells: Sequence[str]) -> tuple[str, ...]:
    """The cells as unique, non-empty column names."""
    cells = (*_KNOWN.get(tuple(cells[:3]), cells[:3]), *cells[3:])
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
    named = names or (_YOLO if width == len(_YOLO) and _is_yolo(lines) else [""] * width)
    return Shape(delimiter, names_of(named), at if names else 0, found / len(filled)), found


def _is_yolo(lines: Sequence[tuple[int, str]]) -> bool:
    return all(_YOLO_BEGIN.match(line) for _, line in lines)


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
