"""Best values, areas, targets, bands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.compare.statistics.progress import band, best_of, mean_height, reached, smoothed, within
from tests.compare.test_budget import made


def test_the_best_value_says_what_it_was_chosen_from() -> None:
    best = best_of(made([5.0, 3.0, 1.0, 3.0, 5.0, 4.0]), "min")
    assert best is not None
    assert (best.value, best.step, best.chosen_from, best.optimism) == (1.0, 3, 6, 3.0)
    highest = best_of(made([1.0, 2.0]), "max")
    assert highest is not None
    assert (highest.value, highest.optimism) == (2.0, 1.0)
    assert best_of(made([1.0]), "min") == best_of(made([1.0]), "max")
    assert best_of(made([]), "min") is None


def test_the_area_is_a_mean_height_whatever_the_spacing() -> None:
    assert mean_height(made([2.0, 4.0], [10, 30])) == 3.0
    assert mean_height(made([2.0, 2.0, 4.0], [0, 10, 11])) == pytest.approx((20 + 3) / 11)
    assert mean_height(made([2.0])) == 2.0
    assert mean_height(made([])) is None


def test_a_target_is_reached_by_the_smoothed_curve_not_by_one_lucky_value() -> None:
    assert reached(made([3.0, 2.0, 1.0]), 2.0, "min") == (2, 2.0)
    assert reached(made([3.0, 2.0, 1.0]), 0.5, "min") is None
    assert reached(made([0.1, 0.5]), 0.5, "max") == (2, 2.0)
    values = np.full(40, 3.0)
    values[5] = 0.0
    values[30:] = 1.0
    found = reached(made(list(values)), 1.0, "min")
    assert found is not None
    assert found[0] > 25


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60))
def test_smoothing_stays_within_the_values(values: list[float]) -> None:
    found = smoothed(np.asarray(values))
    assert len(found) == len(values)
    assert min(values) <= found.min()
    assert found.max() <= max(values)


def test_a_band_covers_different_intervals_and_lengths_without_extrapolating() -> None:
    found = band([made([1.0, 1.0, 1.0], [10, 20, 30]), made([3.0, 3.0], [15, 25])])
    assert found is not None
    np.testing.assert_array_equal(found.steps, [10, 15, 20, 25, 30])
    np.testing.assert_allclose(found.mean, [1.0, 2.0, 2.0, 2.0, 1.0])
    assert (found.low[1:4] < 1.0).all()
    assert (found.low[[0, 4]] == found.high[[0, 4]]).all()
    assert band([]) is None
    assert band([made([])]) is None


def test_a_band_is_thinned_to_two_hundred_steps() -> None:
    found = band([made(list(np.linspace(5, 1, 5000)))])
    assert found is not None
    assert len(found.steps) <= 200
    assert found.steps[0] == 1
    assert found.steps[-1] == 5000


def test_within_keeps_finite_values_up_to_the_budget() -> None:
    assert within(made([1.0, np.nan, 3.0, 4.0]), 3).values.tolist() == [1.0, 3.0]
