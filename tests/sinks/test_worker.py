from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from aurl.monitor import Monitor
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.eventlog import read_records
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink

pytestmark = pytest.mark.two_process


class Copy(Sink):
    """Writes what it is shown to `copy.txt`, and does what the word given asks for."""

    apart = True

    def __init__(self, do: str = "", finish_seconds: float = 20.0) -> None:
        self.do = do
        self.finish_seconds = finish_seconds

    def open(self, run: RunDirectory) -> None:
        self.path = run.path / "copy.txt"
        with self.path.open("a") as file:
            file.write(f"open {os.getpid()}\n")
        if self.do == "fail to open":
            raise OSError("no such server")
        if self.do == "start":
            subprocess.Popen(["sleep", "1000"], start_new_session=True)
        self.tell("opened", "info")

    def write(self, record: Record) -> None:
        if self.do == "fail to write" and record.kind is Kind.STEP:
            raise ValueError(f"cannot take {record.step}")
        if self.do == "die" and record.kind is Kind.STEP:
            os._exit(7)
        while self.do == "hang" and record.kind is Kind.STEP:
            time.sleep(1)
        with self.path.open("a") as file:
            file.write(f"{record.kind} {record.step}\n")

    def close(self) -> None:
        sys.stdout.write("printed by a package\n")
        with self.path.open("a") as file:
            file.write("close\n")


class FromTheStart(Copy):
    whole_log = True


def train(run: RunDirectory, *sinks: Sink, steps: int = 3, wait: Callable[[], bool] = lambda: True) -> list[str]:
    """A run of so many steps; returns the messages of its notes."""
    with Monitor(run, sinks=sinks) as monitor:
        for step in range(1, steps + 1):
            monitor.step(step, {"loss/total": 1.0})
        deadline = time.monotonic() + 20
        while not wait() and time.monotonic() < deadline:
            time.sleep(0.02)
    return [str(record.fields["message"]) for record in read_records(run.path) if record.kind is Kind.NOTE]


def shown(run: RunDirectory) -> list[str]:
    return (run.path / "copy.txt").read_text().splitlines()


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "run")
    directory.create()
    return directory


def test_the_child_shows_every_record_and_ends(run: RunDirectory) -> None:
    notes = train(run, Copy())
    opened, *lines, closed = shown(run)
    assert [line for line in lines if "note" not in line] == ["step 1", "step 2", "step 3", "end 3"]
    assert closed == "close"
    pid = int(opened.split()[1])
    assert pid != os.getpid()
    assert not psutil.pid_exists(pid)
    assert "opened" in notes
    assert "printed by a package" in (run.logs / "sinks.log").read_text()


@pytest.mark.parametrize(
    ("kind", "expected"), [(Copy, ["step 3", "end 3"]), (FromTheStart, ["step 1", "step 2", "step 3", "end 3"])]
)
def test_a_resumed_run_shows_what_is_new_or_all(run: RunDirectory, kind: type[Copy], expected: list[str]) -> None:
    run.records.write_bytes(b"".join(encode(Record(Kind.STEP, step, {"loss/total": 1.0})) for step in (1, 2)))
    with Monitor(run, sinks=[kind()]) as monitor:
        monitor.step(3, {"loss/total": 1.0})
    assert [line for line in shown(run)[1:-1] if "note" not in line] == expected


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("fail to open", "sink Copy failed to open: OSError: no such server; Copy is switched off for this run"),
        ("fail to write", "sink Copy failed to write: ValueError: cannot take 3; Copy is switched off for this run"),
        ("die", "its process ended with code 7"),
    ],
)
def test_what_goes_wrong_in_the_child_is_a_note_of_the_run(run: RunDirectory, do: str, message: str) -> None:
    def heard() -> bool:
        return any(message in str(record.fields.get("message")) for record in read_records(run.path))

    assert any(message in note for note in train(run, Copy(do), wait=heard))
    assert [record.step for record in read_records(run.path) if record.kind is Kind.STEP] == [1, 2, 3]


