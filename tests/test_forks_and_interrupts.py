"""Children made by fork leave the run alone, and an exception in the middle of a call leaves a record once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from aurl.monitor import Monitor
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.runs.rundir import RunDirectory
from aurl.sinks.memory import MemorySink

pytestmark = pytest.mark.two_process


def program(text: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(text), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def kinds(run: Path) -> Counter[str]:
    return Counter(str(record.kind) for record in read_records(run))


HOW = {
    "sys.exit": "sys.exit(0)",
    "an error": "raise ValueError('of the child')",
    "os._exit": "os._exit(0)",
    "close": "monitor.close('failed'); os._exit(0)",
    "a second child": "pid = os.fork()\n        if pid: os.waitpid(pid, 0)\n        sys.exit(0)",
}


@pytest.mark.parametrize("how", HOW, ids=lambda how: how.replace(" ", "-"))
def test_the_end_of_a_child_is_not_the_runs(tmp_path: Path, how: str) -> None:
    done = program(
        f"""
        import os, sys, aurl
        with aurl.Monitor.open(sys.argv[1], logging=["tensorboard", "csv"]) as monitor:
            monitor.step(1, {{"loss/total": 1.0}})
            child = os.fork()
            if child == 0:
                {HOW[how]}
            os.waitpid(child, 0)
            monitor.step(2, {{"loss/total": 1.0}})
        """.replace("\n        if pid", "\n                if pid").replace(
            "\n        sys.exit", "\n                sys.exit"
        ),
        tmp_path / "run",
    )
    assert done.returncode == 0, done.stderr
    records = list(read_records(tmp_path / "run"))
    assert [record.fields["status"] for record in records if record.kind is Kind.END] == ["done"]
    assert records[-1].kind is Kind.END
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "done"


@pytest.mark.slow
def test_children_made_while_other_threads_log_never_hang(tmp_path: Path) -> None:
    done = program(
        """
        import os, sys, threading, time, aurl
        with aurl.Monitor.open(sys.argv[1], logging=["tensorboard"]) as monitor:
            ending = threading.Event()
            def work(first):
                step = first
                while not ending.is_set():
                    monitor.step(step, {"loss/total": 1.0})
                    step += 4
            threads = [threading.Thread(target=work, args=(first,)) for first in range(1, 4)]
            for thread in threads: thread.start()
            hung = 0
            for number in range(30):
                child = os.fork()
                if child == 0:
                    monitor.note(f"from child {number}")
                    monitor.drain()
                    sys.exit(0)
                deadline = time.monotonic() + 20
                while os.waitpid(child, os.WNOHANG) == (0, 0):
                    if time.monotonic() > deadline:
                        hung += 1
                        os.kill(child, 9); os.waitpid(child, 0)
                        break
                    time.sleep(0.002)
            ending.set()
            for thread in threads: thread.join()
        print(hung)
        """,
        tmp_path / "run",
    )
    assert done.stdout.strip() == "0", done.stderr
    skipped: list[object] = []
    records = list(read_records(tmp_path / "run", on_skip=lambda *what: skipped.append(what)))
    notes = {str(record.fields["message"]) for record in records if record.kind is Kind.NOTE}
    assert notes >= {f"from child {number}" for number in range(30)}
    assert not skipped
    text = (tmp_path / "run" / "logs" / "train.log").read_text()
    assert all(f"[INFO] [train] from child {number}\n" in text for number in range(30))
    assert kinds(tmp_path / "run")["end"] == 1


def test_a_run_can_be_gone_on_with_while_a_worker_of_the_killed_one_lives(tmp_path: Path) -> None:
    first = f"""
import os, time, aurl
monitor = aurl.Monitor.open({str(tmp_path / "run")!r}, logging=[])
monitor.step(1, {{"loss/total": 1.0}})
pid = os.fork()
if pid == 0:
    time.sleep(60); os._exit(0)
