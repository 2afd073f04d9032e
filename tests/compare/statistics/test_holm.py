from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from aurl.compare.statistics.holm import holm


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_like_statsmodels(p: list[float]) -> None:
    with mock.patch("gc.collect"):  # which it calls each time
        expected = multipletests(p, method="holm")[1].tolist()
    assert holm(p) == pytest.approx(expected)


def test_nothing_and_not_a_number() -> None:
    assert holm([]) == []
    assert holm([float("nan"), 0.01]) == [1.0, 0.02]
