"""Whole runs, small and real."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.table import scalar_table
from aurl.train.engine import Engine
from tests.conftest import Trainer


def of_kind(run: Path, kind: Kind) -> list[Record]:
    return [record for record in read_records(run) if record.kind == kind]


def notes(run: Path) -> list[str]:
    return [str(record.fields["message"]) for record in of_kind(run, Kind.NOTE)]


def losses(run: Path) -> dict[int, tuple[float | None, ...]]:
    """Every step's losses, superseded stretches left out; None where a step has no such loss."""
    table = scalar_table(run).filter(pl.col("kind") == "step")
    columns = [name for name in table.columns if name.startswith(("loss/", "grad/norm", "gan/"))]
    return {row[0]: row[1:] for row in table.select("step", *columns).iter_rows()}


def test_a_run_leaves_the_whole_directory(train: Trainer) -> None:
    outcome = train("run", "trainer.epochs=2", "logging=[tensorboard]", "sample.image=true")
    run = outcome.folder
    assert (outcome.status, outcome.exit_code) == ("done", 0)
    kinds = [str(record.kind) for record in read_records(run)]
    assert {kind: kinds.count(kind) for kind in ("start", "step", "eval", "epoch", "sample", "checkpoint", "end")} == {
        "start": 1, "step": 10, "eval": 2, "epoch": 2, "sample": 2, "checkpoint": 2, "end": 1,
    }  # fmt: skip
    info = json.loads((run / "run.json").read_text())
    assert (info["status"], info["step"]) == ("done", 10)
    assert info["summary"]["loss/total"]["count"] == 10
    assert (run / "samples" / "000010_0.mid").stat().st_size > 0
    assert (run / "samples" / "000010_0.png").read_bytes().startswith(b"\x89PNG")
    assert (run / "checkpoints" / "latest" / "state.json").is_file()
    assert "Epoch 2 complete" in (run / "logs" / "train.log").read_text()
    assert pl.read_parquet(run / "events" / "scalars.parquet")["loss/total"].drop_nulls().len() == 12


def test_tensorboards_own_reader_finds_every_step(train: Trainer) -> None:
    run = train("run", "trainer.epochs=2", "logging=[tensorboard]").folder
    reader = EventAccumulator(str(run / "events" / "tensorboard"))
    reader.Reload()
    logged = {step: values[0] for step, values in losses(run).items()}
    read = {event.step: event.value for event in reader.Scalars("loss/total")}
    assert read.keys() == logged.keys() == set(range(1, 11))
    total = scalar_table(run).filter(pl.col("kind") == "step")["loss/total"].to_list()
    assert np.allclose(list(read.values()), total, rtol=1e-6)


GOLDEN = "golden_losses.json"


def test_the_losses_of_a_fixed_seed_stay_what_they_were(train: Trainer) -> None:
    run = train("run", "trainer.epochs=2", "seed=7").folder
    found = [record.scalars["loss/total"] for record in of_kind(run, Kind.STEP)]
    path = Path(__file__).with_name(GOLDEN)
    if os.environ.get("AURL_UPDATE_SNAPSHOTS") == "1":
        path.write_text(json.dumps(found) + "\n")
    assert found == pytest.approx(json.loads(path.read_text()), rel=1e-4)


