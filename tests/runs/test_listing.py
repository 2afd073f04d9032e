"""Finding and reading runs, on directories as runs leave them and as disks spoil them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aurl.errors import RunError
from aurl.machine import process, untrusted
from aurl.record import Kind, Record
from aurl.runs.listing import find_runs, is_run, latest_run, read_run, resolve_run
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile

OPEN_RUN = """
import sys; from pathlib import Path
from aurl.runs.rundir import RunDirectory; from aurl.sinks.runfile import RunFile
run = RunDirectory(Path(sys.argv[1])); run.create(); RunFile({}).open(run); print("ready", flush=True); input()
"""


def make(folder: Path, **document: Any) -> Path:
    """A finished run, its `run.json` written by the real sink, then changed as the test asks."""
    run = RunDirectory(folder)
    run.create()
    sink = RunFile({"id": folder.name, "name": "chorales"})
    sink.open(run)
    sink.write(Record(Kind.STEP, 40, {"loss/total": 2.5}, {"epoch": 2}))
    sink.write(Record(Kind.END, 40, fields={"status": "done", "exit_code": 0}, time=time.time()))
    sink.close()
    change(folder, **document)
    return folder


def change(folder: Path, **document: Any) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | document))


def test_runs_at_any_depth_latest_first(tmp_path: Path) -> None:
    make(tmp_path / "chorales" / "a", started=100.0)
    make(tmp_path / "chorales" / "sweeps" / "stamp" / "0_lr", started=300.0)
    make(tmp_path / "b", started=200.0)
    (tmp_path / "empty" / "folder").mkdir(parents=True)
    assert [run.id for run in find_runs(tmp_path)] == ["0_lr", "b", "a"]


def test_a_run_says_what_its_file_says(tmp_path: Path) -> None:
    (run,) = find_runs(make(tmp_path / "a", started=100.0, ended=160.0, resumes=[{"time": 130.0}]))
    assert (run.status, run.step, run.name, run.path) == ("done", 40, "chorales", tmp_path / "a")
    assert (run.started, run.ended, run.begun, run.duration(999.0)) == (100.0, 160.0, 130.0, 60.0)
    assert run.summary["loss/total"]["best"] == 2.5
    assert run.document["epoch"] == 2


def test_a_run_s_own_folders_and_hidden_ones_are_not_searched(tmp_path: Path) -> None:
    run = make(tmp_path / "a")
    make(run / "checkpoints" / "inner")
    make(tmp_path / ".trash" / "b")
    assert [found.path for found in find_runs(tmp_path)] == [run]


def test_links_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "outputs"
    make(outside / "far")
    run = make(root / "near")
    (root / "elsewhere").symlink_to(outside)
    (root / "again").symlink_to(run)
    (root / "up").symlink_to(root)
    (root / "self").symlink_to("self")
    (root / "broken").symlink_to("nowhere")
    (outside / "back").symlink_to(root)
    assert {found.path for found in find_runs(root)} == {run, root / "elsewhere" / "far"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not valid JSON"), (b'{"status": "do', "not valid JSON"), (b"[1]", "no status"), (b'{"v": 1}', "no status")],
)
def test_a_corrupt_file_is_listed_as_unreadable(tmp_path: Path, content: bytes, reason: str) -> None:
    (make(tmp_path / "a") / "run.json").write_bytes(content)
    make(tmp_path / "b")
    broken = next(run for run in find_runs(tmp_path) if run.path.name == "a")
    assert broken.status == "unreadable"
    assert reason in broken.error
    assert (broken.id, broken.name, broken.step, broken.summary, broken.duration(1.0)) == ("a", "a", 0, {}, None)


def test_odd_values_do_not_break_the_listing(tmp_path: Path) -> None:
    odd = {"step": None, "started": "yesterday", "summary": [], "resumes": [3, {}], "id": 7, "updated": None}
    (run,) = find_runs(make(tmp_path / "a", **odd))
    assert (run.step, run.started, run.summary, run.begun, run.id) == (0, None, {}, 0.0, "7")


def test_a_live_run_is_running_and_a_killed_one_has_crashed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_RUN, str(tmp_path / "a")]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    assert read_run(tmp_path / "a").status == "running"
    change(tmp_path / "a", updated=0.0)  # a suspended process does not beat, but lives
    assert read_run(tmp_path / "a").status == "running"
    child.kill()
    child.communicate()
    assert read_run(tmp_path / "a").status == "crashed"


def test_another_process_with_the_same_pid_does_not_count(tmp_path: Path) -> None:
    run = make(tmp_path / "a", status="running", process=process.identity() | {"began": "boot:1"})
    assert read_run(run).status == "crashed"
    change(run, process=process.identity())
    assert read_run(run).status == "running"


@pytest.mark.parametrize("elsewhere", [{"host": "other"}, {"process": None}, {"process": {"namespace": "pid:[9]"}}])
def test_on_another_host_or_in_another_container_the_heartbeat_decides(
    tmp_path: Path, elsewhere: dict[str, Any]
) -> None:
    run = make(tmp_path / "a", status="running", **({"host": platform.node()} | elsewhere))
    change(run, updated=time.time() - 30.0)
    assert read_run(run).status == "running"
    assert read_run(run, stale_after=20.0).status == "crashed"
    change(run, updated=None)
    assert read_run(run).status == "crashed"


def test_the_duration_of_runs_without_an_end(tmp_path: Path) -> None:
    run = make(tmp_path / "a", status="running", started=100.0, updated=150.0, ended=None)
    change(run, process=process.identity())
    assert read_run(run).duration(180.0) == 80.0
    change(run, process=process.identity() | {"began": None})
    assert read_run(run).duration(180.0) == 50.0


def test_latest_is_the_one_started_or_resumed_last(tmp_path: Path) -> None:
    assert latest_run(tmp_path) is None
    make(tmp_path / "a", started=100.0, name="x")
    make(tmp_path / "b", started=200.0, name="y")
    (make(tmp_path / "c") / "run.json").write_text("{")
    assert resolve_run("latest", tmp_path) == tmp_path / "b"
    change(tmp_path / "a", resumes=[{"time": 300.0}])
    assert resolve_run("latest", tmp_path) == tmp_path / "a"
    found = latest_run(tmp_path, name="y")
    assert found is not None
    assert found.path == tmp_path / "b"
    assert latest_run(tmp_path, name="z") is None


def test_resolve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(tmp_path / "outputs" / "chorales" / "2026-01-01_00-00-00_ab12")
    monkeypatch.chdir(tmp_path)
    root = Path("outputs")
    relative = root / "chorales" / run.name
    assert resolve_run(str(run), root) == run
    assert resolve_run(relative, Path("elsewhere")) == relative
    assert resolve_run(f"chorales/{run.name}", root) == relative
    assert resolve_run(run.name, root) == relative
    assert resolve_run(run / "run.json", root) == run
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_run(f"~/outputs/chorales/{run.name}", root) == run


def test_a_run_killed_before_its_first_file_can_be_named(tmp_path: Path) -> None:
    early = RunDirectory(tmp_path / "early")
    early.create()
    assert not is_run(early.path)
    early.records.write_bytes(b"")
    assert resolve_run("early", tmp_path) == early.path


def test_messages_of_resolve(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    with pytest.raises(RunError, match=r"latest: there is no run under .*outputs; start one"):
        resolve_run("latest", outputs)
    with pytest.raises(RunError, match=r"x: no such run under .*There are no runs"):
        resolve_run("x", outputs)
    make(outputs / "chorales" / "2026-01-01_00-00-00_ab12")
    with pytest.raises(RunError, match=r"2026-01-01_00-00-00_ab13: no such run.*Nearest: .*_ab12$"):
        resolve_run("2026-01-01_00-00-00_ab13", outputs)
    with pytest.raises(RunError, match=r"Nearest: .*_ab12$"):
        resolve_run("chorale", outputs)
    with pytest.raises(RunError, match=r"Give a path, a run id, or latest \(.*_ab12\)"):
        resolve_run("quite-another", outputs)
    make(outputs / "other" / "2026-01-01_00-00-00_ab12")
    with pytest.raises(RunError, match="2 runs have this id, give the path: .*chorales.*other"):
        resolve_run("2026-01-01_00-00-00_ab12", outputs)


def test_a_missing_directory_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("nowhere", "file"):
        with pytest.raises(RunError, match=f"{place}: no such directory"):
            find_runs(tmp_path / place)


def test_folders_that_may_not_be_read_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(tmp_path / "a")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def guarded(folder: Path) -> Any:  # permissions do not bind root, who may run this test
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("aurl.runs.listing.os.scandir", guarded)
    assert [found.path for found in find_runs(tmp_path)] == [run]
    with pytest.raises(RunError, match=r"locked: cannot be read \(Permission denied\)"):
        find_runs(tmp_path / "locked")


def test_many_runs_are_listed_without_opening_their_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = make(tmp_path / "run")
    text = (template / "run.json").read_text()
    for number in range(100):
        folder = tmp_path / "many" / f"{number:03}"
        (folder / "events").mkdir(parents=True)
        (folder / "run.json").write_text(text)
    opened: list[str] = []
    original = untrusted.open_regular
    monkeypatch.setattr(untrusted, "open_regular", lambda path: (opened.append(path.name), original(path))[1])
    assert len(find_runs(tmp_path / "many")) == 100
    assert opened == ["run.json"] * 100
