"""Curves that stop falling at once, beside those that flatten as curves do."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.standstill import Brake, Sides, kinks


def falling_until(stop: int, count: int, by: float = 0.05) -> list[float]:
    return [-by * min(at, stop) for at in range(count)]


def test_a_steady_fall_that_stops_is_a_kink() -> None:
    values = falling_until(8, 13)
    assert kinks(values, 4, 0.0)
    assert not kinks(falling_until(20, 13), 4, 0.0), "it still falls"
    assert not kinks(falling_until(8, 20), 4, 0.0), "long ago: the fall is out of sight"
    assert not kinks(values[:8], 4, 0.0), "too little is known"


@given(st.floats(0.01, 1.0), st.floats(0.5, 0.99), st.integers(9, 60))
def test_no_exponential_decay_is_a_kink_above_a_tenth_of_its_beginning(fall: float, rate: float, count: int) -> None:
    values = [fall * (rate**at - 1.0) / (1.0 - rate) for at in range(count)]
    assert not kinks(values, 4, 0.0)


def test_a_kink_near_the_end_of_all_learning_is_convergence() -> None:
    values = [math.log(0.02) + value for value in falling_until(8, 13)]
    assert not kinks(values, 4, math.log(2.0))
    assert not kinks(values, 4, values[0] + 1.5), "the steady fall is no good part of the progress"


def braked(gradients: list[float], rates: list[float] | None = None, loss: float = 1.0) -> Brake:
    brake, norm, of_loss = Brake(), Curve("grad/norm"), Curve("loss")
    for at, value in enumerate(gradients, 1):
        norm.push(value)
        of_loss.push(loss)
        if at % 16 == 0 and not brake.is_worth_a_look(norm):
            brake.note_rate(rates[at - 1] if rates else None)
        brake.gradient(norm, of_loss, (at, 10 * at), rates[at - 1] if rates else None)
    return brake


def test_a_gradient_that_falls_at_once_is_a_brake_and_one_that_comes_back_is_none() -> None:
    noisy = list(0.8 * np.exp(0.2 * np.random.default_rng(0).standard_normal(100)))
    brake = braked([*noisy, *[0.05] * 8])
    assert (brake.since, brake.step) == (101, 1010)
    assert "grad/norm fell at once to 1/" in brake.what
    assert braked([*noisy, *[0.05] * 7]).since is None
    assert braked([*noisy, *[0.05] * 20, *[0.8] * 8]).since is None


def test_a_gradient_that_falls_slowly_or_with_the_learning_rate_is_no_brake() -> None:
    usual = [0.8] * 100
    slowly = [0.8 * 0.97**at for at in range(200)]
    assert braked([*usual, *slowly]).since is None
    rates = [1e-3] * 100 + [1e-5] * 20
    assert braked([*usual, *[0.05] * 20], rates).since is None


def test_updates_that_fall_to_a_fraction_are_a_brake() -> None:
    brake = Brake()
    for at in range(1, 20):
        brake.update("update/ratio", 1e-3 if at < 15 else 1e-5, (at, at), 1e-3)
    assert (brake.since, brake.step) == (15, 15)


@pytest.mark.parametrize(("after", "slows"), [(0.05, False), (0.03, False), (0.004, True), (0.0, True)])
def test_speeds_before_and_after_are_compared(after: float, slows: bool) -> None:
    sides = Sides(5)
    assert not any(sides.slows(-0.05 * at) for at in range(10))
    sides.part()
    said = [sides.slows(-0.5 - after * at) for at in range(8)]
    assert said[-1] is slows
    assert not any(said[:5]), "five blocks and the one left out"


def test_a_brake_survives_a_resume() -> None:
    brake = braked([0.8] * 50 + [0.05] * 10)
    for value in (0.0, -0.1):
        brake.blocks.slows(value)
    again = Brake()
    again.load_state_dict(json.loads(json.dumps(brake.state_dict())))
    assert again.state_dict() == brake.state_dict()
    assert again.since == 51
