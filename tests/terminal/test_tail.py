"""Following an event log while it is written."""

from __future__ import annotations

from pathlib import Path

from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.eventlog import EventLog
from aurl.runs.rundir import RunDirectory
from aurl.terminal.tail import Tail


def record(step: int) -> Record:
    return Record(Kind.STEP, step, {"loss/total": 1.0}, {"pad": "x" * 50}, float(step))


def run_in(folder: Path) -> RunDirectory:
    run = RunDirectory(folder)
    run.create()
    return run


def test_each_record_comes_once_through_rotations(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    log = EventLog(run.records, segment_bytes=1000)
    tail, seen = Tail(tmp_path), []
    for step in range(1, 101):
        log.append(record(step))
        if step % 7 == 0:
            seen += [found.step for found in tail.read()]
    log.close()
    seen += [found.step for found in tail.read()]
    assert seen == list(range(1, 101))
    assert list(tail.read()) == []


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    tail = Tail(tmp_path)
    line = encode(record(1))
    with run.records.open("ab", buffering=0) as file:
        file.write(line[:20])
        assert list(tail.read()) == []
        file.write(line[20:])
        assert [found.step for found in tail.read()] == [1]


def test_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    run.records.write_bytes(encode(record(1)) + b"\xff\xfe nonsense\n{}\n" + encode(record(2)))
    assert [found.step for found in Tail(tmp_path).read()] == [1, 2]


def test_without_a_log_there_is_nothing_yet(tmp_path: Path) -> None:
    tail = Tail(tmp_path)
    assert list(tail.read()) == []
    run = run_in(tmp_path)
    run.records.write_bytes(encode(record(3)))
    assert [found.step for found in tail.read()] == [3]
