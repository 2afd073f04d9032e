"""Scores of `benchmarks.faults`: what alarms are worth, given the truth."""

from __future__ import annotations

import math
from typing import Any

import pytest

from aurl.record import Kind, Record
from benchmarks.injection import scoring
from benchmarks.injection.report import document, tables
from benchmarks.injection.scenario import HEALTHY
from benchmarks.injection.scoring import Alarm, Case, Verdict


def alert(step: int, type: str, *, incident: int = 1, episode: int = 1, **fields: Any) -> Record:
    told = {"severity": "warning", "status": "open", "metric": "loss", "causes": [], **fields}
    return Record(Kind.ALERT, step, fields={"type": type, "incident": incident, "episode": episode, **told})


def alarm(step: int, type: str, *, incident: int = 1, cause: str = "", final: str = "", metric: str = "loss") -> Alarm:
    return Alarm(step, type, metric, incident, cause or type, final or cause or type)


def case(**settings: Any) -> Case:
    plain: dict[str, Any] = {"type": "loss_spike", "name": "one", "onset": 100, "steps": 400}
    return Case(**plain | {"accept": frozenset({"loss_spike"}), "causes": frozenset({"bad_batch"})} | settings)


def judge(told: list[Alarm], *, seen: tuple[int, ...] = (), **settings: Any) -> Verdict:
    return scoring.judge(case(**settings), told, {"loss": seen})


HEALTHY_CASE: dict[str, Any] = {"type": HEALTHY, "onset": 0, "accept": frozenset(), "causes": frozenset()}


def test_infos_and_ends_are_no_alarms() -> None:
    alerts = [
        alert(1, "loss_spike", severity="info"),
        alert(2, "loss_spike", severity="warning", status="worse"),
        alert(3, "loss_spike", severity="info", status="end"),
        alert(4, "nan_values", severity="fatal", incident=2),
    ]
    assert [(one.step, one.type) for one in scoring.alarms(alerts)] == [(2, "loss_spike"), (4, "nan_values")]


def test_the_cause_is_the_first_told_and_in_the_end_the_last_of_the_episode() -> None:
    alerts = [
        alert(10, "loss_spike", causes=[{"name": "bad_batch"}, {"name": "step_size"}]),
        alert(10, "overfitting", incident=2, episode=2),
        alert(40, "training_divergence", incident=3, causes=[{"name": "damaged_weights"}]),
    ]
    spike, other, divergence = scoring.alarms(alerts)
    assert (spike.cause, spike.final) == ("bad_batch", "damaged_weights")
    assert (other.cause, other.final) == ("overfitting", "overfitting"), "an incident without a cause is its own"
    assert divergence.final == "damaged_weights"


def test_an_incident_that_joins_an_episode_later_is_judged_by_that_one() -> None:
    alerts = [
        alert(10, "loss_spike", incident=2, episode=2),
        alert(12, "loss_spike", incident=2, episode=1, status="worse", causes=[{"name": "kl_blowup"}]),
    ]
    assert [one.final for one in scoring.alarms(alerts)] == ["kl_blowup", "kl_blowup"]


def test_delay_counts_from_the_onset_in_steps_and_in_records_of_the_metric() -> None:
    verdict = judge([alarm(120, "loss_spike", cause="bad_batch")], seen=(90, 100, 110, 120, 130))
    assert (verdict.typed, verdict.exact, verdict.cause) == (True, True, True)
    assert (verdict.delay, verdict.looks) == (20, 2)
    at_once = judge([alarm(100, "loss_spike")], seen=(100, 110))
    assert (at_once.delay, at_once.looks) == (0, 0)


def test_what_is_told_too_early_is_false_and_what_is_told_too_late_is_missed() -> None:
    early = judge([alarm(99, "loss_spike")])
    assert (early.found, early.typed, len(early.false)) == (False, False, 1)
    late = judge([alarm(121, "loss_spike")], within=20)
    assert (late.found, late.typed, late.false) == (False, False, ()), "late, though not untrue"


def test_an_incident_from_before_the_onset_that_gets_worse_after_it_counts_and_is_false_too() -> None:
    verdict = judge([alarm(90, "loss_spike"), alarm(105, "loss_spike")])
    assert (verdict.typed, verdict.delay) == (True, 5)
    assert [one.step for one in verdict.false] == [90]


def test_a_wrong_type_is_found_but_not_typed_and_false() -> None:
    verdict = judge([alarm(101, "overfitting")])
    assert (verdict.found, verdict.typed) == (True, False)
    assert [one.type for one in verdict.false] == ["overfitting"]


