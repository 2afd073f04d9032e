"""One writer a run, whoever asks; and nothing written before the lock is held."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aurl.errors import RunError
from aurl.record import Kind, Record
from aurl.runs.eventlog import EventLog
from aurl.runs.lock import acquire, begin, holds_run
from aurl.runs.rundir import RunDirectory

ASK = "import sys; from pathlib import Path; from aurl.runs.lock import acquire; acquire(Path(sys.argv[1]))"


def asked_by_another(run: RunDirectory) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", ASK, run.events], capture_output=True, text=True, check=False)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path / "run")


def test_another_process_is_refused_while_it_is_held(run: RunDirectory) -> None:
    lock = begin(run, resume=False)
    assert "another process writes to this run" in asked_by_another(run).stderr
    lock.release()
    lock.release()
    assert asked_by_another(run).returncode == 0


def test_this_process_is_told_that_it_is_itself(run: RunDirectory) -> None:
    log = EventLog(begin(run, resume=False).events / "records.jsonl")
    with pytest.raises(RunError, match="this very process writes to this run, through a Monitor opened at"):
        acquire(run.events)
    log.close()
    acquire(run.events).release()


def test_a_lock_that_waits_for_its_log_is_given_to_it(run: RunDirectory) -> None:
    lock = begin(run, resume=False)
    assert begin(run, resume=False) is lock
    EventLog(run.records).close()
    assert asked_by_another(run).returncode == 0


def test_reading_the_run_in_this_process_does_not_drop_the_lock(run: RunDirectory) -> None:
    lock = begin(run, resume=False)
    for file in run.path.rglob("*"):
        if file.is_file() and file.name != ".lock":
            file.read_bytes()
    assert asked_by_another(run).returncode == 1
    lock.release()


@pytest.mark.parametrize("what", ["log", "closed segment", "checkpoint"])
def test_a_folder_that_holds_a_run_is_refused_unless_going_on_is_asked_for(run: RunDirectory, what: str) -> None:
    run.create()
    if what == "checkpoint":
        (run.checkpoints / "step_00000001").mkdir()
    else:
        name = "records.jsonl" if what == "log" else "records.000001.jsonl"
        (run.events / name).write_text("{}\n")
    with pytest.raises(RunError, match=r"holds a run; go on with it by resume=.*run, or choose another path"):
        begin(run, resume=False)
    begin(run, resume=True).release()


def test_an_empty_log_holds_no_run(run: RunDirectory) -> None:
    EventLog(begin(run, resume=False).events / "records.jsonl").close()
    assert not holds_run(run)


def test_a_child_made_by_fork_holds_nothing(run: RunDirectory) -> None:
    lock = begin(run, resume=False)
    child = os.fork()
    if child == 0:
        try:
            acquire(run.events)
        except RunError as error:
            os._exit(0 if "another process" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert asked_by_another(run).returncode == 1
    lock.release()


def test_a_folder_that_was_removed_is_locked_again_before_it_is_written(run: RunDirectory) -> None:
    log = EventLog(begin(run, resume=False).events / "records.jsonl")
    log.append(Record(Kind.NOTE, 1))
    shutil.rmtree(run.path)
    assert log.restore() == ["records.jsonl"]
    assert asked_by_another(run).returncode == 1
    log.close()


def test_where_another_has_taken_the_new_folder_it_is_left_alone(run: RunDirectory) -> None:
    log = EventLog(begin(run, resume=False).events / "records.jsonl")
    log.append(Record(Kind.NOTE, 1))
    shutil.rmtree(run.path)
    run.create()
    hold = ASK + "; print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold, run.events], stdin=-1, stdout=-1) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(RunError, match="another process"):
            log.restore()
        other.communicate(b"\n")
    assert log.restore() == ["records.jsonl"]
    log.close()