print(pid, flush=True); time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", first], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        process.kill()
        process.wait()
        try:
            with Monitor.open(tmp_path / "run", logging=[], resume=True) as monitor:
                monitor.step(2, {"loss/total": 1.0})
        finally:
            os.kill(worker, signal.SIGKILL)
    assert [r.step for r in read_records(tmp_path / "run") if r.kind is Kind.STEP] == [1, 2]


class Storm:
    """A signal handler that raises at chosen moments, as Ctrl-C does."""

    def __init__(self, error: type[BaseException]) -> None:
        self.armed, self.hits, self._error = False, 0, error

    def __call__(self, number: int, frame: object) -> None:
        if self.armed:
            self.armed = False
            self.hits += 1
            raise self._error


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # CPython swallows one in a callback
@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
@pytest.mark.parametrize("what", ["floats", "tensors", "segments"])
def test_an_interrupt_anywhere_in_a_call_leaves_its_record_once(
    tmp_path: Path, error: type[BaseException], what: str
) -> None:
    torch = pytest.importorskip("torch")
    run = RunDirectory(tmp_path / "run")
    run.create()
    sink = MemorySink()
    monitor = Monitor(run, sinks=[sink])
    if what == "segments":
        monitor._recorder._log._segment_bytes = 400
    storm = Storm(error)
    before = signal.signal(signal.SIGALRM, storm)
    steps = 400 if what == "segments" else 4000
    returned = set()
    try:
        for step in range(1, steps + 1):
            value = torch.tensor(1.0) if what == "tensors" else 1.0
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-6 + (step % 67) * 1e-6)
                storm.armed = True
                monitor.step(step, {"loss/total": value})
                storm.armed = False
                returned.add(step)
            except error:
                pass
            storm.armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    monitor.close()
    logged = [record.step for record in read_records(run.path) if record.kind is Kind.STEP]
    shown = [record.step for record in sink.records if record.kind is Kind.STEP]
    assert storm.hits > 10
    assert max(Counter(logged).values()) == 1
    assert returned <= set(logged)
    assert logged == sorted(logged) == shown


def test_an_interrupt_while_closing_still_closes_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunDirectory(tmp_path / "run")
    run.create()
    monitor = Monitor(run)
    monitor.step(1, {"loss/total": 1.0})

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(monitor._recorder.sinks, "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        monitor.close()
    assert kinds(run.path) == {"step": 1, "end": 1}
    Monitor(run).close()  # the lock is free


def test_what_comes_after_the_end_is_an_error_and_goes_nowhere(tmp_path: Path) -> None:
    from aurl.errors import EventLogError

    with Monitor.open(tmp_path / "run", logging=[]) as monitor:
        monitor.step(1, {"loss/total": 1.0})
    with (tmp_path / "other").open("wb"):  # takes the number of the handle that was closed
        with pytest.raises(EventLogError, match="the run is closed"):
            monitor.step(2, {"loss/total": 1.0})
        time.sleep(0.01)
    assert (tmp_path / "other").read_bytes() == b""
    assert kinds(tmp_path / "run")["step"] == 1


def test_a_run_of_a_forked_child_whose_parent_used_polars_ends_with_its_table(tmp_path: Path) -> None:
    """A fork has none of the threads that polars waits for."""
    done = program(
        """
        import os, sys, aurl
        import polars as pl
        pl.DataFrame({"a": range(1000)}).lazy().group_by("a").len().collect()
        if os.fork() == 0:
            with aurl.Monitor.open(sys.argv[1], logging=[], anomaly="off") as monitor:
                for step in range(1, 9):
                    monitor.step(step, {"loss/total": 1.0})
            os._exit(0)
        sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
        """,
        tmp_path / "run",
    )
    assert done.returncode == 0, done.stderr
    table = RunDirectory(tmp_path / "run").scalars_parquet
    assert table.is_file()
    import polars as pl

    assert pl.read_parquet(table).filter(pl.col("kind") == "step").height == 8