def test_a_type_that_counts_need_not_be_the_very_one() -> None:
    verdict = judge([alarm(101, "training_divergence")], accept=frozenset({"loss_spike", "training_divergence"}))
    assert (verdict.typed, verdict.exact) == (True, False)


def test_consequences_are_neither_right_nor_wrong() -> None:
    also = frozenset({"nan_values"})
    verdict = judge([alarm(101, "nan_values")], also=also)
    assert (verdict.typed, verdict.false) == (False, ())
    assert len(judge([alarm(99, "nan_values")], also=also).false) == 1, "before the onset they are no consequences"
    assert judge([alarm(9, "overfitting")], throughout=frozenset({"overfitting"})).false == ()


def test_nan_is_justified_by_the_records_alone() -> None:
    assert judge([alarm(105, "nan_values")], broken_at=105).false == ()
    assert len(judge([alarm(104, "nan_values")], broken_at=105).false) == 1


def test_each_false_incident_counts_once() -> None:
    told = [alarm(5, "overfitting"), alarm(6, "overfitting"), alarm(7, "loss_plateau", incident=2)]
    assert [one.step for one in judge(told, **HEALTHY_CASE).false] == [5, 7]


def test_rows_count_false_alarms_of_their_type_in_all_runs() -> None:
    verdicts = [
        judge([alarm(100, "loss_spike", cause="bad_batch")]),
        judge([alarm(110, "loss_spike", cause="restart", final="bad_batch")]),
        judge([]),
        judge([alarm(50, "loss_spike")], **HEALTHY_CASE),
        judge([alarm(60, "overfitting")], **HEALTHY_CASE),
    ]
    row = scoring.row("loss_spike", verdicts)
    assert (row.n, row.found, row.typed, row.false) == (3, 2, 2, 1)
    assert row.recall == pytest.approx(2 / 3)
    assert row.precision == pytest.approx(2 / 3)
    assert row.f1 == pytest.approx(2 / 3)
    assert row.delays == (0, 10)
    assert row.shares == (0.0, 10 / 400)
    assert (row.cause, row.final) == (0.5, 1.0)
    everything = scoring.row("all", verdicts)
    assert (everything.n, everything.typed, everything.false) == (3, 2, 2)


def test_a_type_without_a_hit_has_no_precision_and_scores_0() -> None:
    row = scoring.row("loss_spike", [judge([])])
    assert (row.recall, row.f1) == (0.0, 0.0)
    assert math.isnan(row.precision)
    assert math.isnan(row.cause)
    assert math.isnan(scoring.row("gpu_idle", [judge([])]).recall), "never provoked"


def test_healthy_time_is_that_of_controls_and_that_before_an_onset() -> None:
    verdicts = [
        judge([alarm(50, "loss_spike"), alarm(60, "overfitting", incident=2)], **HEALTHY_CASE),
        judge([], **HEALTHY_CASE),
        judge([alarm(99, "loss_spike"), alarm(300, "overfitting", incident=2)]),
        judge([alarm(10, "overfitting")], onset=0),
    ]
    calm, before = scoring.calm(verdicts), scoring.before_onset(verdicts)
    assert (calm.runs, calm.alarmed, calm.episodes, calm.steps) == (2, 1, 2, 800)
    assert calm.rate == pytest.approx(25.0)
    assert (before.runs, before.alarmed, before.episodes, before.steps) == (1, 1, 1, 100)
    assert math.isnan(scoring.calm([]).rate)


def test_tables_and_json_hold_the_figures_and_name_what_went_wrong() -> None:
    verdicts = [
        judge([alarm(100, "loss_spike", cause="restart")], name="first"),
        judge([], name="second"),
        judge([alarm(50, "overfitting")], **HEALTHY_CASE, name="calm"),
    ]
    shown = tables(["loss_spike"], verdicts)
    assert "| loss_spike | 2 " in shown
    for complaint in (
        "- missed: loss_spike, second, onset 100",
        "- false: overfitting at 50 in healthy, calm, onset 0",
        "- cause not first, not even in the end: loss_spike, first, onset 100",
    ):
        assert complaint in shown
    figures = document(verdicts, [20.0, 30.0, 40.0])
    assert figures["types"]["loss_spike"]["recall"] == 0.5
    assert figures["healthy"]["episodes_per_10000_steps"] == 25.0
    assert figures["microseconds_per_record"] == 30.0
    assert [run["name"] for run in figures["runs"]] == ["first", "second", "calm"]
