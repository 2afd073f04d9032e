from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.errors import EventLogError, RunError
from aurl.record import Kind, Record
from aurl.runs.eventlog import EventLog, read_records, segments
from aurl.runs.rundir import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory(tmp_path / "run")
    run.create()
    return run


def record(step: int) -> Record:
    return Record(Kind.STEP, step, {"loss/total": 1.0 / (step + 1)}, {"epoch": 1}, 1e9 + step)


def steps(run: RunDirectory) -> list[int]:
    return [r.step for r in read_records(run.path)]


def test_what_was_appended_is_read_while_the_log_is_open(run: RunDirectory) -> None:
    log = EventLog(run.records)
    log.append(record(1))
    assert steps(run) == [1]
    log.append(record(2))
    assert steps(run) == [1, 2]
    log.close()


def test_segments_are_closed_at_a_size_and_read_in_order(run: RunDirectory) -> None:
    log = EventLog(run.records, segment_bytes=300)
    for step in range(50):
        log.append(record(step))
    log.close()
    assert len(segments(run.events)) > 5
    assert segments(run.events)[0].name == "records.000001.jsonl"
    assert steps(run) == list(range(50))


def test_a_second_writer_is_refused_and_the_next_one_goes_on(run: RunDirectory) -> None:
    log = EventLog(run.records)
    log.append(record(1))
    with pytest.raises(RunError, match="this very process writes to this run"):
        EventLog(run.records)
    log.close()
    again = EventLog(run.records)
    again.append(record(2))
    again.close()
    assert steps(run) == [1, 2]


@given(st.integers(1, 80))
def test_a_torn_tail_of_any_length_is_dropped_and_terminated(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    run = RunDirectory(tmp_path_factory.mktemp("torn") / "run")
    run.create()
    log = EventLog(run.records)
    for step in range(3):
        log.append(record(step))
    log.close()
    data = run.records.read_bytes()
    last = data.rindex(b"\n", 0, len(data) - 1) + 1
    run.records.write_bytes(data[: max(last, len(data) - cut)])
    kept = 3 if cut == 0 else 2
    assert steps(run) == list(range(kept))
    log = EventLog(run.records)
    log.append(record(9))
    log.close()
    skipped: list[int] = []
    found = [r.step for r in read_records(run.path, on_skip=lambda path, line, reason: skipped.append(line))]
    assert found[-1] == 9
    assert len(found) + len(skipped) <= 4
    assert found[:kept] == list(range(kept))


def test_foreign_lines_are_skipped_and_reported(run: RunDirectory) -> None:
    run.records.write_bytes(b'garbage\n{"kind":"step","step":4}\n\xff\xfe\n')
    reasons: list[str] = []
    found = list(read_records(run.path, on_skip=lambda path, line, reason: reasons.append(f"{line}: {reason}")))
    assert [r.step for r in found] == [4]
    assert [reason.split(":")[0] for reason in reasons] == ["1", "3"]


def test_a_directory_without_a_log_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=str(tmp_path)):
        list(read_records(tmp_path))


class FullDisk:
    """Stands before `os.write`: takes `room` bytes, then refuses as a full disk does, until `room` is raised."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, fd: int, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(28, "No space left on device")
        part = data[: self.room]
        self.room -= len(part)
        return self._write(fd, part)

    _write = staticmethod(os.write)


def test_a_full_disk_loses_nothing_and_keeps_the_order(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(run.records)
    disk = FullDisk(room=250)
    monkeypatch.setattr(os, "write", disk)
    for step in range(10):
        log.append(record(step))
    assert log.failure is not None
    assert log.waiting > 5
    assert len(steps(run)) < 5
    disk.room = 10**9
    log.append(record(10))
    assert log.failure is None
    log.close()
    assert steps(run) == list(range(11))


def test_a_disk_that_stays_full_spills_to_a_named_file(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    log = EventLog(run.records)
    log.append(record(0))
    monkeypatch.setattr(os, "write", FullDisk(room=30))
    for step in range(1, 4):
        log.append(record(step))
    with pytest.raises(EventLogError, match="No space left on device") as caught:
        log.close(patience=0.0)
    monkeypatch.undo()
    spilled = next(tmp_path.glob("aurl-*-records.jsonl"))
    assert str(spilled) in str(caught.value)
    with run.records.open("ab") as file:
        file.write(spilled.read_bytes())
    assert steps(run) == [0, 1, 2, 3]


def test_a_backlog_without_end_stops_the_run(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    log = EventLog(run.records, backlog=5)
    monkeypatch.setattr(os, "write", FullDisk(room=0))
    with pytest.raises(EventLogError, match="append them"):
        for step in range(10):
            log.append(record(step))
    monkeypatch.undo()
    log.close()


@pytest.mark.two_process
@pytest.mark.slow
def test_no_acknowledged_record_is_lost_to_sigkill(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from aurl.monitor import Monitor
        from aurl.runs.rundir import RunDirectory
        run = RunDirectory(Path(sys.argv[1])); run.create()
        monitor = Monitor(run)
        step = 0
        while True:
            step += 1
            monitor.step(step, {"loss/total": 1.0})
            sys.stdout.write(f"{step}\\n"); sys.stdout.flush()
    """)
    for kill in range(5):
        folder = tmp_path / str(kill)
        process = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(37 * (kill + 1))]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        process.wait()
        complete = (b"".join(lines) + rest).split(b"\n")[:-1]
        acknowledged = int(complete[-1])
        written = [r.step for r in read_records(folder)]
        assert written[:acknowledged] == list(range(1, acknowledged + 1))
