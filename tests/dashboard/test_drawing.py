"""Thinning, smoothing, bands and packing of curves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from aurl.dashboard.store import curves
from aurl.dashboard.store.bands import band_of
from aurl.dashboard.store.curves import Abscissa, Axis, DrawnCurve, Snapshot
from aurl.dashboard.store.packing import pack_binary, pack_json, unpack_binary
from aurl.show.downsample import min_max
from aurl.show.smoothing import debiased_average

FINITE = st.floats(-1e6, 1e6)
VALUES = arrays(np.float64, st.integers(2, 300), elements=FINITE)


def points(values: np.ndarray, step: np.ndarray | None = None) -> Snapshot:
    steps = np.arange(1, len(values) + 1) if step is None else step
    none = np.full(len(values), math.nan)
    return Snapshot(steps, steps * 2.0, none, values, (np.empty(0, np.int64), np.empty(0)), 2.0)


def draw(snapshot: Snapshot, axis: Axis = "step", **how: float) -> DrawnCurve:
    return curves.draw(snapshot, Abscissa.of(snapshot, axis), **how)  # type: ignore[arg-type]


@given(VALUES, st.integers(2, 60), st.booleans())
def test_every_bucket_keeps_its_extremes(y: np.ndarray, wanted: int, even: bool) -> None:
    gaps = np.ones(len(y)) if even else 1.0 + np.arange(len(y)) % 7
    x = np.cumsum(gaps)
    kept = min_max(x, y, wanted)
    assert (np.diff(kept) > 0).all()
    assert {0, len(y) - 1} <= set(kept.tolist())
    assert y[kept].min() == y.min()
    assert y[kept].max() == y.max()
    assert len(kept) <= max(len(y) if len(y) <= wanted else 0, 2 * (wanted // 2 + 1) + 2)


@pytest.mark.parametrize("wanted", [600, 820, 1500])
def test_fifty_spikes_of_one_step_in_a_million(wanted: int) -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=1_000_000)
    spikes = rng.choice(len(y), 50, replace=False)
    y[spikes] += 50
    kept = min_max(np.arange(len(y), dtype=float), y, wanted)
    assert len(kept) <= wanted + 12
    assert len(np.intersect1d(kept, spikes)) == 50


def test_what_is_to_be_kept_is_kept() -> None:
    kept = min_max(np.arange(1000.0), np.zeros(1000), 10, np.array([123, 456]))
    assert {123, 456} <= set(kept.tolist())


@settings(deadline=None)
@given(VALUES, st.floats(0, 0.999))
def test_the_average_is_the_sum_by_its_definition(y: np.ndarray, weight: float) -> None:
    smooth = debiased_average(y, weight)
    biased, expected = 0.0, []
    for t, value in enumerate(y.tolist(), 1):
        biased = weight * biased + (1 - weight) * value
        expected.append(biased / (1 - weight**t))
    np.testing.assert_allclose(smooth, expected, rtol=1e-6, atol=1e-6)


def test_the_average_passes_over_what_is_not_finite() -> None:
    smooth = debiased_average(np.array([math.nan, 1.0, math.inf, 1.0]), 0.9)
    assert math.isnan(smooth[0])
    assert smooth[1:].tolist() == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize("weight", [-0.1, 1.0, math.nan])
def test_weights_outside_their_range(weight: float) -> None:
    with pytest.raises(ValueError, match="weight="):
        debiased_average(np.ones(3), weight)


def test_smoothing_comes_before_thinning() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=50_000)
    curve = draw(points(y), most=100, smooth=0.99)
    whole = debiased_average(y, 0.99)
    assert curve.smooth is not None
    np.testing.assert_array_equal(curve.smooth, whole[curve.step - 1])


@pytest.mark.parametrize("weight", [0.01, 0.6, 0.99, 0.9999])
def test_a_stretch_is_smoothed_as_the_whole_is(weight: float) -> None:
    y = np.random.default_rng(3).normal(size=400_000).cumsum()
    curve = draw(points(y), low=390_000, high=390_100, smooth=weight)
    assert curve.smooth is not None
    np.testing.assert_allclose(curve.smooth, debiased_average(y, weight)[curve.step - 1], rtol=1e-9)


def test_a_stretch_has_a_point_beyond_each_edge() -> None:
    curve = draw(points(np.arange(100.0)), low=40.5, high=44.5)
    assert curve.x.tolist() == [40, 41, 42, 43, 44, 45]
    assert (curve.low, curve.high) == (40.0, 43.0)
    empty = draw(points(np.arange(100.0)), low=500)
    assert empty.x.tolist() == [100]
    assert math.isnan(empty.low)


def test_points_that_are_not_finite_do_not_change_a_stretch() -> None:
    y = np.random.default_rng(4).normal(size=5000)
    y[[100, 2000, 2010, 4000]] = math.nan
    whole, part = draw(points(y), smooth=0.9, most=5000), draw(points(y), low=1990, high=2050, smooth=0.9)
    assert part.nonfinite_total == 2
    assert whole.smooth is not None
    places = np.searchsorted(whole.x, part.x)
    np.testing.assert_allclose(part.smooth, whole.smooth[places], rtol=1e-9)


def test_a_single_point_and_none() -> None:
    assert draw(points(np.array([1.0])), smooth=0.5).y.tolist() == [1.0]
    assert draw(points(np.empty(0))).x.tolist() == []
    assert draw(points(np.full(3, math.nan))).nonfinite_total == 3
    assert draw(points(np.ones(3)), axis="epoch").x.tolist() == []  # no epoch is known


def test_many_values_that_are_not_finite_are_thinned() -> None:
    curve = draw(points(np.full(5000, math.inf)))
    assert (len(curve.nonfinite), curve.nonfinite_total) == (1000, 5000)


@pytest.mark.parametrize("runs", [2, 3, 31, 32, 200])
def test_the_band_is_student_s(runs: int) -> None:
    levels = [float(level) for level in range(runs)]
    band = band_of([(np.arange(10.0), np.full(10, level)) for level in levels], 5)
    low, high = stats.t.interval(0.95, runs - 1, np.mean(levels), stats.sem(levels))
    assert band["mean"].tolist() == pytest.approx([np.mean(levels)] * 5)
    assert band["low"].tolist() == pytest.approx([low] * 5)
    assert band["high"].tolist() == pytest.approx([high] * 5)
    assert (band["min"][0], band["max"][0], band["runs"][0]) == (0.0, runs - 1.0, float(runs))


def test_the_band_makes_nothing_up_after_a_run_has_ended() -> None:
    band = band_of([(np.arange(10.0), np.zeros(10)), (np.arange(5.0), np.ones(5))], 10)
    assert band["runs"].tolist() == [2.0] * 5 + [1.0] * 5
    assert np.isnan(band["low"][5:]).all()
    assert len(band_of([], 10)["x"]) == 0


@settings(deadline=None)
@given(st.lists(arrays(np.float64, st.integers(0, 9)), max_size=4))
def test_packed_numbers_come_out_as_they_went_in(numbers: list[np.ndarray]) -> None:
    header, buffer = unpack_binary(pack_binary({"curves": [{"x": array} for array in numbers], "é": "\n"}))
    for place, array in zip(header["curves"], numbers, strict=True):
        offset, count = place["x"]
        np.testing.assert_array_equal(buffer[offset : offset + count], array)


def test_json_has_null_for_what_is_not_finite() -> None:
    assert pack_json({"x": np.array([1.0, math.nan])}) == b'{"x":[1.0,null]}'
