from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from aurl.show import svg

VALUES = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=8)


@given(VALUES)
def test_values_lie_within_the_picture_and_ticks_within_the_scale(values: list[float]) -> None:
    scale = svg.scale(values, 40, 500)
    assert all(40 <= scale(value) <= 500 for value in values)
    assert all(scale.low - 1e-9 <= tick <= scale.high * (1 + 1e-9) + 1e-9 for tick in scale.ticks())
    assert len(scale.ticks()) <= 8


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=8))
def test_logarithmic_scales(values: list[float]) -> None:
    scale = svg.scale(values, 300, 20, log=True)
    places = [scale(value) for value in sorted(values)]
    assert places == sorted(places, reverse=True)
    assert all(tick > 0 for tick in scale.ticks())
    assert scale.ticks()


def test_values_that_are_not_finite_do_not_matter() -> None:
    assert svg.scale([1.0, 2.0, math.inf, math.nan], 0, 1) == svg.scale([1.0, 2.0], 0, 1)
    assert svg.scale([], 0, 1) == svg.scale([0.0, 1.0], 0, 1)
    assert svg.Scale(1.0, 2.0, 0.0, 100.0)(5.0) == 100


def test_text_is_escaped_and_cut() -> None:
    drawn = svg.text(0, 0, "<b>" + "x" * 100, most=10)
    assert "<b>" not in drawn
    assert "…" in drawn
    assert "<title>&lt;b&gt;" in drawn


def test_groups_far_down_share_a_colour() -> None:
    assert svg.colour(0) == 0
    assert svg.colour(100) == "x"


def test_values_at_the_ends_of_what_a_float_holds() -> None:
    ends = ([5e-324], [5e-324, 1e-323], [1e-310, 1e-305], [-1.7e308, 1.7e308], [1e-300], [0.0, 5e-324])
    for values in ends:
        for log in (False, True):
            found = svg.scale(values, 0, 500, log=log)
            assert found.low < found.high
            places = [place for place, _ in found.labels()]
            assert places
            assert places == sorted(places)
