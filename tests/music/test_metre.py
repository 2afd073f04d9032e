from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.music.metre import BarMap, Upbeat, bar_ticks, find_upbeat, longest, on_grid, time_signature
from aurl.music.score import Metre

Q = 480


@pytest.mark.parametrize(
    ("metres", "upbeat"),
    [
        ([(0, 1, 4), (Q, 4, 4)], Q),
        ([(0, 3, 4), (3 * Q, 4, 4)], 3 * Q),
        ([(0, 1, 8), (Q // 2, 6, 8)], Q // 2),
        ([(0, 4, 4), (Q, 4, 4)], Q),  # signed again where the first full bar begins
        ([(0, 4, 4), (Q, 3, 4)], Q),
        ([(0, 4, 4), (8 * Q, 3, 4)], 0),  # two bars: a change of metre
        ([(0, 1, 4), (2 * Q, 4, 4)], 0),  # two bars of 1/4
        ([(0, 4, 4), (4 * Q, 3, 4)], 0),  # a bar longer than those that follow
        ([(0, 1, 4)], 0),
        ([(0, 4, 4), (90 * Q, 1, 4)], 0),  # behind the end of the music
    ],
)
def test_an_upbeat_is_told_from_a_metre(metres: list[tuple[int, int, int]], upbeat: int) -> None:
    found = find_upbeat([Metre(*each) for each in metres], Q, 80 * Q)
    assert found.ticks == upbeat
    assert found.metres[0].tick == upbeat


def test_the_metre_is_that_which_lasts_longest() -> None:
    metres = [Metre(0, 4, 4), Metre(8 * Q, 3, 4), Metre(14 * Q, 4, 4), Metre(22 * Q, 3, 4)]
    assert longest(metres, 24 * Q)[1:] == (4, 4)
    assert longest(metres, 90 * Q)[1:] == (3, 4)


@pytest.mark.parametrize(
    ("metre", "resolution", "ticks"),
    [((6, 8), 12, 36), ((7, 32), 12, None), ((7, 32), 24, 21), ((3, 2), 12, 72), ((5, 64), 48, 15), ((4, 4), 50, 200)],
)
def test_bars_are_a_whole_number_of_ticks_or_none(metre: tuple[int, int], resolution: int, ticks: int | None) -> None:
    assert bar_ticks(Metre(0, *metre), resolution) == ticks


@pytest.mark.parametrize("resolution", [12, 24, 48, 60, 120, 50])
@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (3, 8), (7, 8), (5, 4), (1, 16)])
def test_a_time_signature_gives_its_bar_back_on_every_grid(resolution: int, metre: tuple[int, int]) -> None:
    bar = bar_ticks(Metre(0, *metre), resolution)
    if bar is not None:
        assert time_signature(bar, resolution) == metre


def test_an_upbeat_is_filled_up_to_a_bar() -> None:
    upbeat = find_upbeat([Metre(0, 1, 4), Metre(Q, 4, 4)], Q, 33 * Q)
    assert on_grid(upbeat, Q, 12) == (36, (Metre(0, 4, 4),), 0)


def test_a_bar_that_a_change_cuts_short_has_a_metre_of_its_own() -> None:
    found = on_grid(Upbeat(0, (Metre(0, 4, 4), Metre(7 * Q, 3, 4))), Q, 24)
    assert found == (0, (Metre(0, 4, 4), Metre(96, 3, 4)), 0)  # the short bar is one of 3/4, as are those that follow
    shift, metres, altered = on_grid(Upbeat(0, (Metre(0, 4, 4), Metre(6 * Q, 3, 4))), Q, 12)
    assert (shift, altered) == (0, 0)
    assert metres == (Metre(0, 4, 4), Metre(48, 2, 4), Metre(72, 3, 4))


def test_bars_too_fine_for_the_grid_are_joined_and_counted() -> None:
    assert on_grid(Upbeat(0, (Metre(0, 7, 32),)), Q, 12) == (0, (Metre(0, 7, 16),), 1)
    assert on_grid(Upbeat(0, (Metre(0, 7, 32),)), Q, 24) == (0, (Metre(0, 7, 32),), 0)


@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8)])), min_size=1, max_size=6)
)
def test_bar_lines_run_through_changes(parts: list[tuple[int, tuple[int, int]]]) -> None:
    metres, lines, tick = [], [], 0
    for bars, (numerator, denominator) in parts:
        metres.append(Metre(tick, numerator, denominator))
        for _ in range(bars):
            lines.append(tick)
            tick += numerator * 48 // denominator
    bar_map = BarMap(metres, 12)
    assert [int(bar_map.start(bar)) for bar in range(len(lines))] == lines
    ticks = np.arange(tick)
    assert bar_map.index(ticks).tolist() == (np.searchsorted(lines, ticks, side="right") - 1).tolist()
