"""Spilled records are private, found again, and come before what was logged after them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aurl.errors import EventLogError
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.eventlog import EventLog, read_records
from aurl.runs.rundir import RunDirectory
from aurl.runs.spool import Spool, missing_part
from tests.runs.test_eventlog import FullDisk, record, steps


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    run = RunDirectory(tmp_path / "run")
    run.create()
    return run


def test_a_file_is_private_and_never_follows_a_link(run: RunDirectory, tmp_path: Path) -> None:
    spool = Spool(run.records)
    path = spool.add([b"a\n", b"b\n"])
    assert path.parent == tmp_path / "temporary"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (spool.read(), Spool(run.records).files) == (b"a\nb\n", [path])
    assert Spool(tmp_path / "other/events/records.jsonl").files == []
    spool.drop()
    assert not path.exists()


@pytest.mark.parametrize("trap", ["link", "readable", "second name"])
def test_what_somebody_else_may_have_laid_there_is_left_alone(run: RunDirectory, tmp_path: Path, trap: str) -> None:
    path = Spool(run.records).add([b"theirs\n"])
    if trap == "link":
        path.rename(tmp_path / "target")
        path.symlink_to(tmp_path / "target")
    elif trap == "readable":
        path.chmod(0o644)
    else:
        os.link(path, tmp_path / "second")
    assert Spool(run.records).files == []


def test_the_next_session_takes_them_up_in_order(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(run.records, backlog=3)
    log.append(record(0))
    monkeypatch.setattr(os, "write", FullDisk(room=70))  # the first of them gets half onto the disk
    with pytest.raises(EventLogError, match="going on with the run takes them up"):
        for step in range(1, 5):
            log.append(record(step))
    for step in range(5, 8):
        log.append(record(step))
    with pytest.raises(EventLogError, match="No space left on device"):
        log.close(patience=0.0)
    monkeypatch.undo()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(run.path.parent / "temporary"))
    again = EventLog(run.records)
    again.append(record(8))
    again.close()
    skipped: list[str] = []
    found = [r.step for r in read_records(run.path, on_skip=lambda *what: skipped.append(str(what)))]
    assert found == list(range(9))
    assert not skipped
    assert not list((run.path.parent / "temporary").iterdir())


def test_a_disk_that_recovers_in_the_same_session_keeps_the_order(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = EventLog(run.records, backlog=2)
    disk = FullDisk(room=0)
    monkeypatch.setattr(os, "write", disk)
    with pytest.raises(EventLogError):
        for step in range(3):
            log.append(record(step))
    disk.room = 10**9
    log.append(record(5))
    log.close()
    assert steps(run) == [0, 1, 2, 5]


def test_records_that_were_written_back_before_a_kill_do_not_stand_twice(run: RunDirectory) -> None:
    lines = [encode(record(step)) for step in range(6)]
    run.records.write_bytes(b"".join(lines[:4]))  # 2 and 3 were written back, then the process was killed
    Spool(run.records).add(lines[2:])
    EventLog(run.records).close()
    assert steps(run) == list(range(6))


@pytest.mark.parametrize("cut", [0, 1, 17, 100, 10**6])
def test_what_is_missing_of_spilled_lines(cut: int) -> None:
    lines = b"".join(encode(Record(Kind.STEP, step, {"a": step / 7})) for step in range(5))
    assert missing_part(lines, b"earlier\n" + lines[:cut]) == lines[cut:]
