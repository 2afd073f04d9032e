"""Curves drawn with braille dots: two dots across and four down in every character cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # Unicode's numbering: left column, right column
_BLANK = 0x2800


class Span(NamedTuple):
    """What a curve did around one step: its lowest and its highest value there."""

    step: float
    low: float
    high: float


class AxisRange(NamedTuple):
    """An interval of an axis, `low < high`."""

    low: float
    high: float

    def place(self, value: float, size: int) -> int:
        """Which of `size` equal parts the value falls in, from 0; values outside go to the ends."""
        share = (value - self.low) / (self.high - self.low)
        return min(size - 1, max(0, int(share * size)))


Cells: TypeAlias = list[list[tuple[str, int]]]
"""Rows of (character, number of the curve drawn last in it, or -1)."""


def draw(curves: Sequence[Sequence[Span]], xs: AxisRange, ys: AxisRange, width: int, height: int) -> Cells:
    """Curves over one another in `width` x `height` cells; every extreme within a dot's width is kept.

    Args:
        curves: each in the order of its steps; finite values only.
        xs: steps at the left and right edge.
        ys: values at the bottom and top edge.
    """
    bits = [[0] * width for _ in range(height)]
    owner = [[-1] * width for _ in range(height)]
    for number, curve in enumerate(curves):
        for column, low, high in _columns(curve, xs, ys, 2 * width, 4 * height):
            for dot in range(low, high + 1):
                row, line = height - 1 - dot // 4, 3 - dot % 4
                bits[row][column // 2] |= _DOTS[column % 2][line]
                owner[row][column // 2] = number
    return [
        [(chr(_BLANK | dots), who) for dots, who in zip(*rows, strict=True)] for rows in zip(bits, owner, strict=True)
    ]


def _columns(
    curve: Iterable[Span], xs: AxisRange, ys: AxisRange, width: int, height: int
) -> list[tuple[int, int, int]]:
    """The dots of each column as (column, lowest, highest), neighbours joined and gaps bridged."""
    filled: dict[int, tuple[int, int]] = {}
    for span in curve:
        column = xs.place(span.step, width)
        low, high = ys.place(span.low, height), ys.place(span.high, height)
        before = filled.get(column, (low, high))
        filled[column] = min(before[0], low), max(before[1], high)
    found: list[tuple[int, int, int]] = []
    for column, (low, high) in sorted(filled.items()):
        if found:
            found += _bridge(found[-1], column, low, high)
        found.append((column, low, high))
    return found


def _bridge(before: tuple[int, int, int], column: int, low: int, high: int) -> list[tuple[int, int, int]]:
    """A straight line from the middle of one column to the middle of a later one, so that a curve has no holes."""
    start, from_low, from_high = before
    first, last = (from_low + from_high) / 2, (low + high) / 2
    gap = column - start
    line = [round(first + (last - first) * part / gap) for part in range(gap + 1)]
    return [
        (start + part, min(line[part], line[part + 1]), max(line[part], line[part + 1]))
        for part in range(gap)
        if part or gap == 1
    ]
