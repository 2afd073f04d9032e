"""Logging, looking and comparing need nothing that Windows or macOS has not."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dashboard.streams import program
from tests.other_systems import environment

pytestmark = pytest.mark.slow

LOGS = """
import aurl

for seed in (1, 2, 3):
    for lr in (0.01, 0.1):
        config = {"seed": seed, "optim.lr": lr}
        with aurl.Monitor.start("outputs/mine", logging=["csv", "jsonl", "tensorboard"], config=config) as monitor:
            for step in range(1, 61):
                monitor.step(step, {"loss/total": (3 + seed / 10) / (1 + lr * step), "odd: <na|me>?": 1.0, "lr": lr})
            monitor.eval(60, {"loss/total": 3 / (1 + lr * 60) + seed / 100})
            folder = monitor.run.path
with aurl.Monitor.open(folder, resume=True, logging=[]) as monitor:
    monitor.step(61, {"loss/total": 1.0})
    monitor.note("\\u00dcn\\u00efcode \\u266a")
with aurl.Monitor.open(folder, resume=True, logging=[]):
    try:
        aurl.Monitor.open(folder, resume=True)
    except aurl.errors.RunError as error:
        assert "this very process" in str(error), error
    else:
        raise AssertionError("opened twice")
print(folder)
"""
ANOTHER_PROCESS = """
import subprocess, sys
import aurl

with aurl.Monitor.start("locked", logging=[]) as monitor:
    code = f"import aurl; aurl.Monitor.open({str(monitor.run.path)!r}, resume=True)"
    other = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, encoding="utf-8")
    assert "another process writes to this run" in other.stderr, other.stderr
subprocess.run([sys.executable, "-c", code], check=True)
"""
ROTATES = """
import gzip, threading, time
from pathlib import Path

from aurl.machine import portable
from aurl.record import Kind, Record
from aurl.runs.eventlog import EventLog, read_records
from aurl.runs.tail import LogTail
from aurl.sinks.rotating_file import RotatingFile

Path("rotated/events").mkdir(parents=True)
file = RotatingFile(Path("rotated/train.log"), 100, 3)
for number in range(20):
    file.write(b"line %02d\\n" % number)
file.close()
parts = [gzip.decompress(path.read_bytes()) for path in sorted(Path("rotated").glob("train.log.*.gz"), reverse=True)]
assert b"".join([*parts, Path("rotated/train.log").read_bytes()]) == b"".join(b"line %02d\\n" % n for n in range(20))
assert parts

log, tail = EventLog(Path("rotated/events/records.jsonl"), segment_bytes=300), LogTail(Path("rotated/events"))
seen = []
for step in range(1, 30):
    log.append(Record(Kind.STEP, step, {"loss/total": 1.0}, {}, float(step)))
    seen += [record.step for record in tail.records()]
log.close()
assert seen == [record.step for record in read_records(Path("rotated"))] == list(range(1, 30))

