"""Logs as the world brings them: wrong from the start, new levels, other rhythms, games and rewards."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurl.record import Kind, Record
from tests.anomaly.runs import Columns, alerts, first, healthy, loud, records, watch, with_evals


def types(run: list[Record]) -> set[str]:
    return {type_ for type_, _, _ in loud(run)}


def falling(steps: int, seed: int = 0, noise: float = 0.03, last: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A loss without and with its noise."""
    clean = last + 3.0 * (1.0 + np.arange(steps) / (steps / 40.0)) ** -0.5
    return clean, clean * np.exp(noise * np.random.default_rng(seed).standard_normal(steps))


def start(steps: int) -> Record:
    return Record(Kind.START, 0, fields={"steps": steps})


@pytest.mark.parametrize("after", [20.0, 300.0, 6000.0])
def test_a_rate_that_is_too_high_from_the_first_step_is_told_within_twenty(after: float) -> None:
    values = 2.3 * (1.0 + after * np.exp(0.1 * np.random.default_rng(0).standard_normal(300)))
    values[0] = 2.35
    run = records({"loss/total": values, "lr": np.full(300, 10.0)})
    told = [alert for alert in alerts(run) if alert.fields["severity"] == "critical"]
    assert told[0].step <= 20
    assert str(told[0].fields["cause"]).startswith("learning_rate_issue")
    advice = [str(said) for alert in told for said in alert.fields["suggestions"]]  # type: ignore[union-attr]
    assert not [said for said in advice if said.startswith("raise the learning rate")]
    assert "training_divergence" in types(run), "it never comes back"


def test_a_jump_that_comes_back_to_just_above_the_start_is_told_too() -> None:
    values = np.full(100, 6.4) * np.exp(0.02 * np.random.default_rng(0).standard_normal(100))
    values[:3] = 5.99, 299.0, 20.0
    assert first(records({"loss/total": values}), "loss_spike").step == 2


def test_a_first_loss_that_is_low_by_chance_is_no_reference() -> None:
    values = 2.0 * np.exp(0.5 * np.random.default_rng(1).standard_normal(400)) * np.linspace(1.0, 0.5, 400)
    values[0] = 0.9
    assert loud(records({"loss/total": values})) == []


@pytest.mark.parametrize("factor", [1.2, 1.35, 1.5])
def test_a_level_that_jumps_with_the_validation_loss_is_found(factor: float) -> None:
    clean, values = falling(450)
    clean[260:] *= factor
    values[260:] *= factor
    run = with_evals([start(45_000), *records({"loss/total": values}, every=100)], clean[15::16], 1600)
    assert 26_000 < first(run, "training_divergence").step < 36_000


def test_a_level_that_jumps_where_the_rate_was_raised_is_an_info() -> None:
    clean, values = falling(600)
    rate = np.where(np.arange(600) < 300, 3e-4, 1e-3)
    clean[300:], values[300:] = 1.2 * clean[300:], 1.2 * values[300:]
    assert loud(with_evals(records({"loss/total": values, "lr": rate}), clean[9::10], 10)) == []


def test_a_hump_over_ten_logs_is_found_in_a_short_log() -> None:
    _, values = falling(150, noise=0.02)
    values[90:100] *= 1.0 + np.sin(np.linspace(0.3, math.pi, 10))
    told = [step for type_, _, step in loud([start(15_000), *records({"loss/total": values}, every=100)])]
    assert 9_000 <= min(told, default=0) <= 10_200


def test_both_losses_that_rise_slowly_are_a_divergence() -> None:
    clean, values = falling(800)
    up = np.concatenate([np.ones(480), np.linspace(1.0, 1.4, 320)])
    run = with_evals(records({"loss/total": values * up}), (clean * up)[14::15], 15)
    assert first(run, "training_divergence").step > 480


def test_a_validation_loss_that_is_the_same_for_most_of_the_run_is_a_plateau() -> None:
    noisy = 3.0 * np.exp(0.5 * np.random.default_rng(0).standard_normal(2000))
    held = np.concatenate([np.linspace(2.0, 0.9, 20), np.full(80, 0.85481)])
    found = first(with_evals(records({"loss/total": noisy * np.linspace(1.5, 1.0, 2000)}), held, 20), "loss_plateau")
    assert 400 <= int(str(found.fields["onset_step"])) <= 440


@pytest.mark.parametrize("classes", [2, 3])
def test_a_log_of_fifty_epochs_that_never_left_chance_is_found(classes: int) -> None:
    values = math.log(classes) * np.exp(0.004 * np.random.default_rng(0).standard_normal(50))
    assert types(records({"loss/total": values}, Kind.EPOCH)) & {"underfitting", "loss_plateau"}


def two_rhythms(seed: int = 0) -> tuple[list[int], Columns]:
    """Every step at first, then every 500; gradients are ten times larger by then."""
    rng = np.random.default_rng(seed)
    steps = [*range(1, 101), *range(600, 60_600, 500)]
    early = np.arange(len(steps)) < 100
    norm = np.where(early, 0.3 * np.exp(0.1 * rng.standard_normal(len(steps))), 3.0)
    later = 1.0 + 2.0 / np.sqrt(np.maximum(np.arange(len(steps)) - 99.0, 1.0))
    loss = np.where(early, np.linspace(8.0, 5.0, len(steps)), later) * np.exp(0.03 * rng.standard_normal(len(steps)))
    return steps, {"loss/total": loss, "grad/norm": norm * np.exp(0.3 * rng.standard_normal(len(steps)))}


