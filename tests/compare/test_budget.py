"""The common budget, finals, and which runs count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.compare.budget import best_value, choose_share, final, judge
from aurl.compare.run_data import RunCurve, RunData
from aurl.errors import ConfigError
from tests.compare.runs import METRIC


def made(values: Sequence[float], steps: Sequence[int] | None = None) -> RunCurve:
    at = np.asarray(steps if steps is not None else range(1, len(values) + 1), np.int64)
    return RunCurve(at, np.asarray(values, np.float64), at.astype(np.float64))


def run(name: str, end: int, status: str = "done", every: int = 10) -> RunData:
    steps = list(range(every, end + 1, every))
    return RunData(
        Path(name), name, "x", status, step=end, read_step=end, curves={METRIC: made([1.0] * len(steps), steps)}
    )


def test_the_share_grows_until_every_run_has_three_values_in_it() -> None:
    assert choose_share([run("a", 1000)], METRIC, {"a": 1000}, None) == 0.1
    sparse = choose_share([run("a", 1000), run("b", 1000, every=50)], METRIC, {"a": 1000, "b": 1000}, None)
    assert 0.1 < sparse <= 0.25
    assert (run("b", 1000, every=50).curves[METRIC].steps > 1000 * (1 - sparse)).sum() == 3
    assert choose_share([run("a", 40)], METRIC, {"a": 40}, None) == 0.1, "three of four values are no end of a curve"
    assert choose_share([run("a", 40)], METRIC, {"a": 40}, 0.5) == 0.5


@pytest.mark.parametrize("given_", [0.0, 1.5, -0.1])
def test_a_share_out_of_range(given_: float) -> None:
    with pytest.raises(ConfigError, match="--last"):
        choose_share([run("a", 10)], METRIC, {"a": 10}, given_)


def test_a_final_is_the_interquartile_mean_of_the_window_and_nothing_beyond_the_budget() -> None:
    curve = made([9.0] * 16 + [1.0, 2.0, 3.0, 100.0] + [0.0] * 5)
    assert final(curve, 20, 0.2) == 2.5
    assert final(curve, 20, 0.05) == 100.0
    assert final(made([5.0], [10]), 5, 0.1) is None


def test_a_window_without_a_value_takes_the_last_one_before_it() -> None:
    assert final(made([4.0, 3.0], [10, 20]), 29, 0.1) == 3.0


def test_a_curve_has_diverged_when_its_end_is_not_finite() -> None:
    assert math.isnan(final(made([1.0, 1.0, math.nan]), 3, 0.5) or 0.0)
    assert math.isnan(final(made([1.0, math.nan, math.inf, math.nan, 1.0]), 5, 1.0) or 0.0)
    assert final(made([1.0, math.nan, 1.0, 1.0]), 4, 1.0) == 1.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_a_final_lies_among_the_values_of_its_window(values: list[float], share: float) -> None:
    found = final(made(values), len(values), share)
    window = values[-max(1, math.ceil(share * len(values))) :]
    assert found is not None
    slack = 1e-9 * max(map(abs, window), default=0.0)
    assert min(window) - slack <= found <= max(window) + slack


@pytest.mark.parametrize(
    ("status", "end", "finals", "fate"),
    [
        ("done", 100, {METRIC: 1.0}, "counted"),
        ("running", 100, {METRIC: 1.0}, "counted"),
        ("preempted", 100, {METRIC: 1.0}, "counted"),
        ("done", 100, {}, "failed"),
        ("failed", 100, {METRIC: 1.0}, "failed"),
        ("stopped", 100, {METRIC: 1.0}, "failed"),
        ("crashed", 90, {METRIC: 1.0}, "failed"),
        ("unreadable", 100, {METRIC: 1.0}, "left out"),
    ],
)
def test_fates(status: str, end: int, finals: dict[str, float], fate: str) -> None:
    found, why = judge(replace(run("a", end, status), finals=finals, why="broken"), METRIC)
    assert found == fate
    assert bool(why) == (fate != "counted")


def test_a_failure_names_the_alert_that_began_it() -> None:
    alerts = (
        {"type": "loss_spike", "severity": "warning"},
        {"type": "nan_values", "severity": "fatal", "onset_step": 7},
    )
    _, why = judge(replace(run("a", 10, "failed"), alerts=alerts), METRIC)
    assert why == "failed at step 10 (nan values since step 7)"


def test_a_run_without_the_metric_or_with_it_only_later() -> None:
    assert judge(RunData(Path("a"), "a", "x", "done"), METRIC) == ("left out", f"has no {METRIC}")
    late = replace(run("a", 200), read_step=100, curves={METRIC: made([1.0], [150])})
    assert judge(late, METRIC) == ("left out", f"has no {METRIC} up to step 100, its first is at step 150")


def test_a_run_that_cannot_be_read_where_the_others_are_is_left_out_with_the_reason() -> None:
    whole = replace(run("a", 100), finals={METRIC: 1.0})
    assert judge(whole, METRIC, "ended at step 9") == ("left out", "ended at step 9")
    assert judge(replace(whole, status="failed"), METRIC, "ended at step 9")[0] == "failed"


def test_the_best_value_is_the_best_finite_one_of_a_curve_that_did_not_diverge() -> None:
    curve = made([3.0, math.nan, 1.0, 2.0, 0.5])
    assert best_value(curve, 4, "min") == 1.0
    assert best_value(curve, 4, "max") == 3.0
    assert best_value(curve, 0, "min") is None
    assert math.isnan(best_value(made([1.0, math.nan]), 2, "min") or 0.0)
