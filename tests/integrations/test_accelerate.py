from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.runs.listing import read_run

accelerate = pytest.importorskip("accelerate")
from aurl.integrations.accelerate import AurlTracker  # noqa: E402

pytestmark = pytest.mark.slow


def train(tracker: AurlTracker, first: int = 1, last: int = 4) -> Any:
    accelerator = accelerate.Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("mine", config={"lr": 0.1, "api_key": "sk-abcdefghijklmnop"})
    for step in range(first, last + 1):
        accelerator.log({"train_loss": torch.tensor(1.0 / step), "acc": np.array([0.5]), "words": "many"}, step=step)
    accelerator.log({"eval_loss": 0.25, "test/f1": 0.75}, step=last)
    accelerator.end_training()
    return accelerator


def test_what_the_accelerator_logs_becomes_records(tmp_path: Path) -> None:
    train(AurlTracker(tmp_path / "run", logging=[]))
    records = list(read_records(tmp_path / "run"))
    steps = [record for record in records if record.kind is Kind.STEP]
    assert [record.step for record in steps] == [1, 2, 3, 4]
    assert steps[1].scalars == {"loss/total": 0.5, "acc": 0.5}
    [evaluation] = [record for record in records if record.kind is Kind.EVAL]
    assert (evaluation.step, evaluation.scalars) == (4, {"val/loss/total": 0.25, "test/f1": 0.75})
    assert [record.fields["message"] for record in records if record.kind is Kind.NOTE] == [
        "words: str is no number; it is not recorded"
    ]
    run = read_run(tmp_path / "run")
    assert (run.status, run.document["config"]["lr"]) == ("done", 0.1)
    assert "sk-abcdef" not in (tmp_path / "run" / "run.json").read_text(encoding="utf-8")


def test_a_run_is_gone_on_with_only_where_that_is_asked_for(tmp_path: Path) -> None:
    train(AurlTracker(tmp_path / "run", logging=[]))
    with pytest.warns(UserWarning, match="run_2"):
        train(AurlTracker(tmp_path / "run", logging=[]))
    assert read_run(tmp_path / "run_2").step == 4
    train(AurlTracker(tmp_path / "mine", logging=[]))
    train(AurlTracker(tmp_path / "mine", resume=True, logging=[]), 3, 6)
    starts = [record for record in read_records(tmp_path / "mine") if record.kind is Kind.START]
    assert [record.fields["resumed_from"] for record in starts] == [None, 2]


def test_values_without_a_step_are_steps_in_turn(tmp_path: Path) -> None:
    tracker = AurlTracker(tmp_path / "run", logging=[])
    accelerator = accelerate.Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("mine")
    for _ in range(3):
        accelerator.log({"loss": 1.0})
    assert accelerator.get_tracker("aurl", unwrap=True) is tracker.tracker is not None
    assert tracker.stop_reason is None
    accelerator.end_training()
    assert [r.step for r in read_records(tmp_path / "run") if r.kind is Kind.STEP] == [1, 2, 3]
