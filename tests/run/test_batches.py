"""Batches of as many tokens each, in whole runs."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from aurl.record import Kind
from tests.conftest import Trainer
from tests.run.test_execution import evaluations, losses, notes, of_kind, send_during_step

TOKENS = ("data.batch_size=null", "data.tokens_per_batch=200", "data.source.bars=7")


@pytest.mark.parametrize(
    "plan",
    [
        ("model=transformer", "trainer.accumulate=2", "parts=ema"),
        ("model=vae", "data.sort_window=6"),
        pytest.param(("model=vae_gan", "trainer.accumulate=3"), marks=pytest.mark.slow),
    ],
    ids=lambda plan: plan[0],
)
def test_a_run_stopped_in_the_middle_of_an_epoch_goes_on_exactly(
    train: Trainer, plan: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = (*TOKENS, *plan, "trainer.epochs=2", "checkpoint.every=4")
    whole = train("whole", *plan)
    with monkeypatch.context() as patch:
        send_during_step(patch, 5, signal.SIGTERM)
        cut = train("cut", *plan)
    assert max(losses(cut.folder)) == 5
    again = train("cut", *plan, f"resume='{cut.folder}'")
    assert (cut.status, again.status) == ("preempted", "done")
    assert losses(again.folder) == losses(whole.folder)
    assert evaluations(again.folder) == evaluations(whole.folder)


def test_epochs_of_different_length_are_counted_and_shown(train: Trainer) -> None:
    run = train("run", *TOKENS, "model=transformer", "trainer.epochs=4").folder
    steps = of_kind(run, Kind.STEP)
    ends = of_kind(run, Kind.EPOCH)
    [start] = of_kind(run, Kind.START)
    assert len(steps) == start.fields["steps"] == sum(record.fields["batches"] for record in ends)
    assert [record.fields["batch"] == record.fields["batches"] for record in ends] == [True] * 4
    assert [record.fields["epoch"] for record in ends] == [1, 2, 3, 4]
    assert [record.step for record in of_kind(run, Kind.EVAL)] == [record.step for record in ends]
    assert {record.fields["epochs"] for record in steps} == {4}
    assert all(record.scalars["data/batch_tokens"] <= 200 for record in steps)
    assert all(0 <= record.scalars["data/padding_share"] < 0.5 for record in steps)


def test_another_size_of_a_batch_goes_on_at_the_same_share_of_the_epoch(train: Trainer) -> None:
    plan = ("model=transformer", "trainer.epochs=1", "data.source.bars=7")
    first = train("run", *plan, *TOKENS, "trainer.steps=6")
    rest = train("run", *plan, "data.batch_size=2", "trainer.steps=null", f"resume='{first.folder}'")
    assert any(
        "made with tokens_per_batch=200" in note and "now with batch_size=2" in note for note in notes(first.folder)
    )
    done = of_kind(first.folder, Kind.STEP)[5].fields
    next_batch = of_kind(rest.folder, Kind.STEP)[6].fields
    share = done["batch"] / done["batches"]
    assert next_batch["batch"] - 1 == int(share * next_batch["batches"])


def test_batches_that_were_planned_by_other_rules_are_refused(train: Trainer) -> None:
    first = train("run", *TOKENS, "model=transformer", "trainer.steps=3")
    path = Path(first.folder) / "checkpoints" / "step_00000003" / "state.json"
    content = json.loads(path.read_text())
    content["state"]["batching"]["version"] = 99
    path.write_text(json.dumps(content))
    again = train("run", *TOKENS, "model=transformer", "trainer.steps=6", f"resume='{first.folder}'")
    assert (again.status, again.exit_code) == ("failed", 2)
    assert "planned by version 99" in again.message
    del content["state"]["batching"]  # as of before there were plans
    path.write_text(json.dumps(content))
    assert train("run", *TOKENS, "model=transformer", "trainer.steps=6", f"resume='{first.folder}'").status == "done"


def test_more_batches_in_a_step_than_an_epoch_has_are_one_clear_error(train: Trainer) -> None:
    outcome = train("run", "model=transformer", "trainer.accumulate=6", "trainer.steps=1")
    assert (outcome.status, outcome.exit_code) == ("failed", 2)
    assert (
        "trainer.accumulate=6: an epoch has 5 batches; give at most 5, or make the batches smaller" in outcome.message
    )
    assert train("fits", "model=transformer", "trainer.accumulate=5", "trainer.steps=1").status == "done"


def test_a_budget_below_the_longest_sequence_is_one_clear_error(train: Trainer) -> None:
    outcome = train("run", "data.batch_size=null", "data.tokens_per_batch=20", "model=transformer")
    assert (outcome.status, outcome.exit_code) == ("failed", 2)
    assert "data.tokens_per_batch=20: is below the longest sequence, which has" in outcome.message
