"""Small falls of quality that are sure, among falls that are not: rounds of samples with a known spread."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from aurl.anomaly.statistics.rounds import Rounds
from aurl.record import Kind, Record
from tests.anomaly.runs import alerts, loud, watch

SPREAD = 0.04


def rounds(means: np.ndarray, seed: int = 0, samples: int = 16) -> list[Record]:
    """Samples around these means, a round every 100 steps; a validation ends the last one."""
    scores = np.random.default_rng(seed).normal(means[:, None], SPREAD, (len(means), samples))
    told = [
        Record(Kind.QUALITY, 100 * at, {"quality/overall": float(score)}, {"scope": "sample"})
        for at, row in enumerate(scores, 1)
        for score in row
    ]
    return [*told, Record(Kind.EVAL, 100 * (len(means) + 1), {"val/loss/total": 1.0})]


def fallen(share: float) -> np.ndarray:
    means = np.full(30, 0.9)
    means[20:] *= 1 - share
    return means


@pytest.mark.parametrize("seed", range(5))
def test_a_small_fall_that_is_sure_is_an_info(seed: int) -> None:
    [alert] = alerts(rounds(fallen(0.07), seed))
    assert alert.fields["severity"] == "info"
    assert 2300 <= alert.step <= 2800  # the round is over when the next begins
    assert 2000 <= alert.fields["onset_step"] <= 2500
    assert "below its best stretch" in alert.fields["message"]
    low, _ = alert.fields["expected"]
    assert alert.fields["value"] < low < 0.9


def test_a_fall_of_16_percent_becomes_a_warning() -> None:
    found = [alert.fields["severity"] for alert in alerts(rounds(fallen(0.2)))]
    assert found[-1] == "warning"


@pytest.mark.parametrize("seed", range(10))
def test_what_stays_as_it_is_is_silent(seed: int) -> None:
    assert alerts(rounds(np.full(100, 0.9), seed)) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_fall_within_the_noise_is_silent(seed: int) -> None:
    assert alerts(rounds(fallen(0.01), seed)) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_wobbles_is_silent(seed: int) -> None:
    """Five per cent up and down every 7 rounds: the same fall that is sure where nothing moves otherwise."""
    wobble = 0.9 + 0.05 * np.sign(np.sin(2 * np.pi * np.arange(100) / 7))
    assert alerts(rounds(wobble, seed)) == []


@pytest.mark.parametrize("seed", range(5))
def test_quality_that_rises_is_silent(seed: int) -> None:
    assert alerts(rounds(0.9 * (1 - np.exp(-np.arange(1, 101) / 15)), seed)) == []


def test_one_score_a_round_needs_no_spread() -> None:
    run = [Record(Kind.QUALITY, at, {"quality/overall": 0.8 if at < 20 else 0.76}) for at in range(1, 30)]
    assert [alert.fields["severity"] for alert in alerts(run)] == ["info"]


@pytest.mark.parametrize("value", [0.0, -1e308, 1e308])
def test_extreme_scores_do_no_harm(value: float) -> None:
    run = rounds(fallen(0.07))
    run[40:40] = [Record(Kind.QUALITY, 300, {"quality/overall": value})] * 3
    assert all(math.isfinite(alert.fields["value"]) for alert in alerts(run))


def test_scores_of_nothing_but_zero_are_silent() -> None:
    assert alerts([Record(Kind.QUALITY, at, {"quality/overall": 0.0}) for at in range(1, 50)]) == []


@pytest.mark.parametrize("cut", [5, 170, 340, 360, 372])
def test_a_resumed_run_says_the_same(cut: int) -> None:
    run = rounds(fallen(0.07))
    whole = [(alert.step, alert.fields["message"]) for alert in alerts(run)]
    before, after = watch(), watch()
    told = alerts(run[:cut], before)
    after.load_state_dict(json.loads(json.dumps(before.state_dict())))
    told += alerts(run[cut:], after)
    assert [(alert.step, alert.fields["message"]) for alert in told] == whole


def test_what_is_remembered_does_not_grow() -> None:
    watching = watch()
    sizes = []
    for at in range(1, 300):
        list(watching.observe(Record(Kind.QUALITY, at, {"quality/overall": 0.5 + 0.01 * (at % 3)})))
        sizes.append(len(json.dumps(watching.state_dict()["detectors"]["quality_degradation"])))
    assert max(sizes[100:]) < 1.1 * sizes[100]


def test_errors_of_rounds_are_those_of_their_means() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, (70, 5))
    kept = Rounds()
    for step, row in enumerate(values):
        for value in row:
            kept.push(step, float(value))
    kept.push(70, None)
    np.testing.assert_allclose(kept.means, values.mean(axis=1)[-64:])
    np.testing.assert_allclose(kept.errors, values.std(axis=1, ddof=1)[-64:] / np.sqrt(5))


def test_nothing_of_it_is_loud_but_the_large_fall() -> None:
    assert loud(rounds(fallen(0.07))) == []
