"""Intervals, against SciPy and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aurl.compare.statistics.estimates import iqm, iqm_interval, mean_interval

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=30)


@given(VALUES, st.floats(-10, 10), st.floats(0.1, 10))
def test_intervals_move_and_stretch_with_the_values(values: list[float], shift: float, scale: float) -> None:
    for interval in (mean_interval, iqm_interval):
        before = interval(values)
        after = interval([shift + scale * value for value in values])
        assert before is not None
        assert after is not None
        np.testing.assert_allclose(after, [shift + scale * end for end in before], rtol=1e-6, atol=1e-6)


def test_the_mean_s_interval_is_student_s() -> None:
    values = [1.0, 2.0, 4.0]
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high))


def test_too_few_values() -> None:
    assert mean_interval([1.0]) is None
    assert iqm_interval([1.0, 2.0]) is None
    assert iqm([]) is None
    assert iqm([1.0, 2.0, 3.0, 100.0]) == 2.5


@pytest.mark.parametrize("n", [3, 5, 12])
@pytest.mark.parametrize("interval", [mean_interval, iqm_interval])
def test_nominal_95_percent_cover_as_they_say(n: int, interval: object) -> None:
    samples = np.random.default_rng(n).normal(size=(1500, n))
    held = [low <= 0.0 <= high for low, high in map(interval, samples)]  # type: ignore[call-overload]
    assert 0.925 <= np.mean(held) <= 0.975
