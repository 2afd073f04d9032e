"""Summaries of scalars against the statistics module."""

from __future__ import annotations

import json
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.runs.summary import summary_of

numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(numbers, max_size=60))
def test_equals_the_statistics_of_the_finite_values(values: list[float]) -> None:
    summary = summary_of("loss/total")
    for step, value in enumerate(values):
        summary.add(value, step)
    finite = [value for value in values if math.isfinite(value)]
    assert (summary.count, summary.nonfinite) == (len(finite), len(values) - len(finite))
    if not finite:
        assert (summary.min, summary.max, summary.mean, summary.best, summary.best_step) == (None,) * 5
        return
    assert (summary.min, summary.max, summary.best) == (min(finite), max(finite), min(finite))
    assert summary.best_step == values.index(min(finite))
    assert summary.mean is not None
    scale = max(map(abs, finite))
    assert summary.mean / 4 == pytest.approx(
        statistics.fmean(value / 4 for value in finite), abs=1e-12 * scale + 1e-300
    )
    assert summary.last == (values[-1] if math.isfinite(values[-1]) else None)


@given(st.lists(numbers, min_size=1, max_size=30), st.integers(0, 30))
def test_going_on_from_json_changes_nothing(values: list[float], cut: int) -> None:
    whole, first = summary_of("val/accuracy"), summary_of("val/accuracy")
    for step, value in enumerate(values):
        whole.add(value, step)
        if step < cut:
            first.add(value, step)
    second = summary_of("val/accuracy", json.loads(json.dumps(first.as_json(), allow_nan=False)))
    for step, value in enumerate(values[cut:], cut):
        second.add(value, step)
    assert second == whole


@pytest.mark.parametrize(
    ("name", "best", "best_step"),
    [("loss/recon", 1.0, 1), ("val/accuracy", 3.0, 2), ("grad/norm", None, None), ("loss/kl", None, None)],
)
def test_best_follows_the_better_direction(name: str, best: float | None, best_step: int | None) -> None:
    summary = summary_of(name)
    for step, value in enumerate([2.0, 1.0, 3.0, 1.0, 3.0]):
        summary.add(value, step)
    assert (summary.best, summary.best_step) == (best, best_step)