@pytest.mark.parametrize("model", ["transformer", "vae", "vae_gan"])
def test_a_resumed_run_equals_the_uninterrupted_one_exactly(
    train: Trainer, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = (f"model={model}", "trainer.epochs=3", "checkpoint.every=4")
    whole = train("whole", *plan)
    with monkeypatch.context() as patch:
        send_during_step(patch, 7, signal.SIGTERM)
        cut = train("cut", *plan)
    assert (cut.status, cut.exit_code) == ("preempted", 75)
    assert max(losses(cut.folder)) == 7
    resumed = train("cut", *plan, f"resume='{cut.folder}'")
    assert resumed.status == "done"
    assert losses(resumed.folder) == losses(whole.folder)
    assert evaluations(resumed.folder) == evaluations(whole.folder)


def test_a_resume_from_an_older_checkpoint_supersedes_what_came_after(train: Trainer) -> None:
    plan = ("trainer.epochs=3", "checkpoint.every=4")
    first = train("run", *plan)
    before = losses(first.folder)
    again = train("run", *plan, f"resume='{first.folder}/checkpoints/step_00000008'")
    assert [record.fields["resumed_from"] for record in of_kind(again.folder, Kind.START)] == [None, 8]
    assert len(of_kind(again.folder, Kind.STEP)) == 15 + 7
    assert losses(again.folder) == before


def test_a_resume_before_the_first_checkpoint_begins_anew(train: Trainer) -> None:
    plan = ("trainer.epochs=1", "checkpoint.every=100")
    whole = train("whole", *plan)
    (train.folder / "cut").mkdir()
    again = train("cut", *plan, f"resume='{train.folder / 'cut'}'")
    assert losses(again.folder) == losses(whole.folder)
    assert any("no checkpoint yet" in note for note in notes(again.folder))


def test_the_stop_policy_ends_a_run_that_turns_nan_and_keeps_the_good_checkpoints(
    train: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison_from_step(monkeypatch, 8)
    outcome = train("run", "trainer.epochs=4", "checkpoint.every=2", "anomaly.policy=stop")
    assert (outcome.status, outcome.exit_code) == ("stopped", 3)
    assert "loss/total is nan" in outcome.message
    [alert, *_] = of_kind(outcome.folder, Kind.ALERT)
    assert (alert.fields["type"], alert.fields["severity"], alert.step) == ("nan_values", "critical", 8)
    assert (outcome.folder / "checkpoints" / "latest").resolve().name == "step_00000006"
    assert json.loads((outcome.folder / "run.json").read_text())["status"] == "stopped"


def test_under_warn_a_nan_run_goes_on_and_saves_no_broken_weights(
    train: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison_from_step(monkeypatch, 5)
    outcome = train("run", "trainer.epochs=2", "checkpoint.every=2")
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert "the weights are lost" in outcome.message
    assert (outcome.folder / "checkpoints" / "latest").resolve().name == "step_00000004"
    assert any("step 6 not saved: the weights hold NaN" in note for note in notes(outcome.folder))


def test_early_stopping_ends_a_run_as_done(train: Trainer) -> None:
    stopping = ("trainer.early_stopping.patience=1", "trainer.early_stopping.min_delta=100")
    outcome = train("run", "trainer.epochs=9", *stopping)
    assert outcome.status == "done"
    assert outcome.message.startswith("early stopping: no improvement in 1 evaluations")
    assert max(losses(outcome.folder)) == 10


def test_gradient_accumulation_equals_one_large_batch(train: Trainer) -> None:
    common = ("model=transformer", "model.dropout=0", "trainer.steps=2", "trainer.epochs=null")
    one = train("one", *common, "data.batch_size=8", "data.pad_to_seq_len=true")
    two = train("two", *common, "data.batch_size=4", "data.pad_to_seq_len=true", "trainer.accumulate=2")
    first, second = (of_kind(run.folder, Kind.STEP)[0] for run in (one, two))
    assert first.fields["batch"] == 1
    assert second.fields["batch"] == 2
    assert second.scalars["loss/total"] == pytest.approx(first.scalars["loss/total"], rel=0.02)


def test_bf16_trains_too(train: Trainer) -> None:
    outcome = train("run", "trainer.precision=bf16", "trainer.epochs=1")
    assert outcome.status == "done"
    told = [value for values in losses(outcome.folder).values() for value in values if value is not None]
    assert np.isfinite(told).all()


def test_a_checkpoint_disk_that_is_full_is_told_and_training_goes_on(
    train: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aurl.train.checkpoint.dcp_save", full)
    outcome = train("run", "trainer.epochs=1", "checkpoint.every=2")
    assert outcome.status == "done"
    assert len(losses(outcome.folder)) == 5
    told = "checkpoint of step 2 not saved: [Errno 28] No space left on device"
    assert any(told in note for note in notes(outcome.folder))
    assert list((outcome.folder / "checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.n_layers=2",), "of another model"),
        (("resume=CHECKPOINT/step_00000099",), "no such checkpoint; there are: step_00000002, step_00000004"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_a_usage_error(
    train: Trainer, overrides: tuple[str, ...], message: str
) -> None:
    first = train("run", "trainer.epochs=1", "checkpoint.every=2")
    given = [text.replace("CHECKPOINT", f"{first.folder}/checkpoints") for text in overrides]
    again = train("run", f"resume='{first.folder}'", "trainer.epochs=2", "checkpoint.every=2", *given)
    assert (again.status, again.exit_code) == ("failed", 2)
    assert message in again.message
    assert len(losses(first.folder)) == 5, "what was recorded before stays readable"


def test_a_truncated_checkpoint_names_the_one_to_take(train: Trainer) -> None:
    first = train("run", "trainer.epochs=1", "checkpoint.every=2")
    shard = next((first.folder / "checkpoints" / "latest").glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:1000])
    again = train("run", f"resume='{first.folder}'", "trainer.epochs=2", "checkpoint.every=2")
    assert (again.status, again.exit_code) == ("failed", 2)
    assert "is damaged" in again.message
    assert "resume from another one: step_00000002, step_00000004" in again.message


def test_a_crash_is_recorded_with_its_traceback(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: object) -> None:
        raise IndexError("out of notes")

    monkeypatch.setattr("aurl.train.engine.Engine.evaluate", crash)
    outcome = train("run", "trainer.epochs=1")
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.message == "IndexError: out of notes"
    assert "Traceback" in notes(outcome.folder)[-1]
    assert of_kind(outcome.folder, Kind.END)[0].fields["exit_code"] == 1


def test_a_batch_beyond_memory_says_which_key_to_lower(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*args: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("aurl.train.engine.Engine.train_step", exhausted)
    outcome = train("run", "trainer.epochs=1")
    assert outcome.exit_code == 1
    assert outcome.message.startswith(
        "data.batch_size=4: the batch does not fit in memory; lower it (data.batch_size=2)"
    )


def test_one_piece_trains_and_says_that_validation_is_no_test(train: Trainer) -> None:
    outcome = train("run", "data.source.pieces=1", "trainer.epochs=1")
    assert outcome.status == "done"
    described = of_kind(outcome.folder, Kind.DATA)[0].fields
    assert "validation" in str(described["warnings"])


def evaluations(run: Path) -> list[dict[str, float]]:
    means = [dict(record.scalars) for record in read_records(run) if record.kind in (Kind.EVAL, Kind.EPOCH)]
    return [{name: value for name, value in scalars.items() if not name.startswith("time/")} for scalars in means]


def send_during_step(monkeypatch: pytest.MonkeyPatch, step: int, number: signal.Signals) -> None:
    """Let this signal arrive while the given step is being computed."""
    compute = Engine.train_step

    def interrupted(engine: Engine, batches: Any, done: int, total: int) -> dict[str, Any]:
        if done == step - 1:
            os.kill(os.getpid(), number)
        return compute(engine, batches, done, total)

    monkeypatch.setattr(Engine, "train_step", interrupted)


def poison_from_step(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ruin the weights as the given step begins, as an overflow would."""
    compute = Engine.train_step

    def poisoned(engine: Engine, batches: Any, done: int, total: int) -> dict[str, Any]:
        if done == step - 1:
            with torch.no_grad():
                next(engine.model.parameters()).fill_(float("nan"))
        return compute(engine, batches, done, total)

    monkeypatch.setattr(Engine, "train_step", poisoned)
