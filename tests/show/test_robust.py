"""One diverged run does not flatten a picture; what lies together is shown whole."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from aurl.compare.report import pictures
from aurl.show.robust import robust_range
from tests.compare.made import grid, made

CURVE = np.linspace(1.0, 2.0, 50)


def test_a_diverged_curve_is_left_out_of_the_range() -> None:
    low, high = robust_range([CURVE, CURVE + 0.1, CURVE * 1e9]) or (0.0, 0.0)
    assert low == pytest.approx(1.0)
    assert 2.0 <= high < 10


def test_a_spike_is_left_out_and_what_varies_is_not() -> None:
    spiky = CURVE.copy()
    spiky[20] = 1e6
    assert (robust_range([spiky]) or (0.0, 1e9))[1] < 10
    assert robust_range([CURVE, CURVE * 5]) == (1.0, 10.0)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, math.nan]])
def test_nothing_finite(values: list[float]) -> None:
    assert robust_range([np.array(values)]) is None


def test_one_value_and_equal_values() -> None:
    assert robust_range([np.array([3.0])]) == (3.0, 3.0)
    assert robust_range([np.full(9, 2.0), np.full(9, 2.0)]) == (2.0, 2.0)


def test_the_picture_of_values_shows_the_others_and_marks_the_diverged_run() -> None:
    """With one run at 1e9 all the other dots lay on one spot."""
    comparison = made(grid())
    first, *others = comparison.groups
    worse = replace(first, values={**first.values, "diverged": 1e9}, mean=1e8, ci=(-1e8, 3e8))
    drawn = pictures.values(replace(comparison, groups=[worse, *others]))
    assert "1e+09, beyond this picture" in drawn
    assert "M</text>" not in drawn
