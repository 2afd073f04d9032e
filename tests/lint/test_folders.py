from __future__ import annotations

from pathlib import Path

import aurl
from aurl.formats.tfrecord import frame
from aurl.lint.folders import logs_in
from aurl.sinks.tensorboard import events as tfevents
from tests.lint.files import records, series, write


def events(path: Path, tag: str, *values: float) -> Path:
    data = b"".join(frame(tfevents.scalars(float(at), at, [(tag, value)])) for at, value in enumerate(values))
    return write(path, frame(tfevents.file_version(0.0)) + data)


def found(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in logs_in(folder)]


def test_logs_of_all_kinds_wherever_they_lie(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "x")
    write(tmp_path / "deep/er/b.jsonl", "x")
    write(tmp_path / "deep/notes.md", "x")
    write(tmp_path / ".git/c.csv", "x")
    events(tmp_path / "tb" / "events.out.tfevents.1.h", "loss", 1.0)
    assert found(tmp_path) == ["a.csv", "deep/er/b.jsonl", "tb"]


def test_a_run_directory_is_one_log(tmp_path: Path) -> None:
    with aurl.Monitor.open(tmp_path / "runs" / "one", logging=["tensorboard"]) as monitor:
        monitor.step(1, {"loss/total": 1.0})
    assert found(tmp_path) == ["runs/one"]


def test_of_checkpoints_the_last_state_counts(tmp_path: Path) -> None:
    for number in (9, 100, 20):
        write(tmp_path / f"out/checkpoint-{number}/trainer_state.json", "{}")
    assert found(tmp_path) == ["out/checkpoint-100/trainer_state.json"]
    write(tmp_path / "out/trainer_state.json", "{}")
    assert found(tmp_path) == ["out/trainer_state.json"]


def test_train_and_validation_folders_are_one_run(tmp_path: Path) -> None:
    events(tmp_path / "run/train/events.out.tfevents.1.h", "epoch_loss", 3.0, 2.0)
    events(tmp_path / "run/validation/events.out.tfevents.1.h", "epoch_loss", 4.0, 3.0)
    assert found(tmp_path) == ["run"]
    assert series(records(tmp_path / "run"), "loss/total") == [(0, 3), (1, 2)]
    assert series(records(tmp_path / "run"), "val/loss/total") == [(0, 4), (1, 3)]


def test_folders_of_add_scalars_belong_to_their_run(tmp_path: Path) -> None:
    events(tmp_path / "run/events.out.tfevents.1.h", "lr", 0.1, 0.1)
    events(tmp_path / "run/Loss_train/events.out.tfevents.1.h", "Loss", 3.0, 2.0)
    events(tmp_path / "run/Loss_val/events.out.tfevents.1.h", "Loss", 4.0, 3.0)
    assert found(tmp_path) == ["run"]
    assert series(records(tmp_path / "run"), "val/loss/total") == [(0, 4), (1, 3)]


def test_runs_beside_each_other_are_apart(tmp_path: Path) -> None:
    events(tmp_path / "runs/events.out.tfevents.1.h", "loss", 1.0)
    events(tmp_path / "runs/a/events.out.tfevents.1.h", "loss", 2.0)
    events(tmp_path / "runs/b/events.out.tfevents.1.h", "loss", 3.0)
    assert found(tmp_path) == ["runs", "runs/a", "runs/b"]
    assert series(records(tmp_path / "runs"), "loss/total") == [(0, 1)]
