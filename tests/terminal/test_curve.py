"""Curves in constant memory."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from aurl.terminal.curve import LIMIT, MergedCurve


def test_memory_is_bounded_and_every_extreme_stays() -> None:
    curve = MergedCurve()
    for step in range(100_000):
        curve.add(step, 1.0 + (50.0 if step == 31_337 else 0.0) - (9.0 if step == 77_777 else 0.0))
    spans = curve.spans()
    assert len(spans) <= LIMIT
    assert (min(span.low for span in spans), max(span.high for span in spans)) == (-8.0, 51.0)
    [around] = [span for span in spans if span.high == 51.0]
    assert around.step <= 31_337 < around.step + 100_000 / LIMIT * 4


@given(st.lists(st.floats(), min_size=1, max_size=300))
def test_extremes_are_those_of_the_finite_values(values: list[float]) -> None:
    curve = MergedCurve()
    for step, value in enumerate(values):
        curve.add(step, value)
    finite = [value for value in values if math.isfinite(value)]
    assert bool(curve.spans()) == bool(finite)
    if finite:
        assert min(span.low for span in curve.spans()) == min(finite)
        assert max(span.high for span in curve.spans()) == max(finite)
    assert len(curve.nonfinite) == min(100, len(values) - len(finite))


def test_rewinding_forgets_what_came_after() -> None:
    curve = MergedCurve()
    for step in range(100):
        curve.add(step, math.nan if step == 90 else float(step))
    curve.rewind(50)
    assert [span.step for span in curve.spans()] == list(range(51))
    assert curve.nonfinite == []
    curve.add(51, 7.0)
    assert curve.spans()[-1] == (51, 7.0, 7.0)


def test_logarithms_leave_out_what_has_none() -> None:
    curve = MergedCurve()
    for step, value in enumerate((100.0, 0.0, -1.0, 1000.0)):
        curve.add(step, value)
    assert [(span.step, span.low, span.high) for span in curve.spans(log=True)] == [(0, 2.0, 2.0), (3, 3.0, 3.0)]
