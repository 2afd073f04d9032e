"""Each anomaly of the training curves: a run that has it, and a healthy neighbour that no detector is loud about."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from aurl.record import Kind, Record
from tests.anomaly.runs import alerts, first, healthy, loud, records, watch, with_evals


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("noise", [0.01, 0.06, 0.2])
def test_a_healthy_run_is_silent(seed: int, noise: float) -> None:
    assert loud(records(healthy(1200, seed, noise))) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_healthy_run_of_thirty_epochs_is_silent(seed: int) -> None:
    columns = {"loss/total": healthy(30, seed, 0.02)["loss/total"]}
    columns["val/loss/total"] = columns["loss/total"] * 1.1
    assert loud(records(columns, Kind.EPOCH)) == []


def test_nan_values_are_critical_at_once_and_fatal_when_they_stay() -> None:
    columns = healthy()
    columns["loss/total"][400:] = math.nan
    found = [alert for alert in alerts(records(columns)) if alert.fields["type"] == "nan_values"]
    assert [(a.step, a.fields["severity"], a.fields["status"]) for a in found] == [
        (401, "critical", "open"),
        (403, "fatal", "worse"),
    ]
    assert found[1].fields["onset_step"] == 401


def test_one_overflow_of_the_gradient_norm_is_a_warning_only() -> None:
    columns = healthy()
    columns["grad/norm"][400] = math.inf
    assert loud(records(columns)) == [("nan_values", "warning", 401)]


def test_a_quality_that_is_not_defined_is_no_anomaly() -> None:
    columns = healthy()
    columns["quality/npvi"] = np.full(800, math.nan)
    assert loud(records(columns)) == []


@pytest.mark.parametrize(("factor", "severity"), [(1.6, "info"), (3.0, "warning"), (15.0, "critical")])
def test_a_loss_spike_is_found_at_its_step(factor: float, severity: str) -> None:
    columns = healthy()
    columns["loss/total"][500] *= factor
    [found] = [a for a in alerts(records(columns)) if a.fields["type"] == "loss_spike"]
    assert (found.step, found.fields["severity"]) == (501, severity)
    fields: Any = found.fields
    assert fields["expected"][1] < fields["value"]


def test_an_explosion_within_the_warm_up_is_found() -> None:
    columns = healthy()
    columns["loss/total"][8:] *= 1e6
    assert first(records(columns), "loss_spike").step == 9


def test_zscore_decides_what_counts() -> None:
    columns = healthy(noise=0.03)
    columns["loss/total"][500] *= 1.45
    assert any(a.fields["type"] == "loss_spike" for a in alerts(records(columns), watch(zscore=3)))
    assert alerts(records(columns), watch(zscore=30)) == []


def test_heavy_tails_that_were_always_there_are_no_spikes() -> None:
    columns = healthy(2000)
    columns["loss/total"] *= np.where(np.random.default_rng(1).random(2000) < 0.05, 1.9, 1.0)
    assert loud(records(columns)) == []


def test_a_validation_spike_is_found() -> None:
    values = np.full(20, 1.0) + 0.01 * np.arange(20) % 3
    values[12] = 9.0
    found = first(with_evals(records(healthy()), values, 40), "loss_spike")
    assert (found.step, found.fields["metric"]) == (520, "val/loss/total")


def test_a_gradient_explosion_needs_an_answer_of_the_loss() -> None:
    alone, answered = healthy(), healthy()
    alone["grad/norm"][500] *= 40.0
    answered["grad/norm"][500] *= 40.0
    answered["loss/total"][501] *= 3.0
    assert loud(records(alone)) == []
    found = first(records(answered), "gradient_explosion")
    assert (found.step, found.fields["severity"], found.fields["onset_step"]) == (502, "critical", 501)


def test_a_divergence_is_found_and_becomes_fatal_beyond_the_start() -> None:
    columns = healthy()
    columns["loss/total"][500:] *= np.exp(np.minimum(3.0, np.arange(300) / 40.0))
    found = [a for a in alerts(records(columns)) if a.fields["type"] == "training_divergence"]
    assert 500 < found[0].step <= 560
    assert found[-1].fields["severity"] == "fatal"
    assert 480 <= int(str(found[0].fields["onset_step"])) <= 545


def test_harder_data_that_is_learnt_is_no_divergence() -> None:
    columns = healthy()
    columns["loss/total"][400:] *= 1.0 + 0.35 * np.exp(-np.arange(400) / 20.0)
    assert loud(records(columns)) == []


def test_a_plateau_is_found_where_learning_stopped_long_ago() -> None:
    columns = healthy(1500)
    rng = np.random.default_rng(2)
    columns["loss/total"][150:] = 1.7 * np.exp(0.03 * rng.standard_normal(1350))
    columns["lr"][:] = 1e-3
    found = first(records(columns), "loss_plateau")
    assert found.fields["severity"] == "warning"
    assert 150 < found.step <= 1100


def test_a_plateau_at_the_loss_of_guessing_is_critical() -> None:
    columns = {"loss/total": math.log(10) + 0.02 * np.random.default_rng(0).standard_normal(900)}
    columns["loss/total"][:60] += np.linspace(1.5, 0.0, 60)
    assert first(records(columns), "loss_plateau").fields["severity"] == "critical"


def test_a_plateau_after_the_rate_has_decayed_is_an_info() -> None:
    columns = healthy(1500)
    rng = np.random.default_rng(2)
    columns["loss/total"][150:] = 1.7 * np.exp(0.03 * rng.standard_normal(1350))
    columns["lr"] = np.where(np.arange(1500) < 150, 1e-3, 1e-4)
    assert "loss_plateau" not in {type_ for type_, _, _ in loud(records(columns))}


def test_slow_but_steady_learning_is_no_plateau() -> None:
    at = np.arange(3000)
    noise = np.exp(0.05 * np.random.default_rng(3).standard_normal(3000))
    assert loud(records({"loss/total": (3.0 - 0.25 * np.log1p(at / 20.0)) * noise})) == []


def test_underfitting_is_found_where_nothing_was_learnt() -> None:
    values = 2.3 * np.exp(0.02 * np.random.default_rng(0).standard_normal(600))
    found = first(records({"loss/total": values, "lr": np.full(600, 1e-9)}), "underfitting")
    assert 200 <= found.step <= 260


def test_a_loss_that_does_not_move_at_all_is_told_soon() -> None:
    still = {"loss/total": 2.46 * np.exp(0.0003 * np.random.default_rng(0).standard_normal(60))}
    assert first(records(still), "underfitting").step == 48


def test_a_smooth_loss_that_begins_to_fall_slowly_is_fine() -> None:
    slow = {"loss/total": 2.3 - 2e-6 * np.arange(600.0) ** 2}  # as whole batches do near a saddle
    assert loud(records(slow)) == []


def test_a_long_warm_up_is_not_called_underfitting() -> None:
    at = np.arange(600)
    values = 2.3 - 1.0 * np.clip((at - 350) / 200.0, 0.0, 1.0) + 0.02 * np.random.default_rng(0).standard_normal(600)
    rate = 1e-3 * np.minimum(1.0, (at + 1) / 400)
    assert loud(records({"loss/total": values, "lr": rate})) == []


def test_a_resumed_run_is_not_called_underfitting() -> None:
    values = 2.3 * np.exp(0.02 * np.random.default_rng(0).standard_normal(300))
    start = Record(Kind.START, 5000, fields={"resumed_from": 5000})
    steps = [Record(Kind.STEP, 5000 + i, {"loss/total": float(v)}) for i, v in enumerate(values)]
    assert "underfitting" not in {type_ for type_, _, _ in loud([start, *steps])}


def test_oscillation_is_found_on_the_loss() -> None:
    columns = healthy()
    swing = np.sign(np.sin(np.arange(400) * 2 * np.pi / 24.0))
    columns["loss/total"][400:] *= np.exp(0.55 * swing)
    found = first(records(columns), "loss_oscillation")
    assert 400 < found.step <= 520


def test_wild_swings_from_the_start_are_found_soon() -> None:
    at = np.arange(80)
    values = np.where(at % 8 < 3, 12.0, 0.4) * np.exp(0.1 * np.random.default_rng(0).standard_normal(80))
    assert first(records({"loss/total": values}), "loss_oscillation").step <= 40


def test_noise_is_no_oscillation() -> None:
    values = 2.0 * np.exp(0.5 * np.random.default_rng(0).standard_normal(2000)) * np.linspace(1.0, 0.5, 2000)
    assert loud(records({"loss/total": values})) == []


def test_overfitting_is_found_with_its_best_step() -> None:
    values = [2.0, 1.5, 1.2, 1.1, 1.05, 1.0, 1.08, 1.15, 1.25, 1.35, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0]
    found = first(with_evals(records(healthy()), values, 50), "overfitting")
    assert 400 <= found.step <= 550
    assert 250 <= int(str(found.fields["onset_step"])) <= 350


def test_a_validation_loss_that_wobbles_is_no_overfitting() -> None:
    values = 1.0 + 0.06 * np.random.default_rng(0).standard_normal(16)
    assert loud(with_evals(records(healthy()), values, 50)) == []


@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_a_loss_that_may_be_negative_is_watched_too(shift: float) -> None:
    rng = np.random.default_rng(0)
    values = -shift + 2.0 * np.exp(-np.arange(800) / 200.0) + 0.05 * rng.standard_normal(800)
    assert loud(records({"loss/total": values})) == []
    values[500] += 40.0
    assert first(records({"loss/total": values}), "loss_spike").step == 501


def test_validation_losses_that_swing_are_found_between_steady_training_losses() -> None:
    swinging = 1.0 + 2.0 * (np.arange(40) // 2 % 2)
    found = first(with_evals(records(healthy()), swinging, every=20), "loss_oscillation")
    assert found.fields["metric"] == "val/loss/total"
