from __future__ import annotations

from pathlib import Path

import pytest

import aurl
from aurl.errors import DataError
from aurl.lint.opening import open_log
from aurl.record import Kind
from tests.lint.files import records, series


def train(path: Path, first: int, last: int, value: float = 1.0) -> None:
    with aurl.Monitor.open(path, resume="allow", logging=[], anomaly="off") as monitor:
        for step in range(first, last):
            monitor.step(step, {"loss/total": value, "lr": 0.1}, epoch=1)
        monitor.eval(last - 1, {"val/loss/total": 2.0})


def test_a_run_gives_its_own_records(tmp_path: Path) -> None:
    train(tmp_path / "run", 1, 6)
    log = open_log(tmp_path / "run")
    assert log.format == "aurl run"
    assert log.rows >= 6
    assert "column 'lr' -> lr (learning rate): aurl's own name" in log.explanation
    found = list(log.records())
    started = next(record for record in found if record.kind == Kind.START)  # the first look at the machine may precede
    assert started.fields["steps"] == 5
    assert found[-1].kind == Kind.END
    assert series(found, "loss/total") == [(step, 1.0) for step in range(1, 6)]
    assert series(found, "val/loss/total") == [(5, 2.0)]


def test_the_event_log_itself_may_be_named(tmp_path: Path) -> None:
    train(tmp_path / "run", 1, 3)
    assert open_log(tmp_path / "run/events/records.jsonl").path == tmp_path / "run"


def test_a_stretch_that_a_resume_wrote_again_is_left_out(tmp_path: Path) -> None:
    train(tmp_path / "run", 1, 9, value=1.0)
    train(tmp_path / "run", 5, 12, value=2.0)
    log = open_log(tmp_path / "run")
    found = list(log.records())
    assert series(found, "loss/total") == [(step, 1.0 if step < 5 else 2.0) for step in range(1, 12)]
    assert series(found, "val/loss/total") == [(11, 2.0)]
    assert any(note.startswith("resumed from step 8 to 5; ") for note in log.notes)


def test_alerts_of_the_time_are_not_repeated(tmp_path: Path) -> None:
    with aurl.Monitor.open(tmp_path / "run", logging=[]) as monitor:
        for step in range(1, 40):
            monitor.step(step, {"loss/total": float("nan") if step == 30 else 1.0})
    log = open_log(tmp_path / "run")
    assert not [record for record in log.records() if record.kind == Kind.ALERT]
    assert any("told while it ran" in note for note in log.notes)


def test_roles_of_a_loop_s_own_names(tmp_path: Path) -> None:
    with aurl.Monitor.open(tmp_path / "run", logging=[]) as monitor:
        monitor.step(1, {"objective/mine": 1.0})
    assert series(records(tmp_path / "run", loss="objective/mine"), "loss/total") == [(1, 1.0)]


def test_a_run_that_logged_nothing(tmp_path: Path) -> None:
    log = tmp_path / "run/events/records.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text('{"v":1,"kind":"start","step":0,"time":0,"scalars":{},"fields":{}}\n')
    with pytest.raises(DataError, match="holds no scalars yet"):
        open_log(tmp_path / "run")


def test_damaged_lines_are_counted(tmp_path: Path) -> None:
    train(tmp_path / "run", 1, 4)
    with (tmp_path / "run/events/records.jsonl").open("ab") as file:
        file.write(b"garbage\n")
    assert "left out: 1 damaged line" in open_log(tmp_path / "run").notes