def at(steps: list[int], columns: Columns) -> list[Record]:
    rows = zip(*columns.values(), strict=True)
    return [
        Record(Kind.STEP, step, dict(zip(columns, map(float, row), strict=True)))
        for step, row in zip(steps, rows, strict=True)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_another_rhythm_of_logging_is_no_explosion(seed: int) -> None:
    assert loud([start(60_600), *at(*two_rhythms(seed))]) == []


def test_a_spike_after_a_change_of_rhythm_is_found_however_wild_the_first_steps_were() -> None:
    steps, columns = two_rhythms()
    columns["loss/total"][:100] *= np.exp(0.4 * np.random.default_rng(2).standard_normal(100))
    columns["loss/total"][180] *= 18.0
    assert first([start(60_600), *at(steps, columns)], "loss_spike").step == steps[180]


NAMES = [
    ("errG", "errD"), ("loss_G", "loss_D"), ("G_A", "D_A"), ("loss/gen", "loss/disc"), ("netG_loss", "netD_loss"),
    ("Loss/generator", "Loss/discriminator"), ("adv_loss", "critic_loss"), ("g_loss", "d_loss"), ("lossG", "lossD"),
]  # fmt: skip


def game(names: tuple[str, str], won: bool) -> Columns:
    rng, steps = np.random.default_rng(0), np.arange(1200)
    since = np.maximum(steps - 600, 0) * won
    maker = 0.9 + 5.0 * (1.0 - np.exp(-since / 60.0))
    judge = 1.3 * np.exp(-since / 60.0) + 0.003
    noise = np.exp(0.08 * rng.standard_normal((2, 1200)))
    return {names[0]: maker * noise[0], names[1]: judge * noise[1]}


@pytest.mark.parametrize("names", NAMES)
def test_the_players_of_a_game_are_known_by_any_usual_name(names: tuple[str, str]) -> None:
    assert types(records(game(names, won=True))) == {"discriminator_domination"}
    assert loud(records(game(names, won=False))) == []


def test_of_two_pairs_each_is_judged_for_itself() -> None:
    columns = game(("G_A", "D_A"), won=False) | game(("G_B", "D_B"), won=True)
    assert first(records(columns), "discriminator_domination").fields["metric"] == "D_B"


def policy(collapses: bool, low: float = -240.0, high: float = 200.0) -> Columns:
    rng, steps = np.random.default_rng(0), np.arange(600)
    learnt = 1.0 - np.exp(-steps / 100.0)
    if collapses:
        learnt[400:] *= np.exp(-np.arange(200) / 10.0)
    return {
        "rollout/ep_rew_mean": low + (high - low) * learnt + 30.0 * rng.standard_normal(600),
        "train/approx_kl": 0.009 * np.exp(0.4 * rng.standard_normal(600)),
        "train/value_loss": 12.0 * np.exp(0.9 * rng.standard_normal(600)),
        "train/policy_gradient_loss": 0.02 * rng.standard_normal(600),
        "train/loss": 5.0 * np.exp(0.9 * rng.standard_normal(600)),
    }


def test_of_a_policy_only_the_reward_must_not_collapse() -> None:
    assert loud(records(policy(collapses=False), every=2048)) == []
    found = first(records(policy(collapses=True), every=2048), "quality_degradation")
    assert found.fields["metric"] == "rollout/ep_rew_mean"
    assert 400 * 2048 < found.step < 520 * 2048


def test_a_loss_scale_that_collapses_is_told_and_one_that_is_being_found_is_not() -> None:
    columns = healthy(600)
    at_ = np.arange(600)
    columns["amp/loss_scale"] = np.where(at_ < 16, 2.0 ** (32 - at_), 65536.0)
    assert loud(records(columns)) == []
    columns["amp/loss_scale"][300:] = np.maximum(65536.0 / 2.0 ** (at_[300:] - 300), 2.0**-10)
    assert first(records(columns), "learning_rate_issue").fields["metric"] == "amp/loss_scale"


def test_a_cosine_that_ends_at_nothing_is_no_issue() -> None:
    columns = healthy(1000)
    columns["lr"] = 1e-3 * 0.5 * (1.0 + np.cos(np.pi * np.arange(1000) / 999.0))
    assert loud([start(1000), *records(columns)]) == []


def test_a_stage_that_the_log_tells_of_begins_a_new_level() -> None:
    columns = healthy(900)
    columns["loss/total"][450:] *= 30.0
    assert "loss_spike" in types(records(columns))
    columns["curriculum/stage"] = (np.arange(900) >= 450).astype(float)
    assert loud(records(columns)) == []


@pytest.mark.parametrize("zscore", [2.0, 3.0, 5.0, 8.0])
def test_a_lower_zscore_tells_more(zscore: float) -> None:
    columns = healthy(1200)
    for place, factor in ((300, 1.3), (450, 1.8), (600, 2.6), (750, 5.0), (900, 9.0)):
        columns["loss/total"][place] *= factor
    told = len([one for one in loud(records(columns), watch(zscore=zscore)) if one[0] == "loss_spike"])
    expected = {2.0: 5, 3.0: 4, 5.0: 3, 8.0: 2}
    assert told == expected[zscore]


def test_every_detector_but_that_of_nan_scales_with_the_sensitivity() -> None:
    rules = watch(zscore=8).detectors
    assert {name for name, rule in rules.items() if getattr(rule, "scale", 0.0) != 1.6} == {"nan_values"}


@pytest.mark.parametrize(("size", "told"), [(0.04, False), (0.6, True)])
def test_a_part_that_grows_counts_where_it_weighs_in_the_whole(size: float, told: bool) -> None:
    rng, at_ = np.random.default_rng(0), np.arange(1200)
    part = size * (1.0 + 3.5 * at_ / 1200.0) * np.exp(0.05 * rng.standard_normal(1200))
    rest = 3.2 * np.exp(-at_ / 200.0)
    run = records({"dynamics_loss": part, "initial_loss": rest, "total_loss": part + rest})
    assert bool(loud(run)) is told
