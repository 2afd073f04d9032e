"""Braille drawings: every extreme is there, nothing lies outside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aurl.show.braille import AxisRange, Cells, Span, draw

finite = st.floats(-1e12, 1e12)


def dots(cells: Cells) -> set[tuple[int, int]]:
    """Column and height (from the bottom) of each dot that is set."""
    numbering = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
    found = set()
    for row, line in enumerate(cells):
        for column, (sign, _) in enumerate(line):
            for side in (0, 1):
                for down in range(4):
                    if (ord(sign) - 0x2800) & numbering[side][down]:
                        found.add((2 * column + side, 4 * (len(cells) - row) - 1 - down))
    return found


def test_a_rising_line() -> None:
    cells = draw([[Span(step, step, step) for step in range(8)]], AxisRange(0, 8), AxisRange(0, 8), 4, 2)
    assert {(at, at) for at in range(8)} <= dots(cells)


def test_a_spike_of_one_step_among_many_is_drawn_to_its_top() -> None:
    curve = [Span(step, 0.0, 100.0 if step == 5_000 else 0.0) for step in range(10_000)]
    cells = draw([curve], AxisRange(0, 9_999), AxisRange(0, 100), 40, 10)
    assert max(height for _, height in dots(cells)) == 39


def test_gaps_are_bridged() -> None:
    cells = draw([[Span(0, 0, 0), Span(9, 9, 9)]], AxisRange(0, 9.001), AxisRange(0, 9.001), 5, 3)
    assert {column for column, _ in dots(cells)} == set(range(10))


def test_the_later_curve_owns_a_cell() -> None:
    level = [Span(step, 1.0, 1.0) for step in range(8)]
    cells = draw([level, level], AxisRange(0, 8), AxisRange(0, 2), 4, 1)
    assert {owner for row in cells for _, owner in row} == {1}


@given(st.lists(st.tuples(st.floats(0, 1e9), finite, finite), max_size=60), st.integers(1, 40), st.integers(1, 12))
def test_any_curve_gives_a_full_picture(points: list[tuple[float, float, float]], width: int, height: int) -> None:
    curve = [Span(step, min(a, b), max(a, b)) for step, a, b in sorted(points)]
    cells = draw([curve], AxisRange(0, 1e9), AxisRange(-1e12, 1e12), width, height)
    assert [len(row) for row in cells] == [width] * height
    assert bool(dots(cells)) == bool(points)
