"""Vanishing gradients and learning rates: runs that have the anomaly, and healthy neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from aurl.record import Kind, Record
from tests.anomaly.runs import first, healthy, loud, records


def test_a_gradient_norm_of_zero_is_critical() -> None:
    columns = healthy()
    columns["grad/norm"][300:] = 0.0
    found = first(records(columns), "gradient_vanishing")
    assert (found.step, found.fields["severity"], found.fields["onset_step"]) == (303, "critical", 301)


def test_a_gradient_that_falls_while_the_loss_stays_is_found() -> None:
    columns = healthy()
    columns["loss/total"][:] = np.maximum(columns["loss/total"], 1.5)
    columns["grad/norm"][300:] *= 1e-4
    assert first(records(columns), "gradient_vanishing").step <= 330


def test_a_gradient_that_falls_with_the_loss_is_fine() -> None:
    columns = healthy()
    decay = np.exp(-np.arange(800) / 60.0)
    columns["loss/total"] = 2.0 * decay + 1e-5
    columns["grad/norm"] = columns["grad/norm"] * decay
    assert "gradient_vanishing" not in {type_ for type_, _, _ in loud(records(columns))}


def test_a_first_layer_without_gradient_is_found() -> None:
    columns = healthy() | {"grad/layer_ratio": np.full(800, 0.3)}
    assert loud(records(columns)) == []
    columns["grad/layer_ratio"][200:] = 1e-4
    assert first(records(columns), "gradient_vanishing").step == 208


def test_dead_units_are_found() -> None:
    columns = healthy() | {"dead/fraction": np.full(800, 0.1)}
    assert loud(records(columns)) == []
    columns["dead/fraction"][200:] = 0.95
    found = first(records(columns), "gradient_vanishing")
    assert (found.step, found.fields["severity"]) == (203, "critical")


def test_a_jump_of_the_learning_rate_is_found_at_once() -> None:
    columns = healthy()
    columns["lr"][400:] *= 20.0
    found = first(records(columns), "learning_rate_issue")
    assert found.step == 401
    assert "from 0.000552" in str(found.fields["message"])


@pytest.mark.parametrize("rate", [0.0, 1e-9])
def test_a_rate_of_nothing_is_found(rate: float) -> None:
    columns = healthy()
    columns["lr"][:] = rate
    assert first(records(columns), "learning_rate_issue").step == 10


def test_a_rate_cut_to_nothing_is_found_after_two_steps() -> None:
    columns = healthy()
    columns["lr"][400:] = 0.0
    found = first(records(columns), "learning_rate_issue")
    assert (found.step, found.fields["onset_step"]) == (402, 401)


def test_a_rate_that_reaches_nothing_early_is_found_after_two_steps_where_the_plan_is_known() -> None:
    columns = healthy()
    columns["lr"] = 1e-3 * np.maximum(1.0 - np.arange(800) / 400.0, 0.0)
    start = Record(Kind.START, 0, fields={"steps": 800})
    assert first([start, *records(columns)], "learning_rate_issue").step == 402
    assert first(records(columns), "learning_rate_issue").step == 410


def test_a_rate_that_is_spent_too_soon_is_found() -> None:
    columns = healthy()
    columns["lr"] = 1e-3 * np.maximum(1.0 - np.arange(800) / 400.0, 1e-4)
    start = Record(Kind.START, 0, fields={"steps": 800})
    assert 380 <= first([start, *records(columns)], "learning_rate_issue").step <= 420


def test_a_rate_that_fades_away_is_found_without_a_plan() -> None:
    columns = healthy()
    columns["lr"] = 1e-3 * 0.9 ** np.arange(800)
    found = first(records(columns), "learning_rate_issue")
    assert found.fields["onset_step"] == 133  # the first below a millionth
    assert found.step <= 160


@pytest.mark.parametrize(
    "rate",
    [
        1e-3 * np.minimum(1.0, np.arange(800) / 100.0),  # warm-up
        1e-3 * (1.0 + np.cos(np.pi * (np.arange(800) % 200) / 200.0)),  # cosine with restarts
        1e-3 * 0.1 ** (np.arange(800) // 250),  # step decay
        1e-3 * np.maximum(1.0 - np.arange(800) / 799.0, 0.0),  # linear to zero
        1e-3 * 0.5 * (1.0 + np.cos(np.pi * np.arange(800) / 799.0)),  # cosine to zero
        1e-3 * (1.0 - np.abs(np.arange(800) / 400.0 - 1.0)) + 1e-5,  # one cycle
        1e-3 * (np.arange(800) % 200) / 199.0,  # a saw whose teeth begin at 0
    ],
)
def test_usual_schedules_are_fine(rate: np.ndarray) -> None:
    columns = healthy()
    columns["lr"] = rate
    start = Record(Kind.START, 0, fields={"steps": 800})
    assert loud([start, *records(columns)]) == []


def test_weights_that_do_not_move_are_critical() -> None:
    columns = healthy() | {"update/ratio": np.full(800, 1e-3)}
    assert loud(records(columns)) == []
    columns["update/ratio"][300:] = 0.0
    found = first(records(columns), "learning_rate_issue")
    assert (found.step, found.fields["severity"]) == (302, "critical")
