"""What happened lately: changes of settings, warm-up, evaluations."""

from __future__ import annotations

import json
import math

import pytest

from aurl.anomaly.statistics.history import Fact, History
from aurl.anomaly.statistics.roles import Role


def test_only_large_changes_are_facts_and_the_oldest_are_forgotten() -> None:
    history = History()
    for at, value in enumerate((1e-3, 1.2e-3, 1e-2, 1e-4)):
        history.note(Role.LR, "lr", value, at, 10 * at)
    assert [(fact.kind, fact.step) for fact in history.facts] == [("lr_up", 20), ("lr_down", 30)]
    assert history.last[Role.LR] == 1e-4
    assert history.lr_peak == 1e-2
    for at in range(40):
        history.tell(Fact(at, at, "restart", "", 1.0))
    assert len(history.facts) == 32
    assert history.facts[-1].at == 39


def test_a_learning_rate_is_warming_up_until_it_stops_rising() -> None:
    history = History()
    for at in range(1, 51):
        history.note(Role.LR, "lr", at * 1e-5, at, at)
    assert history.is_warming_up(55)
    assert not history.is_warming_up(90)
    history.note(Role.LR, "lr", 1e-6, 51, 51)
    assert not history.is_warming_up(52)


def test_an_evaluation_is_compared_with_the_one_before_a_step() -> None:
    history = History()
    assert history.validation_jump(5) is None
    for step, value in ((10, 2.0), (20, 1.0), (30, 3.0), (40, 9.0)):
        history.note_validation(step, value)
    assert history.validation_jump(25) == pytest.approx(math.log(3.0))
    assert history.validation_jump(30) == pytest.approx(math.log(3.0)), "an evaluation of the step itself is after it"
    assert history.validation_jump(50) is None


def test_memory_survives_a_resume() -> None:
    history = History()
    history.note(Role.LR, "lr", 1e-3, 1, 1)
    history.note(Role.LR, "lr", 1e-2, 2, 2)
    history.note_validation(2, 0.5)
    again = History()
    again.load_state_dict(json.loads(json.dumps(history.state_dict())))
    assert again.state_dict() == history.state_dict()
