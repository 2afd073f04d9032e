"""Runs that begin, go on and begin again: two never mix, and each step counts once, the last one winning."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import aurl
from aurl.compare.series import read_one
from aurl.dashboard.store.store import RunStore
from aurl.errors import ConfigError, RunError
from aurl.monitor import Monitor
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.runs.listing import read_run
from aurl.runs.rundir import RunDirectory
from aurl.runs.table import scalar_table


def train(path: Path, first: int, last: int, value: float, **options: object) -> None:
    with Monitor.open(path, logging=["csv"], anomaly="off", **options) as monitor:  # type: ignore[arg-type]
        for step in range(first, last + 1):
            monitor.step(step, {"loss/total": value})


def curves(path: Path) -> dict[str, dict[int, float]]:
    """The same curve as every reader has it."""
    of_steps = pl.col("kind") == "step"
    parquet = pl.read_parquet(path / "events" / "scalars.parquet").filter(of_steps)
    table = scalar_table(path).filter(of_steps)
    compared = read_one(read_run(path), ["loss/total"]).curves["loss/total"]
    store = RunStore(path)
    store.refresh()
    shown = store.curve("loss/total")
    assert shown is not None
    csv = pl.read_csv(path / "events" / "csv" / "step.csv")
    pairs = {
        "parquet": (parquet["step"], parquet["loss/total"]),
        "export": (table["step"], table["loss/total"]),
        "compare": (compared.steps, compared.values),
        "dashboard": (shown.x, shown.y),
        "csv": (csv["step"], csv["loss/total"]),
    }
    for name, (steps, _) in pairs.items():
        assert len(set(steps)) == len(steps), f"{name} has a step twice"
    return {
        name: dict(zip(map(int, steps), map(float, values), strict=True)) for name, (steps, values) in pairs.items()
    }


@pytest.mark.parametrize(
    ("first", "last", "kept"),
    [(21, 35, 20), (1, 40, 0), (41, 50, 40), (1, 10, 0), (0, 3, 0), (60, 61, 40)],
    ids=["from a checkpoint", "all again", "seamless", "a shorter one", "from 0", "with a gap"],
)
def test_every_reader_counts_a_step_once_and_the_last_one_wins(
    tmp_path: Path, first: int, last: int, kept: int
) -> None:
    train(tmp_path / "run", 1, 40, 1.0)
    train(tmp_path / "run", first, last, 2.0, resume=True)
    expected = dict.fromkeys(range(1, kept + 1), 1.0) | dict.fromkeys(range(first, last + 1), 2.0)
    for name, found in curves(tmp_path / "run").items():
        assert found == expected, name
    assert sum(record.kind is Kind.STEP for record in read_records(tmp_path / "run")) == 40 + last - first + 1


def test_a_second_run_into_a_folder_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    train(tmp_path / "run", 1, 3, 1.0)
    before = {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()}
    with pytest.raises(RunError, match="holds a run; go on with it by resume=True, or choose another path"):
        train(tmp_path / "run", 1, 3, 2.0)
    assert {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("resume", [False, "never"])
def test_no_is_no(tmp_path: Path, resume: bool | str) -> None:
    train(tmp_path / "run", 1, 3, 1.0, resume=resume)
    with pytest.raises(RunError, match="holds a run"):
        train(tmp_path / "run", 4, 5, 2.0, resume=resume)


def test_going_on_that_must_be_possible(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run to go on with"):
        train(tmp_path / "run", 1, 3, 1.0, resume="must")
    assert not (tmp_path / "run").exists()
    train(tmp_path / "run", 1, 3, 1.0, resume="allow")
    train(tmp_path / "run", 4, 5, 1.0, resume="must")


def test_start_makes_a_folder_for_each_run(tmp_path: Path) -> None:
    for _ in range(3):
        with Monitor.start(tmp_path / "mine", logging=[], anomaly="off") as monitor:
            monitor.step(1, {"loss/total": 1.0})
        assert monitor.run.path.parent == tmp_path / "mine"
    runs = sorted((tmp_path / "mine").iterdir())
    assert len(runs) == 3
    assert [json.loads((run / "run.json").read_text())["name"] for run in runs] == ["mine"] * 3


def test_a_wrong_option_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such option"):
        Monitor.start(tmp_path / "mine", logging="tensorbord")
    for wrong in ({"resume": "yes"}, {"run": "x"}):
        with pytest.raises(ConfigError):
            Monitor.open(tmp_path / "mine" / "a", **wrong)  # type: ignore[arg-type]
    assert not list((tmp_path / "mine").iterdir())


def test_a_name_is_the_runs_name(tmp_path: Path) -> None:
    Monitor.open(tmp_path / "run", logging=[], name="mine").close()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["name"] == "mine"


def test_a_monitor_that_is_open_here_can_be_taken_over_or_closed(tmp_path: Path) -> None:
    first = Monitor.open(tmp_path / "run", logging=[], anomaly="off")
    first.step(1, {"loss/total": 1.0})
    with pytest.raises(RunError, match="this very process writes to this run"):
        Monitor.open(tmp_path / "run", logging=[], resume=True)
    assert first in Monitor.opened()
    second = Monitor.open(tmp_path / "run", logging=[], anomaly="off", resume="takeover")
    assert first not in Monitor.opened()
    second.step(2, {"loss/total": 1.0})
    second.close()
    ends = [record.fields["status"] for record in read_records(tmp_path / "run") if record.kind is Kind.END]
    assert ends == ["stopped", "done"]
    for monitor in Monitor.opened():
        monitor.close()


def test_a_notebook_cell_that_is_run_again_after_an_error(tmp_path: Path) -> None:
    def cell() -> None:
        monitor = Monitor.start(tmp_path / "mine", logging=[], anomaly="off")
        monitor.step(1, {"loss/total": 1.0})
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            cell()
    assert len(Monitor.opened()) == 2
    for monitor in Monitor.opened():
        monitor.close("stopped")
    assert [read_run(run).status for run in (tmp_path / "mine").iterdir()] == ["stopped"] * 2


@pytest.mark.two_process
def test_another_process_is_refused_before_it_writes(tmp_path: Path) -> None:
    program = "import sys, aurl; aurl.Monitor.open(sys.argv[1], logging=[], resume=True, config={'lr': 0.77})"
    with Monitor.open(tmp_path / "run", logging=[], config={"lr": 0.1}, anomaly="off") as monitor:
        monitor.step(1, {"loss/total": 1.0})
        assert monitor.drain(5)
        found = subprocess.run([sys.executable, "-c", program, tmp_path / "run"], capture_output=True, check=False)
        assert b"another process writes to this run" in found.stderr
        assert b"0.77" not in (tmp_path / "run" / "run.json").read_bytes()


def test_a_constructor_on_a_log_that_goes_on_marks_the_place_too(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.create()
    for value in (1.0, 2.0):
        with Monitor(run) as monitor:
            assert monitor.last_step == (0 if value == 1.0 else 9)
            for step in range(1, 10):
                monitor.step(step, {"loss/total": value})
    table = scalar_table(tmp_path / "run").filter(pl.col("kind") == "step")
    assert dict(zip(table["step"], table["loss/total"], strict=True)) == dict.fromkeys(range(1, 10), 2.0)


def test_an_exit_code_of_zero_is_done(tmp_path: Path) -> None:
    for number, code in enumerate((None, 0, 1)):
        with pytest.raises(SystemExit), aurl.Monitor.open(tmp_path / str(number), logging=[]):
            sys.exit(code)
    assert [read_run(tmp_path / str(number)).status for number in range(3)] == ["done", "done", "failed"]
