"""Values that wait for one another change no statistics, and wait only where nothing stands out."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.anomaly.statistics.batch import SIZE, MetricBatch
from aurl.anomaly.statistics.curve import Curve

VALUES = st.one_of(st.floats(0.8, 1.2), st.floats(1e-3, 1e3), st.floats(-5.0, 5.0), st.just(math.nan))


def batch() -> tuple[MetricBatch, Curve, Curve]:
    watched, other = Curve("loss/recon"), Curve("loss/total")
    return MetricBatch([watched], [other]), watched, other


def calm(count: int, seed: int = 0) -> list[float]:
    return [float(v) for v in np.exp(0.03 * np.random.default_rng(seed).standard_normal(count))]


@given(st.integers(0, 150), st.lists(st.tuples(VALUES, VALUES, st.booleans()), max_size=80))
@settings(max_examples=60, deadline=None)
def test_statistics_are_those_of_values_taken_one_by_one(before: int, rows: list[tuple[float, float, bool]]) -> None:
    taken, watched, other = batch()
    loss, total = Curve("loss/recon"), Curve("loss/total")
    for value in calm(before):
        taken.take({"loss/recon": value, "loss/total": value})
        loss.push(value)
        total.push(value)
    for first, second, read in rows:
        scalars = {"loss/recon": first, "loss/total": second}
        if all(map(math.isfinite, scalars.values())):
            taken.take(scalars)
        else:
            taken.take_finite(scalars)
        for curve, value in ((loss, first), (total, second)):
            if math.isfinite(value):
                curve.push(value)
        if read:
            taken.settle()
            assert watched.state_dict() == loss.state_dict()
    taken.settle()
    assert [watched.state_dict(), other.state_dict()] == [loss.state_dict(), total.state_dict()]


def test_quiet_values_wait_and_a_rise_does_not() -> None:
    taken, watched, _ = batch()
    for value in calm(200):
        taken.take({"loss/recon": value, "loss/total": 1.0})
    taken.settle()
    seen = watched.seen
    assert taken.take({"loss/recon": 1.0, "loss/total": 50.0})  # nobody watches the other one
    assert watched.seen == seen
    assert not taken.take({"loss/recon": 3.0, "loss/total": 1.0})
    assert (watched.seen, watched.value) == (seen + 2, 3.0)
    for _ in range(SIZE):
        assert taken.take({"loss/recon": 1.0, "loss/total": 1.0})
    assert watched.seen == seen + 2 + SIZE


def test_nothing_is_quiet_while_little_is_known() -> None:
    taken, watched, _ = batch()
    assert not any(taken.take({"loss/recon": value, "loss/total": value}) for value in calm(63))
    assert watched.seen == 63
