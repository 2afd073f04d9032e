"""How sure a mean is, and whether a series rises."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.quality.reference.statistics import bootstrap_ci, mann_kendall


def test_the_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(300):
        low, high = bootstrap_ci(rng.beta(8, 2, 16), seed=trial)
        hits += low <= 0.8 <= high
    assert 0.91 < hits / 300 < 0.98


def test_the_interval_is_deterministic_and_ignores_what_is_undefined() -> None:
    values = [0.1, 0.5, math.nan, 0.7, 0.2]
    assert bootstrap_ci(values, seed=3) == bootstrap_ci([0.1, 0.5, 0.7, 0.2], seed=3)
    assert bootstrap_ci(np.arange(30) ** 2, seed=3) != bootstrap_ci(np.arange(30) ** 2, seed=4)
    low, high = bootstrap_ci([0.5] * 9)
    assert (low, high) == pytest.approx((0.5, 0.5))
    assert all(map(math.isnan, bootstrap_ci([0.5])))


def test_more_confidence_is_wider() -> None:
    values = np.linspace(0, 1, 20)
    narrow, wide = bootstrap_ci(values, confidence=0.8), bootstrap_ci(values, confidence=0.99)
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


def test_a_trend_is_found_in_either_direction() -> None:
    rising = mann_kendall([0.1, 0.2, 0.25, 0.3, 0.5, 0.6, 0.7, 0.8])
    assert (rising.direction, rising.n) == ("rising", 8)
    assert rising.p == pytest.approx(2 * 0.0004, abs=1e-4)
    assert mann_kendall([8, 7, 6, 5, 4, 3, 2, 1]).direction == "falling"
    assert mann_kendall([1, 2, 3, 4]).p == 1.0
    assert mann_kendall([math.nan, 1, 2, math.nan, 3, 4]).n == 4


def test_a_stationary_series_has_no_trend() -> None:
    rng = np.random.default_rng(0)
    found = [mann_kendall(rng.normal(size=20)).direction != "none" for _ in range(600)]
    assert np.mean(found) < 0.02
    assert mann_kendall([0.5] * 10).direction == "none"


@given(st.lists(st.integers(0, 5), min_size=5, max_size=25))
def test_ties_and_reversal(values: list[int]) -> None:
    forward, backward = mann_kendall(values), mann_kendall(values[::-1])
    assert forward.p == backward.p
    n, s = len(values), sum(np.sign(b - a) for a, b in itertools.combinations(values, 2))
    ties = [values.count(v) for v in set(values)]
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    expected = math.erfc((abs(s) - 1) / math.sqrt(2 * variance)) if s else 1.0
    assert forward.p == pytest.approx(min(1.0, expected), abs=1e-9)
