"""Tables printed between other lines: a line of names above rows of numbers, and boxes of names and values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from aurl.anomaly.statistics.roles import Role, role_of
from aurl.lint.readers.naming import Slot, column_of
from aurl.lint.readers.numerals import TOKEN, is_progress, is_range, is_time, scale_of, unit_of

_BY = ("\t", "|", ",", "  ", " ")
_WIDE = re.compile(r" {2,}|\t")
_NAME = re.compile(r"[A-Za-z#%*(\u0370-\uffff](?:[^:=,;|\s]|:(?=\.?\d)| (?=[\w(%]))*:?")
_WITH_NUMBER = re.compile(r"\s[-+]?\.?\d")  # `train/loss 2.5` is a name with its value
_BAR = re.compile(r"\d+%|\d+/\d+")
_BEHIND_BAR = re.compile(r"\s\d+%")
_FEWEST = 3  # names of a table
_NUMERIC = 0.6  # of a row's cells
_LONGEST = 40
_MOST = 200
_WIDEST = 500  # characters of a box
_OF_YOLO = frozenset({"box", "obj", "cls", "dfl", "giou", "iou", "total", "seg", "kobj", "pose"})
_CELL = re.compile(r"[|\u2502]\s*(\S.*?)\s*[|\u2502]")
_SECTION = re.compile(r"[|\u2502]\s*(\S+/)\s*[|\u2502]\s*[|\u2502]")
_RULE = re.compile(r"[-=_*+|\u2500-\u257f ]{6,}")


class Header(NamedTuple):
    """A line of names.

    Attributes:
        cells: the names.
        by: what separates them: a sign, or two spaces for two or more, or one space.
    """

    cells: tuple[str, ...]
    by: str


def header_of(line: str) -> Header | None:
    """The names in a line that is the head of a table; None where it is none. A progress bar may stand behind it."""
    if len(line) > _LONGEST * _MOST:
        return None
    line = _BEHIND_BAR.split(line, maxsplit=1)[0]
    for by in _BY:
        cells = _split(line, by)
        names: list[str] = []
        for cell in cells[:_MOST]:
            if len(cell) > _LONGEST or not _NAME.fullmatch(cell) or _WITH_NUMBER.search(cell):
                break
            names.append(cell.rstrip(":"))
        if len(names) < _FEWEST or len(names) < len(cells):
            continue
        if by in {",", " "} and sum(role_of(name) is not Role.OTHER for name in names) < 2:
            continue  # a sentence
        return Header(_spelled_out(names), by)
    return None


def row_of(header: Header, line: str, count: int) -> tuple[Slot, ...]:
    """The numbers of a row below these names; empty where the line is no such row.

    Args:
        count: how many numbers the line has, as `TOKEN` finds them.
    """
    width = len(header.cells)
    cells = _split(line, header.by)
    if header.by == "  " and len(cells) < width:
        cells = line.split()
    if len(cells) < width or (len(cells) > width and not _BAR.search(line)):
        return ()
    slots: list[Slot] = []
    before = 0
    for at, cell in enumerate(cells):
        tokens = TOKEN.findall(cell)
        if at < width and tokens and cell.startswith(tokens[0]):
            token = tokens[0]
            if not is_time(token) and not is_range(token):
                name = header.cells[at]
                is_position = role_of(name) in {Role.STEP, Role.EPOCH}
                scale = scale_of(unit_of(cell[len(token) :]))
                slots.append(Slot(before, name, scale, is_progress(token) and not is_position, is_position))
        before += len(tokens)
    return tuple(slots) if before == count and len(slots) >= max(2, _NUMERIC * (width - 1)) else ()


def cell_of(texts: Sequence[str]) -> str:
    """The name in a line `| name | 1.5 |`; empty where it is none."""
    if len(texts) != 2 or texts[1] not in {"|", "\u2502"} or len(texts[0]) > _WIDEST:
        return ""
    found = _CELL.fullmatch(texts[0])
    return found[1] if found else ""


def section_of(line: str) -> str:
    """The name in a line `| train/ |   |` that stands above others of its group; empty where it is none."""
    found = _SECTION.fullmatch(line) if len(line) <= _WIDEST else None
    return found[1] if found else ""


def is_rule(line: str) -> bool:
    """Whether a line only separates."""
    return _RULE.fullmatch(line) is not None and not line.isspace()


def _split(line: str, by: str) -> list[str]:
    line = line.strip().strip("|").strip() if by == "|" else line.strip()
    if by == "  ":
        return [cell.strip() for cell in _WIDE.split(line)]
    return line.split() if by == " " else [cell.strip() for cell in line.split(by)]


def _spelled_out(names: Sequence[str]) -> tuple[str, ...]:
    """Names kept apart. Those that YOLO gives to its losses say that they are some; where it tells of precision, it
    looks at held-out images."""
    lowered = {name.lower() for name in names}
    of_yolo = len(lowered & _OF_YOLO) >= 2
    on_held_out = any(name.startswith("mAP") for name in names)
    told: dict[str, None] = {}
    for name in names:
        first = f"{name}_loss" if of_yolo and name.lower() in _OF_YOLO else column_of(name)
        first = spelled = f"val/{first}" if on_held_out else first
        copies = 1
        while spelled in told:
            copies += 1
            spelled = f"{first}_{copies}"
        told[spelled] = None
    return tuple(told)
