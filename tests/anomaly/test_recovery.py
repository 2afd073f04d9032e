from __future__ import annotations

import json

import pytest

from aurl.anomaly.recovery import Recovery
from aurl.errors import ConfigError
from aurl.record import Kind, Record


def alert(severity: str, kind: str = "nan_values", **fields: object) -> Record:
    about = {"severity": severity, "type": kind, "message": "bad", "onset_step": 40, **fields}
    return Record(Kind.ALERT, 50, fields=about)  # type: ignore[arg-type]


def test_three_skips_in_a_hundred_roll_back_to_before_the_first() -> None:
    recovery = Recovery(max_skips=3)
    assert recovery.skipped(10) is None
    assert recovery.skipped(105) is None
    assert recovery.skipped(150) is None, "the first is more than a hundred steps ago"
    verdict = recovery.skipped(160)
    assert verdict is not None
    assert (verdict.action, verdict.onset) == ("rollback", 105)


@pytest.mark.parametrize(
    ("found", "acts"),
    [
        (alert("fatal"), True),
        (alert("critical"), False),
        (alert("critical", "training_divergence"), True),
        (alert("warning", "training_divergence"), False),
        (alert("fatal", status="end"), False),
    ],
)
def test_only_what_skipping_cannot_mend_rolls_back(found: Record, acts: bool) -> None:
    verdict = Recovery().alerted(found)
    assert (verdict is not None) is acts
    if verdict is not None:
        assert (verdict.action, verdict.onset, verdict.reason) == ("rollback", 40, "bad")


def test_rollbacks_are_bounded() -> None:
    recovery = Recovery(max_rollbacks=2)
    for step in (10, 20):
        verdict = recovery.alerted(alert("fatal"))
        assert verdict is not None
        assert verdict.action == "rollback"
        recovery.rolled_back(step)
    verdict = recovery.alerted(alert("fatal"))
    assert verdict is not None
    assert verdict.action == "stop"
    assert "2 rollbacks did not help" in verdict.reason


def test_the_learning_rate_is_cut_and_regained() -> None:
    recovery = Recovery(lr_factor=0.5, regain_steps=100)
    assert recovery.lr_scale(7, 5000) == 1.0
    recovery.rolled_back(200)
    assert [recovery.lr_scale(step, 5000) for step in (200, 250, 300, 999)] == [0.5, 0.75, 1.0, 1.0]
    assert [recovery.lr_scale(step, 400) for step in (200, 220, 240)] == [0.5, 0.75, 1.0], "a tenth of a short run"
    assert recovery.lr_scale(200, 5) == 1.0


def test_memory_survives_a_resume() -> None:
    first = Recovery()
    first.rolled_back(30)
    first.skipped(40)
    second = Recovery()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert second.state_dict() == first.state_dict()


@pytest.mark.parametrize(
    "bad", [{"max_skips": 0}, {"max_rollbacks": -1}, {"lr_factor": 0.0}, {"regain_steps": -1}, {"healthy_steps": -1}]
)
def test_values_out_of_range_name_the_key(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"anomaly.recovery.{next(iter(bad))}="):
        Recovery(**bad)  # type: ignore[arg-type]
