from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.anomaly.statistics.blocks import Blocks, median, noise
from aurl.anomaly.statistics.curve import LEVEL, Curve
from aurl.anomaly.statistics.rounds import Rounds
from aurl.anomaly.statistics.trend import fall


def fed(values: np.ndarray) -> Curve:
    curve = Curve("loss/total")
    for value in values:
        curve.push(float(value))
    return curve


def noisy(n: int, sigma: float, seed: int = 0) -> np.ndarray:
    return np.exp(sigma * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3])
def test_level_and_spread_are_those_of_the_noise(sigma: float) -> None:
    curve = fed(3.0 * noisy(2000, sigma))
    assert curve.usual == pytest.approx(3.0, rel=0.5 * sigma)
    assert curve.spread == pytest.approx(sigma, rel=0.45)


def test_a_steady_descent_does_not_widen_the_spread() -> None:
    at = np.arange(1000)
    curve = fed(5.0 * np.exp(-at / 100.0) * noisy(1000, 0.05))
    assert curve.slope < -0.05
    assert curve.spread < 0.15
    assert abs(curve.rise) < 0.4


def test_outliers_do_not_enter_but_a_new_level_does() -> None:
    values = noisy(400, 0.05)
    values[300] = 50.0
    curve = fed(values[:350])
    assert curve.usual == pytest.approx(1.0, abs=0.05)
    assert curve.limit(8.0) < math.log(3.0)
    shifted = fed(np.concatenate([values[:300], 4.0 * noisy(2 * LEVEL, 0.05, 1)]))
    assert shifted.usual == pytest.approx(4.0, rel=0.1)


def test_the_past_tail_raises_the_limit() -> None:
    values = noisy(3000, 0.03)
    calm = fed(values).limit(5.0)
    values[::40] *= 1.35
    assert fed(values).limit(5.0) > calm + 0.05


def test_a_metric_that_turns_negative_is_measured_by_asinh() -> None:
    curve = fed(np.array([2.0, 1.0, 0.5, -0.5, -1.0, -1.1, -1.0, -1.2] + [-1.0] * 60))
    assert curve.unit is not None
    assert curve.usual == pytest.approx(-1.0, abs=0.05)
    assert curve.era == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=300))
def test_any_finite_values_are_taken(values: list[float]) -> None:
    curve = Curve("x")
    for value in values:
        curve.push(value)
    assert curve.seen <= len(values)
    assert math.isfinite(curve.spread)
    json.dumps(curve.state_dict(), allow_nan=False)


@given(st.integers(0, 300), st.integers(0, 300))
@settings(max_examples=25, deadline=None)
def test_a_curve_goes_on_from_its_state(split: int, seed: int) -> None:
    values = noisy(301, 0.2, seed)
    whole, first, second = fed(values), fed(values[:split]), Curve("loss/total")
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for value in values[split:]:
        second.push(float(value))
    assert second.state_dict() == whole.state_dict()


def test_values_near_the_largest_number_are_taken() -> None:
    y = np.concatenate([600 + noisy(200, 0.3), 690 + 5 * noisy(20, 0.3), 690 + noisy(200, 0.3)])
    curve = fed(np.exp(np.minimum(y, 709.0)))
    assert math.isfinite(curve.quiet[1])


def test_memory_does_not_grow() -> None:
    curve = Curve("x")
    sizes = []
    for value in noisy(30_000, 0.3):
        curve.push(float(value))
        if curve.seen % 10_000 == 0:
            sizes.append(len(json.dumps(curve.state_dict())))
    assert max(sizes) < 1.1 * min(sizes)


@given(st.integers(1, 5000), st.integers(1, 16))
@settings(max_examples=40, deadline=None)
def test_blocks_cover_the_run_with_few_numbers(n: int, size: int) -> None:
    blocks = Blocks(size)
    completed = sum(blocks.push(float(i)) for i in range(n))
    assert completed == blocks.completed == n // size
    assert len(blocks.medians) < 96
    assert len(blocks.medians) * blocks.width <= n
    assert blocks.medians == sorted(blocks.medians)


def test_noise_is_blind_to_a_trend() -> None:
    rng = np.random.default_rng(0)
    values = [float(v) for v in 0.5 * np.arange(400) + rng.standard_normal(400)]
    assert noise(values) == pytest.approx(1.0, rel=0.2)
    assert noise([1.0, 2.0]) == 0.0


def test_the_error_of_a_fall_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        values = [float(v) for v in -0.01 * np.arange(48) + 0.1 * rng.standard_normal(48)]
        fell = fall(values)
        inside += abs(fell.size - 0.32) <= 2.0 * fell.error
    assert inside >= 270


def test_median() -> None:
    assert median([3.0, 1.0, 2.0]) == 2.0
    assert median([4.0, 1.0, 2.0, 3.0]) == 2.5


def test_rounds_are_means_of_what_shares_a_step() -> None:
    rounds = Rounds()
    ends = [rounds.push(step, value) for step, value in ((10, 1.0), (10, 3.0), (15, None), (20, 5.0), (30, 7.0))]
    assert ends == [False, False, True, False, True]
    assert (rounds.means, rounds.steps) == ([2.0, 5.0], [10, 20])