def test_a_child_that_hangs_is_ended_and_so_is_what_it_started(run: RunDirectory) -> None:
    before = set(psutil.Process().children(recursive=True))
    began = time.monotonic()
    notes = train(run, Copy("hang", finish_seconds=0.5), Copy("start", finish_seconds=20))
    assert time.monotonic() - began < 15
    assert any("Copy did not finish within 0.5 s and was ended" in note for note in notes)
    assert set(psutil.Process().children(recursive=True)) <= before


PROGRAM = """
import sys, time
from pathlib import Path
from aurl.monitor import Monitor
from aurl.runs.rundir import RunDirectory
from tests.sinks.test_worker import Copy

run = RunDirectory(Path(sys.argv[1]))
monitor = Monitor(run, sinks=[Copy()])
for step in range(1, 1000):
    monitor.step(step, {"loss/total": 1.0})
    print(step, flush=True)
    time.sleep(0.01)
"""


@pytest.mark.slow
def test_when_the_run_is_killed_the_child_shows_the_rest_and_ends(run: RunDirectory) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(run.path)], stdout=subprocess.PIPE, cwd=root) as program:
        assert program.stdout is not None
        while not (run.path / "copy.txt").exists():
            time.sleep(0.05)
        acknowledged = 0
        for line in program.stdout:
            acknowledged = int(line)
            if acknowledged >= 100:
                program.send_signal(signal.SIGKILL)
                break
        program.stdout.read()
    deadline = time.monotonic() + 20
    while shown(run)[-1] != "close" and time.monotonic() < deadline:
        time.sleep(0.05)
    steps = [int(line.split()[1]) for line in shown(run) if line.startswith("step")]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= acknowledged
    pid = int(shown(run)[0].split()[1])
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_a_log_that_is_rewritten_meanwhile_loses_nothing_and_shows_nothing_twice(run: RunDirectory) -> None:
    with Monitor(run, sinks=[Copy()]) as monitor:
        monitor.step(1, {"loss/total": 1.0})
        until(lambda: (run.path / "copy.txt").exists() and "step 1" in shown(run))
        kept = run.records.read_bytes().splitlines(keepends=True)[0]
        run.records.write_bytes(kept + encode(Record(Kind.STEP, 7, {"loss/total": 0.5})))
        until(lambda: "step 7" in shown(run))
        monitor.step(8, {"loss/total": 1.0})
        until(lambda: "step 8" in shown(run))
    lines = shown(run)
    assert [line for line in lines if line.startswith("step")] == ["step 1", "step 7", "step 8"]
    assert len([line for line in lines if line.startswith("start")]) <= 1
    notes = [str(record.fields["message"]) for record in read_records(run.path) if record.kind is Kind.NOTE]
    assert sum("the event log was replaced; sink Copy keeps what it was shown" in note for note in notes) == 1


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)


class Slow(Copy):
    """Has much to show, and gets on."""

    goes_on_alone = True

    def write(self, record: Record) -> None:
        time.sleep(0.02)
        super().write(record)


def test_a_child_with_much_to_show_goes_on_alone(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurl.sinks.worker.ALONE_SECONDS", 1.0)
    began = time.monotonic()
    with Monitor(run, sinks=[Slow()]) as monitor:
        for step in range(1, 301):
            monitor.step(step, {"loss/total": 1.0})
    assert time.monotonic() - began < 20
    [note] = [
        str(r.fields["message"]) for r in read_records(run.path) if "goes on alone" in str(r.fields.get("message"))
    ]
    pid = int(note.split("process ")[1].split()[0])
    assert psutil.pid_exists(pid)
    until(lambda: shown(run)[-1] == "close")
    assert [line for line in shown(run) if line.startswith("step")] == [f"step {step}" for step in range(1, 301)]
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
