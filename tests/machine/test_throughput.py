"""Rates over a window, against sums done by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.machine.throughput import Throughput

steps = st.tuples(
    st.floats(1e-4, 1e3), st.floats(0, 1e3), st.integers(0, 10_000), st.integers(0, 10_000_000)
)  # fmt: skip


def after(*done: tuple[float, float, int, int], window: int = 20) -> dict[str, float]:
    throughput = Throughput(window)
    for step in done:
        throughput.update(*step)
    return throughput.scalars()


def test_one_step() -> None:
    assert after((0.5, 0.1, 16, 4000)) == {
        "time/step": 0.5,
        "time/data": 0.1,
        "time/data_share": 0.2,
        "throughput/samples": 32.0,
        "throughput/tokens": 8000.0,
    }


@given(st.lists(steps, min_size=1, max_size=40), st.integers(1, 10))
def test_equals_sums_over_the_window(done: list[tuple[float, float, int, int]], window: int) -> None:
    scalars = after(*done, window=window)
    last = done[-window:]
    seconds, waiting = math.fsum(s[0] for s in last), math.fsum(s[1] for s in last)
    assert scalars["time/step"] == pytest.approx(last[-1][0], rel=1e-6, abs=1e-6)
    assert scalars["time/data"] == pytest.approx(last[-1][1], rel=1e-6, abs=1e-6)
    assert scalars["time/data_share"] == pytest.approx(min(1.0, waiting / seconds), rel=1e-5, abs=1e-9)
    assert scalars["throughput/samples"] == pytest.approx(sum(s[2] for s in last) / seconds, rel=1e-5)
    assert scalars["throughput/tokens"] == pytest.approx(sum(s[3] for s in last) / seconds, rel=1e-5)


def test_a_stall_is_seen_whole_and_once() -> None:
    usual, stall = (0.1, 0.01, 8, 80), (5.0, 4.9, 8, 80)
    stalled = after(*[usual] * 30, stall)
    assert (stalled["time/step"], stalled["time/data"]) == pytest.approx((5.0, 4.9))
    assert after(*[usual] * 30, stall, usual)["time/step"] == pytest.approx(0.1)


def test_a_rate_is_not_the_mean_of_rates() -> None:
    assert after((1.0, 0.0, 10, 10), (0.1, 0.0, 10, 10))["throughput/samples"] == pytest.approx(20 / 1.1)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -5.0])
def test_a_clock_that_jumps_does_not_spoil_what_follows(bad: float) -> None:
    good = (1.0, 0.5, 4, 8)
    assert after((bad, bad, 1, 1), good, good, window=2)["throughput/tokens"] == 8.0


def test_rates_are_left_out_while_no_time_has_passed() -> None:
    assert after() == {}
    assert after((0.0, 0.0, 4, 8)) == {"time/step": 0.0, "time/data": 0.0}


def test_window_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="window=0"):
        Throughput(0)
