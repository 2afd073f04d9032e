"""Where runs are read: at a common step, at their own end, at their best, after some time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aurl.compare.reading import At, came_to_rest, parse_at, plan, where
from aurl.compare.run_data import RunCurve, RunData
from aurl.errors import ConfigError
from tests.compare.runs import METRIC

AUTO = At()


def flat(steps: np.ndarray) -> np.ndarray:
    return np.full(len(steps), 2.0) + 0.5 * np.exp(-steps / 20)


def falling(steps: np.ndarray) -> np.ndarray:
    return np.asarray(3.0 - steps / 200)


def run(
    name: str,
    end: int,
    shape: Callable[[np.ndarray], np.ndarray] = falling,
    *,
    plan: int | None = None,
    status: str = "done",
) -> RunData:
    """A run with an evaluation every ten steps that took a second for each step."""
    steps = np.arange(10, end + 1, 10)
    noise = 0.01 * np.random.default_rng(end).normal(size=len(steps))
    curve = RunCurve(steps, shape(steps) + noise, steps.astype(float))
    return RunData(Path(name), name, "x", status, step=end, planned=plan, curves={METRIC: curve})


def read(runs: Sequence[RunData], at: At = AUTO) -> tuple[str, int, dict[str, int], set[str]]:
    """Kind and step of the reading, where each run is read, and which are refused."""
    found = plan(runs, METRIC, "min", at)
    return found.reading.kind, found.reading.step, dict(found.steps), set(found.refused)


def test_runs_of_one_plan_are_read_where_every_finished_one_has_been() -> None:
    runs = [
        run("a", 100, plan=100),
        run("b", 90, plan=100),
        run("c", 40, status="running"),
        run("d", 20, status="failed"),
    ]
    kind, step, steps, refused = read(runs)
    assert (kind, step) == ("budget", 90)
    assert steps == {"a": 90, "b": 90, "c": 40}
    assert refused == {"c"}
    assert "is running at step 40" in plan(runs, METRIC, "min", AUTO).refused["c"]


def test_a_run_in_progress_counts_once_it_is_there() -> None:
    assert read([run("a", 100), run("c", 100, status="running"), run("p", 110, status="preempted")])[3] == set()


def test_a_run_that_came_to_rest_and_stopped_cuts_nobody_short() -> None:
    runs = [run("a", 400, plan=400), run("b", 400, plan=400), run("early", 120, flat, plan=400)]
    found = plan(runs, METRIC, "min", AUTO)
    assert (found.reading.kind, found.reading.step, found.reading.early) == ("budget", 400, ("early",))
    assert found.steps == {"a": 400, "b": 400, "early": 120}
    assert not found.refused
    assert where(found.reading) == "at step 400, 1 that came to rest earlier at their own end"


def test_a_run_that_stopped_while_it_still_got_better_sets_the_step() -> None:
    assert read([run("a", 400, plan=400), run("early", 120, falling, plan=400)])[:2] == ("budget", 120)


def test_runs_that_all_came_to_rest_are_read_at_the_last_of_their_ends() -> None:
    kind, step, steps, refused = read([run("a", 200, flat, plan=400), run("b", 120, flat, plan=400)])
    assert (kind, step, steps, refused) == ("budget", 200, {"a": 200, "b": 120}, set())


def test_runs_planned_for_different_lengths_are_read_at_their_own_ends() -> None:
    runs = [run("a", 200, plan=200), run("b", 800, plan=800), run("c", 100, plan=800, status="running")]
    assert read(runs) == ("end", 800, {"a": 200, "b": 800, "c": 100}, {"c"})
    assert read([replace(runs[0], step=150), runs[1]])[0] == "budget", "one of them did not do what was planned"


def test_what_ended_before_a_tenth_of_the_others_ranks_nothing() -> None:
    runs = [run("a", 400), run("b", 400), run("c", 400), run("first", 10)]
    kind, step, _, refused = read(runs)
    assert (kind, step, refused) == ("budget", 400, {"first"})
    assert "before a tenth of the 400 steps" in plan(runs, METRIC, "min", AUTO).refused["first"]
    assert read(runs, At("budget"))[:2] == ("budget", 10), "asked for, the common step is what it is"
    assert read([run("a", 400), run("b", 400), run("c", 40)])[1] == 40, "a tenth is enough to be said with its step"


def test_while_nothing_has_finished_all_are_read_where_each_has_been() -> None:
    assert read([run("a", 40, status="running"), run("b", 60, status="preempted")])[:2] == ("budget", 40)


def test_own_ends_and_best_values() -> None:
    runs = [run("a", 100), run("b", 300), run("c", 50, status="running")]
    for kind in ("end", "best"):
        assert read(runs, At(kind)) == (kind, 300, {"a": 100, "b": 300, "c": 50}, {"c"})  # type: ignore[arg-type]
    assert read([runs[2]], At("end"))[3] == set(), "while nothing has finished"


def test_a_step_that_was_asked_for_leaves_out_who_ends_before() -> None:
    assert read([run("a", 100, flat), run("b", 300)], At("step", 200)) == ("budget", 200, {"a": 100, "b": 200}, {"a"})


def test_after_some_time_of_work_a_finished_run_has_what_it_ended_with() -> None:
    runs = [run("a", 100), run("b", 300), run("c", 90, status="running"), run("d", 250, status="running")]
    kind, step, steps, refused = read(runs, At("time", 205.0))
    assert (kind, step) == ("time", 200)
    assert steps == {"a": 100, "b": 200, "c": 90, "d": 200}
    assert refused == {"c"}
    late = plan(runs, METRIC, "min", At("time", 5.0))
    assert set(late.refused) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        (None, AUTO), ("end", At("end")), ("best", At("best")), ("budget", At("budget")), ("step=200", At("step", 200)),
        ("time=2h", At("time", 7200.0)), ("time=1.5 min", At("time", 90.0)), ("time=90", At("time", 90.0)),
    ],
)  # fmt: skip
def test_what_may_be_typed(typed: str | None, at: At) -> None:
    assert parse_at(typed) == at


@pytest.mark.parametrize(
    "typed", ["", "ends", "step", "step=0", "step=-3", "step=2h", "time", "time=0", "time=h", "end=3"]
)
def test_what_may_not_be_typed_is_named_with_what_may(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"--at .*: needs end, best, budget, step=N or time=T"):
        parse_at(typed)


def test_a_budget_is_a_step_and_not_both() -> None:
    assert parse_at(None, 50) == At("step", 50)
    for wrong in (0, -5):
        with pytest.raises(ConfigError, match="--budget"):
            parse_at(None, wrong)
    with pytest.raises(ConfigError, match="give one of them"):
        parse_at("end", 50)


def test_a_curve_comes_to_rest_when_its_last_third_gets_no_better() -> None:
    steps = np.arange(10, 401, 10)
    rng = np.random.default_rng(0)

    def rests(values: np.ndarray, mode: str = "min") -> bool:
        return came_to_rest(RunCurve(steps[: len(values)], values, steps[: len(values)].astype(float)), mode)  # type: ignore[arg-type]

    assert rests(flat(steps) + 0.02 * rng.normal(size=40))
    assert rests(1.0 + (steps / 400) ** 2), "what gets worse no longer gets better"
    assert not rests(falling(steps) + 0.02 * rng.normal(size=40))
    assert not rests(-falling(steps), "max")
    assert rests(falling(steps), "max")
    assert not rests(np.array([3.0, 3.0, 3.0])), "three values tell nothing"
