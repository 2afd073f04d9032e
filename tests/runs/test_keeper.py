"""Files that are removed or replaced under a running run are written again from what is open."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from aurl.errors import EventLogError
from aurl.runs.eventlog import EventLog
from aurl.runs.health import LogHealth
from aurl.runs.keeper import is_in_place, make_again
from aurl.runs.rundir import RunDirectory
from aurl.sinks.append_file import AppendFile
from tests.runs.test_eventlog import FullDisk, record, steps


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory(tmp_path / "run")
    run.create()
    return run


def test_a_removed_file_is_made_again_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "log"
    path.parent.mkdir()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.write(fd, b"one\n" * 3_000_000)
    assert is_in_place(path, fd)
    shutil.rmtree(path.parent)
    assert not is_in_place(path, fd)
    fresh = make_again(path, fd)
    os.write(fresh, b"two\n")
    assert path.read_bytes() == b"one\n" * 3_000_000 + b"two\n"
    assert is_in_place(path, fresh)


def test_what_somebody_laid_in_its_place_is_kept_beside_it(tmp_path: Path) -> None:
    file = AppendFile(tmp_path / "log")
    file.write(b"ours\n")
    (tmp_path / "log").unlink()
    (tmp_path / "log").write_text("theirs\n")
    file.close()
    assert (tmp_path / "log").read_text() == "ours\n"
    assert (tmp_path / "log.replaced").read_text() == "theirs\n"


@pytest.mark.parametrize("what", ["live", "closed", "folder", "replaced"])
def test_the_log_is_whole_again_after_a_look(run: RunDirectory, what: str) -> None:
    log = EventLog(run.records, segment_bytes=500)
    for step in range(20):
        log.append(record(step))
    victim = run.records if what != "closed" else run.events / "records.000001.jsonl"
    if what == "folder":
        shutil.rmtree(run.path)
    else:
        victim.unlink()
    if what == "replaced":
        victim.write_text("something else\n")
    [(level, message)] = LogHealth(log).look()
    assert (level, steps(run)) == ("critical", list(range(20)))
    assert "was removed or replaced under the running run" in message
    log.append(record(20))
    log.close()
    assert steps(run) == list(range(21))


def test_a_place_that_cannot_be_made_again_is_told_once_and_the_records_are_kept_elsewhere(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    log = EventLog(run.records)
    health = LogHealth(log)
    log.append(record(0))
    shutil.rmtree(run.path)
    run.path.write_text("a file where the folder was")
    assert [level for level, _ in health.look()] == ["critical"]
    assert health.look() == []
    log.append(record(1))
    with pytest.raises(EventLogError, match="its records are in"):
        log.close()
    [kept] = (tmp_path / "temporary").iterdir()
    assert kept.read_bytes().count(b"\n") == 2
    run.path.unlink()
    run.create()
    EventLog(run.records).close()
    assert steps(run) == [0, 1]


def test_a_disk_that_flaps_is_told_once_an_episode(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(run.records)
    health = LogHealth(log, calm=0.2)
    disk = FullDisk(room=10**9)
    monkeypatch.setattr(os, "write", disk)
    told: list[str] = []
    for step in range(20):
        disk.room = 0 if step % 2 else 10**9
        log.append(record(step))
        told += [message for _, message in health.look()]
    assert len(told) == 1
    disk.room = 10**9
    log.append(record(20))
    assert health.look() == []
    assert [message for _, message in health.look(last=True)] == [
        "event log: the disk takes records again, none was lost"
    ]
    log.close()
    assert steps(run) == list(range(21))


def test_a_failing_fsync_is_told(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int) -> None:
        raise OSError(5, "Input/output error")

    log = EventLog(run.records)
    health = LogHealth(log)
    monkeypatch.setattr(os, "fsync", refuse)
    log.sync()
    [(level, message)] = health.look()
    assert (level, "Input/output error" in message) == ("critical", True)
    log.sync()
    assert health.look() == []
    monkeypatch.undo()
    log.sync()
    assert health.look(last=True) == [("warning", "event log: the disk syncs again")]
    log.close()


def test_a_segment_is_not_closed_while_half_a_line_waits(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(run.records, segment_bytes=300)
    log.append(record(0))
    log.append(record(1))
    disk = FullDisk(room=150)  # takes the beginning of a line, behind which the segment is full
    monkeypatch.setattr(os, "write", disk)
    for step in range(2, 6):
        log.append(record(step))
    disk.room = 10**9
    log.append(record(6))
    log.close()
    assert steps(run) == list(range(7))
