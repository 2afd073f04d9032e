"""All metrics in one number."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.quality.reference.overall_quality import OverallQuality, score

DISTANCES = st.lists(st.tuples(st.floats(0.1, 5), st.floats(0, 30)), min_size=1, max_size=10)


def test_scores_of_distances() -> None:
    assert [score(distance) for distance in (0.0, 3.0, 9.0)] == [1.0, 0.5, pytest.approx(0.1)]


def test_a_power_mean() -> None:
    assert OverallQuality(power=1).combine([(1, 2.0), (1, 4.0)]) == pytest.approx(score(3.0))
    assert OverallQuality(power=3).combine([(1, 0.0), (1, 4.0)]) == pytest.approx(score(4 / 2 ** (1 / 3)))
    assert OverallQuality(power=1).combine([(3, 2.0), (1, 4.0)]) == pytest.approx(score(2.5))
    assert OverallQuality(cap=5).combine([(1, 99.0)]) == pytest.approx(score(5.0))


@given(DISTANCES)
def test_the_worst_metric_bounds_it_and_no_metric_raises_it_by_getting_worse(pairs: list[tuple[float, float]]) -> None:
    overall = OverallQuality()
    found = overall.combine(pairs)
    assert found >= score(min(12.0, max(distance for _, distance in pairs))) - 1e-12
    worse = [(weight, distance + 1) for weight, distance in pairs]
    assert overall.combine(worse) <= found + 1e-12


def test_undefined_and_weightless_metrics_are_left_out() -> None:
    overall = OverallQuality()
    assert overall.combine([(1, 2.0), (1, math.nan), (0, 9.0)]) == pytest.approx(score(2.0))
    assert math.isnan(overall.combine([(1, math.nan)]))
