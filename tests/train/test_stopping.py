"""A signal is honoured in the middle of an evaluation and of a sampling round, and the resumed run lacks nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.table import table_of
from aurl.train.engine import Engine
from aurl.train.sampler import Sampler
from aurl.train.samples import SampleWriter
from tests.conftest import Trainer

PLAN = ("trainer.epochs=3", "seed=3")
OF_INTEREST = (Kind.STEP, Kind.EVAL, Kind.EPOCH, Kind.QUALITY)


def curves(run: Path) -> dict[tuple[str, int], dict[str, float]]:
    """By kind and step, without what depends on the machine's speed; the last record of each wins."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for record in read_records(run):
        if record.kind in OF_INTEREST and record.fields.get("scope") != "sample":
            measured = {
                key: value for key, value in record.scalars.items() if not key.startswith(("time/", "throughput"))
            }
            found[str(record.kind), record.step] = measured
    return found


def of_kind(run: Path, kind: Kind) -> list[Record]:
    return [record for record in read_records(run) if record.kind is kind]


@pytest.fixture
def whole(train: Trainer) -> Path:
    return train("whole", *PLAN).folder


def stop_inside(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, times: int) -> list[str]:
    """From the `times`-th call of this method on, the process is sent SIGTERM and the call takes long."""
    real: Callable[..., Any] = getattr(owner, name)
    calls: list[str] = []

    def slow(self: Any, *given: Any, **named: Any) -> Any:
        calls.append(name)
        if len(calls) == times:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)  # the signal comes in here
        return real(self, *given, **named)

    monkeypatch.setattr(owner, name, slow)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    [(Engine, "evaluate", 2), (Engine, "evaluate", 1), (Sampler, "_generate", 1), (Sampler, "_generate", 3)],
    ids=["second evaluation", "first evaluation", "first sampling", "second sampling"],
)
def test_a_run_stopped_in_the_middle_goes_on_as_if_it_never_was(
    train: Trainer, whole: Path, monkeypatch: pytest.MonkeyPatch, where: tuple[type, str, int]
) -> None:
    stop_inside(monkeypatch, *where)
    began = time.monotonic()
    stopped = train("run", *PLAN)
    assert (stopped.status, stopped.exit_code) == ("preempted", 75)
    assert time.monotonic() - began < 40
    monkeypatch.undo()
    [*_, last] = of_kind(stopped.folder, Kind.CHECKPOINT)
    assert last.fields["reason"] == "signal"
    assert len(curves(stopped.folder)) < len(curves(whole))
    resumed = train("run", *PLAN, f"resume='{stopped.folder}'")
    assert resumed.status == "done"
    assert curves(resumed.folder) == curves(whole)
    steps = [record.step for record in of_kind(resumed.folder, Kind.STEP)]
    assert steps == sorted(set(steps))
    assert [record.step for record in of_kind(resumed.folder, Kind.EPOCH)] == [5, 10, 15]
    assert [record.step for record in of_kind(resumed.folder, Kind.EVAL)] == [5, 10, 15]
    table = table_of(read_records(resumed.folder))
    assert table["step"].max() == 15


@pytest.mark.slow
def test_samples_that_take_too_long_are_left_to_the_resumed_run(
    train: Trainer, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurl.train.sampler._PATIENCE_SECONDS", 0.5)
    real = SampleWriter._finish

    def slow(self: SampleWriter, job: Any) -> None:
        if job.step == 10:
            if job.slot == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(2)
        real(self, job)

    monkeypatch.setattr(SampleWriter, "_finish", slow)
    stopped = train("run", *PLAN, "sample.scored=6")
    assert stopped.status == "preempted"
    notes = [str(record.fields["message"]) for record in of_kind(stopped.folder, Kind.NOTE)]
    assert any(
        "samples were not written before the run was asked to stop; the run draws them again" in n for n in notes
    )
    monkeypatch.undo()
    resumed = train("run", *PLAN, "sample.scored=6", f"resume='{stopped.folder}'")
    assert resumed.status == "done"
    rounds = {r.step for r in of_kind(resumed.folder, Kind.QUALITY) if r.fields.get("scope") != "sample"}
    assert rounds == {5, 10, 15}


def test_a_signal_while_nothing_long_happens_ends_after_the_step(
    train: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Engine.train_step

    def stopping(self: Engine, *given: Any) -> Any:
        if given[1] == 6:
            os.kill(os.getpid(), signal.SIGHUP)
        return real(self, *given)

    monkeypatch.setattr(Engine, "train_step", stopping)
    stopped = train("run", *PLAN)
    assert (stopped.status, stopped.message) == ("preempted", "SIGHUP received; saved at step 7")
