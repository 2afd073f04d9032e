"""`run.json` through a run's life: begun, kept alive, ended, resumed, on a full disk."""

from __future__ import annotations

import errno
import json
import math
import os
import platform
import time
from pathlib import Path
from typing import Any

import pytest

from aurl.errors import ConfigError
from aurl.machine import process
from aurl.machine.secrets import MASK
from aurl.record import Kind, Record
from aurl.runs.eventlog import EventLog
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile

INFO: dict[str, Any] = {
    "id": "2026-01-01_00-00-00_ab12",
    "name": "chorales",
    "tags": ["a"],
    "argv": ["train.py", "--api-key", "abc", "wandb.token=xyz"],
    "seed": 7,
    "git": {"sha": "0123", "branch": "main", "dirty": False},
}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "run")
    directory.create()
    return directory


def opened(run: RunDirectory, info: dict[str, Any] = INFO, every: float = 0.0) -> RunFile:
    sink = RunFile(info, every=every)
    sink.open(run)
    return sink


def read(run: RunDirectory) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.run_json.read_text())
    return found


def step(number: int, **scalars: float) -> Record:
    named = {name.replace("_", "/"): value for name, value in scalars.items()}
    return Record(Kind.STEP, number, named, {"epoch": 1 + number // 10}, time=float(number))


def end(number: int, status: str = "done") -> Record:
    fields = {"status": status, "exit_code": 0, "message": "all well"}
    return Record(Kind.END, number, {"time/total": 9.0}, fields, time=1234.5)


def test_at_open_the_run_is_there_and_running(run: RunDirectory) -> None:
    before = time.time()
    opened(run)
    found = read(run)
    assert found["v"] == 1
    assert (found["id"], found["name"], found["tags"], found["seed"]) == (INFO["id"], "chorales", ["a"], 7)
    assert (found["status"], found["ended"], found["step"], found["epoch"]) == ("running", None, 0, None)
    assert before <= found["started"] <= found["updated"] <= time.time()
    assert (found["pid"], found["host"], found["git"]["sha"]) == (os.getpid(), platform.node(), "0123")
    assert process.is_alive(found["process"]) is True
    assert found["alerts"] == {"info": 0, "warning": 0, "critical": 0, "fatal": 0}
    assert (found["samples"], found["checkpoints"], found["resumes"]) == (0, {"latest": None, "best": None}, [])


def test_secrets_are_masked(run: RunDirectory) -> None:
    opened(run, {**INFO, "config": {"wandb": {"api_key": "abc"}}})
    found = read(run)
    assert found["argv"] == ["train.py", "--api-key", MASK, f"wandb.token={MASK}"]
    assert found["config"] == {"wandb": {"api_key": MASK}}


def test_without_info_the_directory_gives_the_name(run: RunDirectory) -> None:
    opened(run, {})
    assert (read(run)["id"], read(run)["name"]) == ("run", "run")


def test_info_that_json_lacks_is_made_to_fit(run: RunDirectory) -> None:
    opened(run, {"config": {"root": Path("/data"), "big": 2**70, "nan": math.nan, "set": {1}}})
    assert read(run)["config"] == {"root": "/data", "big": str(2**70), "nan": None, "set": [1]}


def test_start_tells_about_the_model(run: RunDirectory) -> None:
    sink = opened(run, every=3600.0)
    fields = {"model": "VaeGan", "parameters": 1000, "device": "cpu", "precision": "fp32", "resumed_from": None}
    sink.write(Record(Kind.START, 0, fields={**fields, "epochs": 2, "steps": 20, "batches": 10}))
    found = read(run)
    assert {name: found[name] for name in fields} == fields
    assert (found["epochs"], found["steps"], found["batches"]) == (2, 20, 10)


def test_progress_and_summary(run: RunDirectory) -> None:
    sink = opened(run)
    for number, loss in enumerate([5.0, 3.0, math.nan, 4.0, math.inf], 1):
        sink.write(step(number, loss_total=loss, grad_norm=1.0))
    sink.flush()
    found = read(run)
    assert (found["step"], found["epoch"]) == (5, 1)
    assert found["summary"]["loss/total"] == {
        "last": None, "best": 3.0, "best_step": 2, "min": 3.0, "max": 5.0, "mean": 4.0, "count": 3, "nonfinite": 2,
    }  # fmt: skip
    assert found["summary"]["grad/norm"]["best"] is None


def test_epoch_means_are_not_mixed_with_the_losses_of_steps(run: RunDirectory) -> None:
    sink = opened(run)
    sink.write(Record(Kind.EPOCH, 0, {"loss/recon": 9.0}, {"epoch": 0}))  # a log that has only epochs
    sink.write(step(1, loss_total=2.0))
    sink.write(Record(Kind.EPOCH, 1, {"loss/total": 50.0, "time/epoch": 3.0}, {"epoch": 1}))
    sink.flush()
    summary = read(run)["summary"]
    assert (summary["loss/total"]["max"], summary["time/epoch"]["last"], summary["loss/recon"]["last"]) == (
        2.0,
        3.0,
        9.0,
    )


def test_alerts_samples_and_checkpoints(run: RunDirectory) -> None:
    sink = opened(run)
    for severity in ("warning", "warning", "fatal"):
        sink.write(Record(Kind.ALERT, 1, fields={"severity": severity, "type": "nan_values"}))
    sink.write(Record(Kind.SAMPLE, 1, fields={"path": "samples/000001_0.mid"}))
    sink.write(Record(Kind.CHECKPOINT, 2, fields={"path": "checkpoints/step_00000002", "best": True}))
    sink.write(Record(Kind.CHECKPOINT, 4, fields={"path": "checkpoints/step_00000004", "best": False}))
    sink.flush()
    found = read(run)
    assert found["alerts"] == {"info": 0, "warning": 2, "critical": 0, "fatal": 1}
    assert found["samples"] == 1
    assert found["checkpoints"] == {"latest": "checkpoints/step_00000004", "best": "checkpoints/step_00000002"}


def test_a_late_record_of_another_thread_does_not_turn_the_step_back(run: RunDirectory) -> None:
    sink = opened(run)
    sink.write(step(9, loss_total=1.0))
    sink.write(Record(Kind.SYSTEM, 3, {"system/ram_gb": 1.0}))
    sink.flush()
    assert read(run)["step"] == 9


def test_the_end_is_written_at_once(run: RunDirectory) -> None:
    sink = opened(run, every=3600.0)
    sink.write(step(7, loss_total=1.0))
    assert read(run)["step"] == 0
    sink.write(end(7, "preempted"))
    found = read(run)
    assert (found["status"], found["ended"], found["exit_code"]) == ("preempted", 1234.5, 0)
    assert (found["step"], found["message"], found["summary"]["loss/total"]["last"]) == (7, "all well", 1.0)
    sink.close()
    assert read(run)["status"] == "preempted"


def test_close_without_an_end_is_a_failure(run: RunDirectory) -> None:
    opened(run, every=3600.0).close()
    found = read(run)
    assert (found["status"], found["message"]) == ("failed", "closed without an END record")
    assert found["ended"] >= found["started"]


def test_the_heart_beats_without_records_and_not_more_often_than_asked(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("aurl.sinks.runfile.time.monotonic", lambda: now)
    sink = opened(run, every=3.0)
    first = run.run_json.stat()
    now += 2.9
    sink.flush()
    assert run.run_json.stat().st_ino == first.st_ino
    now += 0.2
    sink.flush()
    assert run.run_json.stat().st_ino != first.st_ino
    assert read(run)["updated"] > 0


def test_a_resumed_run_goes_on(run: RunDirectory) -> None:
    sink = opened(run, {**INFO, "git_diff": "git.diff"})
    for number in range(1, 6):
        sink.write(step(number, loss_total=10.0 - number))
    sink.write(Record(Kind.ALERT, 5, fields={"severity": "info"}))
    sink.write(end(5, "preempted"))
    sink.close()
    before = read(run)

    sink = opened(run)
    during = read(run)
    assert (during["status"], during["ended"], during["message"], during["exit_code"]) == ("running", None, "", None)
    assert (during["started"], during["step"]) == (before["started"], 5)
    sink.write(Record(Kind.START, 4, fields={"resumed_from": 4}))
    assert read(run)["step"] == 4
    sink.write(step(5, loss_total=1.0))
    sink.write(end(5))
    found = read(run)
    assert "git_diff" not in found  # of the code before, not of this one
    assert [entry["step"] for entry in found["resumes"]] == [4]
    assert found["resumes"][0]["pid"] == os.getpid()
    assert (found["resumed_from"], found["alerts"]["info"], found["status"]) == (4, 1, "done")
    loss = found["summary"]["loss/total"]
    assert (loss["count"], loss["max"], loss["best"], loss["best_step"]) == (6, 9.0, 1.0, 5)


@pytest.mark.parametrize(
    "going_on",
    [
        Record(Kind.START, 4, fields={"resumed_from": 4}, time=6.5),
        Record(Kind.NOTE, 4, fields={"resumed_from": 4, "message": "rolled back"}, time=6.5),
    ],
    ids=["a resume", "a rollback"],
)
def test_a_step_that_comes_again_counts_once(run: RunDirectory, going_on: Record) -> None:
    """In run.json as in the table of the scalars: the last one wins."""
    first = [step(number, loss_total=10.0 - number) for number in range(1, 6)]
    taken = Record(Kind.SAMPLE, 5, fields={"sample": "a"}, time=5.5)
    alert = Record(Kind.ALERT, 5, fields={"severity": "info"}, time=5.6)
    again = [step(5, loss_total=7.0), taken, step(6, loss_total=6.5)]
    sink = opened(run)
    log = EventLog(run.events / "records.jsonl")
    for record in (*first, taken, alert, going_on, *again):
        log.append(record)
        sink.write(record)
    sink.close()
    log.close()
    found = read(run)
    loss = found["summary"]["loss/total"]
    assert (loss["count"], loss["best"], loss["best_step"], loss["last"]) == (6, 6.0, 4, 6.5)
    assert loss["mean"] == pytest.approx((9 + 8 + 7 + 6 + 7 + 6.5) / 6)
    assert (found["samples"], found["alerts"]["info"]) == (1, 1)


def test_every_resume_is_listed_also_on_the_same_object(run: RunDirectory) -> None:
    sink = opened(run)
    for resumed_from in (3, 8):
        sink.open(run)
        sink.write(Record(Kind.START, resumed_from, fields={"resumed_from": resumed_from}))
    assert [entry["step"] for entry in read(run)["resumes"]] == [3, 8]


@pytest.mark.parametrize("content", [b"", b"{torn", b"[]", b'{"v": 99, "summary": 3}', b"\xff"])
def test_an_unreadable_file_is_set_aside(run: RunDirectory, content: bytes) -> None:
    run.run_json.write_bytes(content)
    opened(run)
    assert read(run)["status"] == "running"
    assert (run.path / "run.json.unreadable").read_bytes() == content


def test_a_full_disk_keeps_the_old_file_and_is_reported_and_tried_again(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, attempts = 1000.0, 0
    monkeypatch.setattr("aurl.sinks.runfile.time.monotonic", lambda: now)
    sink = opened(run, every=3.0)
    sink.write(step(1, loss_total=1.0))
    now += 3.0
    sink.flush()

    def full(path: Path, data: bytes) -> None:
        nonlocal attempts
        attempts += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    sink.write(step(2, loss_total=2.0))
    for wait, expected in ((3.0, 1), (2.9, 1), (0.2, 2), (5.8, 2), (0.3, 3)):  # 3 s, then 6 s
        now += wait
        if expected > attempts:
            with pytest.raises(OSError, match="No space"):
                sink.flush()
        else:
            sink.flush()
        assert attempts == expected
    assert read(run)["step"] == 1
    monkeypatch.undo()
    sink.close()
    assert read(run)["step"] == 2
    assert [path.name for path in run.path.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_at_open_is_reported_by_the_first_flush(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        sink = opened(run, every=3600.0)
        with pytest.raises(OSError, match="No space"):
            sink.flush()
    sink.close()
    assert read(run)["status"] == "failed"


def test_a_negative_interval_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"every=-1"):
        RunFile({}, every=-1.0)


def test_memory_is_constant_per_scalar_and_writing_is_quick(run: RunDirectory) -> None:
    sink = opened(run, every=3600.0)
    for number in range(5000):
        sink.write(step(number, loss_total=1.0, loss_kl=2.0))
    sink.close()
    assert run.run_json.stat().st_size < 5000
    assert read(run)["summary"]["loss/kl"]["count"] == 5000