source, target = Path("rotated/new"), Path("rotated/old")
source.write_bytes(b"new"), target.write_bytes(b"old")
reader = target.open("rb")
threading.Thread(target=lambda: (time.sleep(0.1), reader.close())).start()
portable.rename_over(source, target)
assert target.read_bytes() == b"new"
"""


@dataclass
class There:
    """That system, with a folder in which six runs were logged.

    Attributes:
        folder: where commands are run.
        variables: of their environment.
        last: the run that was logged last.
    """

    system: str
    folder: Path
    variables: dict[str, str]
    last: str = ""

    def python(self, *args: str, code: int = 0) -> str:
        """What Python printed."""
        done = subprocess.run(
            [sys.executable, *args],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert done.returncode == code, (args, done.stdout[-2000:], done.stderr[-6000:])
        return done.stdout

    def aurl(self, *args: str, code: int = 0) -> str:
        """What the command printed."""
        return self.python("-m", "aurl", *args, code=code)


@pytest.fixture(scope="module", params=["windows", "macos"])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> There:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "start").mkdir()
    variables = environment(request.param, folder / "start") | {
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "c"),
    }
    found = There(request.param, folder, variables)
    found.last = found.python("-c", LOGS).strip()
    return found


def test_what_is_hidden_is_hidden(there: There) -> None:
    """Else the other tests here would show nothing."""
    code = "import aurl.machine.portable as p; print(hasattr(p.os, 'pread'), p.RENAMES_OPEN_FILES, p.sys.platform)"
    assert there.python("-c", code).split() == (
        ["False", "False", "win32"] if there.system == "windows" else ["True", "True", "darwin"]
    )
    code = "import aurl.machine.host as h; print(h.Path('/proc/self/stat').exists())"
    code += "\nexec('print(Path(\"/proc/self/stat\").exists())', vars(h))"
    assert there.python("-c", code).split() == ["True", "False"]
    if there.system == "windows":
        there.python("-c", "import aurl.errors as e; exec('import fcntl', vars(e))", code=1)
        there.python("-c", "open('x', 'w').close(); f = open('x'); import os; os.replace('x', 'y')", code=1)


def test_runs_are_listed_compared_and_checked(there: There) -> None:
    runs = json.loads(there.aurl("runs", "outputs", "--json"))
    assert [(run["status"], run["name"]) for run in runs] == [("done", "mine")] * 6
    compared = json.loads(there.aurl("compare", "outputs", "--json", "--html", "compare.html"))
    assert [group["n"] for group in compared["groups"]] == [3, 3]
    assert (there.folder / "compare.html").stat().st_size > 10_000
    alerts = [json.loads(line) for line in there.aurl("lint", "outputs", "--json").splitlines()]
    assert {alert["path"] for alert in alerts} <= {str(Path(run["path"])) for run in runs} | {
        str(path.relative_to(there.folder)) for path in (there.folder / "outputs" / "mine").iterdir()
    }


def test_one_run_is_looked_at_and_taken_away(there: There) -> None:
    assert "loss/total" in there.aurl("watch", "--once", there.last)
    there.aurl("report", there.last)
    assert "loss/total" in (Path(there.last) / "report.html").read_text(encoding="utf-8")
    assert "Ünïcode ♪" in (Path(there.last) / "logs" / "train.log").read_text(encoding="utf-8")
    there.aurl("export", there.last, "--csv", "-o", "taken")
    assert len((there.folder / "taken" / "scalars.csv").read_text().splitlines()) > 62
    there.aurl("plot", there.last, "-o", "curve.svg")
    there.aurl("replay", there.last, "logging=[tensorboard,csv]")


def test_own_words_and_the_trash(there: There) -> None:
    run = there.last
    there.aurl("runs", "tag", run, "paper")
    there.aurl("runs", "note", run, "f\u00fcr sp\u00e4ter")
    there.aurl("runs", "rm", run)
    assert not Path(run).exists()
    there.aurl("runs", "restore", str(there.folder / "outputs" / ".trash" / "mine" / Path(run).name))
    assert "f\u00fcr sp\u00e4ter" in (Path(run) / "annotations.json").read_text(encoding="utf-8")


def test_other_tools_logs_are_read(there: There) -> None:
    (there.folder / "x.csv").write_text("step,loss\n1,2.0\n2,1.9\n3,nan\n4,1.2\n")
    assert "nan_values" in there.aurl("lint", "x.csv", code=3)
    there.aurl("import", "x.csv", "-o", "imported")
    assert len(json.loads(there.aurl("runs", "imported", "--json"))) == 1


def test_two_processes_do_not_write_to_one_run(there: There) -> None:
    there.python("-c", ANOTHER_PROCESS)


def test_files_that_are_open_are_rotated_and_replaced(there: There) -> None:
    there.python("-c", ROTATES)


def test_the_machine_and_a_config_are_checked(there: There) -> None:
    assert json.loads(there.aurl("doctor", "--json"))["ok"]
    there.aurl("check", "debug=one_batch")


def test_the_dashboard(there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in there.variables.items():
        monkeypatch.setenv(name, value)
    with program(there.folder / "outputs", there.folder / "c") as server:
        server.enter()
        listed = server.ask("/api/runs")["runs"]
        assert len(listed) == 6
        for row in listed:
            assert server.ask(f"/api/run/{row['key']}")["document"]["status"] == "done"
            assert server.ask(f"/api/curves?run={row['key']}&name=loss/total")["curves"]
