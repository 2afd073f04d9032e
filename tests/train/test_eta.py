"""Estimates in simulated runs, against the time that then really remained."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.train.eta import Estimate, Eta

Seconds = Callable[[int], float]


def noisy(seconds: float = 0.1) -> Seconds:
    rng = random.Random(1)
    return lambda step: seconds * rng.lognormvariate(0, 0.2)


class Simulation:
    """A run of `total` steps; `pauses` are (every so many steps, seconds at a step, kind)."""

    def __init__(self, total: int, step: Seconds, pauses: Sequence[tuple[int, Seconds, str]] = ()) -> None:
        self.eta = Eta(total)
        now, at = 1e6, {}
        self.eta.update(0, now)
        for number in range(1, total + 1):
            now += step(number)
            self.eta.update(number, now)
            at[number] = (now, self.eta.estimate())
            for every, seconds, kind in pauses:
                if number % every == 0:
                    self.eta.overhead(seconds(number), kind)
                    now += seconds(number)
        self.true = {number: now - then for number, (then, _) in at.items()}
        self.estimates = {number: estimate for number, (_, estimate) in at.items()}

    def error(self, step: int) -> float:
        """Relative error of the estimate after this step."""
        estimate = self.estimates[step]
        assert estimate is not None
        return abs(estimate.seconds - self.true[step]) / self.true[step]

    def worst(self, first: int, last: int) -> float:
        return max(self.error(step) for step in range(first, last + 1))


def test_even_steps_are_exact() -> None:
    run = Simulation(100, lambda step: 0.5)
    assert run.estimates[2] is None
    assert run.estimates[3] == pytest.approx((48.5, 48.5, 48.5))
    assert run.estimates[100] == Estimate(0.0, 0.0, 0.0)


def test_noise() -> None:
    run = Simulation(1000, noisy())
    assert run.worst(50, 900) < 0.1
    inside = [e.low <= run.true[step] <= e.high for step in range(50, 900) if (e := run.estimates[step])]
    assert sum(inside) > 0.9 * len(inside)


def test_a_slow_start_is_forgotten_after_as_many_steps_again() -> None:
    even = noisy()
    run = Simulation(1000, lambda step: even(step) * (20 if step <= 10 else 1))
    assert run.error(5) > 5
    assert run.worst(21, 900) < 0.15


def test_the_compilation_in_the_first_step_does_not_count() -> None:
    assert Simulation(1000, lambda step: 60.0 if step == 1 else 0.1).worst(4, 900) < 0.01


def test_regular_pauses_count_in_proportion() -> None:
    run = Simulation(1000, noisy(), [(100, lambda step: 5.0, "validation"), (250, lambda step: 2.0, "checkpoint")])
    assert run.worst(251, 995) < 0.12
    training_alone = 0.1 * 500
    estimate = run.estimates[500]
    assert estimate is not None
    assert estimate.seconds > training_alone + 25  # five validations


def test_pauses_of_mixed_length_under_one_kind() -> None:
    run = Simulation(2000, noisy(), [(50, lambda step: 5.0, "pause"), (200, lambda step: 12.0, "pause")])
    assert run.worst(600, 1700) < 0.15


@pytest.mark.parametrize("hour_at", [200, 500])
def test_one_long_pause_among_usual_ones_is_an_accident(hour_at: int) -> None:
    run = Simulation(1000, noisy(), [(100, lambda step: 3600.0 if step == hour_at else 5.0, "validation")])
    assert run.worst(hour_at + 5, 980) < 0.15


def test_a_long_pause_that_came_once_at_most_doubles_the_estimate_and_is_then_forgotten() -> None:
    run = Simulation(1000, noisy(), [(300, lambda step: 3600.0 if step == 300 else 0.0, "checkpoint")])
    after = run.estimates[301]
    assert after is not None
    assert after.seconds < 2.2 * run.true[301]
    assert after.low < 1.1 * run.true[301]
    assert run.worst(661, 900) < 0.1


def test_an_unannounced_stall_does_not_count() -> None:
    even = noisy()
    assert Simulation(1000, lambda step: even(step) + (3600 if step == 300 else 0)).worst(301, 900) < 0.1


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_a_change_of_rate_is_followed_within_the_window(factor: float) -> None:
    even = noisy()
    run = Simulation(1000, lambda step: even(step) * (factor if step > 500 else 1.0))
    assert run.error(500) > 0.3  # nobody can know
    assert run.worst(570, 900) < 0.1


def test_longer_and_longer_sequences() -> None:
    run = Simulation(1000, lambda step: 0.1 * (1 + step / 1000))
    errors = [run.error(step) for step in (200, 500, 800)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.1


def test_regularly_slow_steps_count_in_full() -> None:
    even = noisy()
    run = Simulation(1000, lambda step: even(step) * (10 if step % 10 == 0 else 1))
    assert run.worst(130, 800) < 0.25


def test_pauses_shorter_than_a_step_are_part_of_the_steps() -> None:
    run = Simulation(1000, noisy(), [(1, lambda step: 0.002, "pause"), (100, lambda step: 5.0, "pause")])
    assert run.worst(210, 980) < 0.1


def test_pause_and_resume_are_overhead() -> None:
    eta = Eta(100)
    now = 0.0
    for step in range(31):
        eta.update(step, now)
        now += 1.0
        if step and step % 10 == 0:
            eta.pause(now, "sampling")
            now += 20.0
            eta.resume(now)
            eta.resume(now)  # nothing is open: nothing happens
    assert eta.estimate() == pytest.approx((70 + 7 * 20,) * 3)


def test_frequent_pauses_are_not_counted_twice() -> None:
    run = Simulation(200, lambda step: 1.0, [(2, lambda step: 4.0, "sampling")])
    assert run.worst(20, 190) < 0.1


def test_what_comes_before_the_first_step_is_nobody_s_time() -> None:
    eta = Eta(10)
    eta.overhead(500.0)
    for step in range(5):
        eta.update(step, float(step))
    assert eta.estimate() == pytest.approx((6.0, 6.0, 6.0))


def test_a_rollback_starts_timing_afresh() -> None:
    eta = Eta(100)
    for step in range(21):
        eta.update(step, float(step))
    eta.update(10, 5000.0)
    assert eta.estimate() == pytest.approx((90.0, 90.0, 90.0))
    eta.update(11, 5001.0)
    assert eta.estimate() == pytest.approx((89.0, 89.0, 89.0))


def test_a_resumed_run_has_an_estimate_at_once_and_does_not_count_the_time_between() -> None:
    before = Simulation(1000, noisy(), [(100, lambda step: 5.0, "validation")]).eta
    state = json.loads(json.dumps({**before.state_dict(), "step": 500}))
    eta = Eta(1000)
    eta.load_state_dict(state)
    first = eta.estimate()
    assert first is not None
    assert first.seconds > 45
    eta.update(500, 9e9)
    eta.update(501, 9e9 + 0.1)
    second = eta.estimate()
    assert second is not None
    assert second.seconds == pytest.approx(first.seconds, rel=0.1)
    restored = Eta(1000)
    restored.load_state_dict(state)
    assert restored.state_dict() == state


def test_nothing_to_do() -> None:
    assert Eta(0).estimate() == Estimate(0.0, 0.0, 0.0)


@pytest.mark.parametrize(("total", "window"), [(-1, 64), (10, 2)])
def test_bad_arguments(total: int, window: int) -> None:
    with pytest.raises(ConfigError, match=f"total_steps={total}.*window={window}"):
        Eta(total, window)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.floats(0, 100), st.none() | st.floats(0, 1000)), min_size=1, max_size=120),
    st.integers(0, 400),
)
def test_any_run_gives_an_ordered_finite_estimate(events: list[tuple[int, float, float | None]], total: int) -> None:
    eta, step, now = Eta(total), 0, 0.0
    eta.update(step, now)
    for steps, seconds, pause in events:
        step, now = step + steps, now + seconds
        eta.update(step, now)
        if pause is not None:
            eta.overhead(pause, "a" if step % 2 else "b")
            now += pause
        estimate = eta.estimate()
        if estimate is not None:
            assert 0 <= estimate.low <= estimate.seconds + 1e-9
            assert estimate.seconds <= estimate.high + 1e-9
            assert estimate.high < 1e9
