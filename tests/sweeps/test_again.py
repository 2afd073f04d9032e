from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from aurl.cli import main
from aurl.record import Kind
from aurl.run import Outcome
from aurl.runs.eventlog import read_records
from aurl.runs.listing import find_runs, read_run
from aurl.sweeps.again import last_time, unfinished
from aurl.sweeps.jobs import NEVER, Ended

TINY = [
    *("experiment=quick", "model=transformer", "data=synthetic", "data.source.pieces=16", "trainer.steps=2"),
    *("quality=off", "sample=off", "pictures=[]", "logging=[]", "report=false", "probe_seconds=0"),
]


def job(folder: Path, **document: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "events").mkdir()
    plain = {"v": 1, "id": folder.name, "exit_code": 0, "message": "", "updated": 0.0, "process": {"pid": 1}}
    (folder / "run.json").write_text(json.dumps(plain | document))
    return folder


def test_what_never_began_begins_and_what_was_cut_short_goes_on(tmp_path: Path) -> None:
    assert last_time(tmp_path / "0", tmp_path, "x", retry_failed=False) is None
    (tmp_path / "1").mkdir()  # Hydra makes the folder of a job before the job begins
    assert last_time(tmp_path / "1", tmp_path, "x", retry_failed=False) is None
    for name, status in (("2", "preempted"), ("3", "running")):
        folder = job(tmp_path / name, status=status)
        assert last_time(folder, tmp_path, "x", retry_failed=False) == folder


def test_what_is_over_stays_as_it_is(tmp_path: Path) -> None:
    done = job(tmp_path / "0", status="done", summary={"val/loss/total": {"best": 0.5}})
    assert last_time(done, tmp_path, "val/loss/total", retry_failed=True) == Outcome("done", 0, 0.5, "", done)
    stopped = job(tmp_path / "1", status="stopped", exit_code=3, message="an alert")
    found = last_time(stopped, tmp_path, "val/loss/total", retry_failed=True)
    assert isinstance(found, Outcome)
    assert (found.exit_code, found.message, math.isnan(found.value)) == (3, "an alert", True)


def test_what_failed_is_told_again_or_repeated(tmp_path: Path) -> None:
    failed = job(tmp_path / "0", status="failed", exit_code=2, message="no folder")
    found = last_time(failed, tmp_path, "x", retry_failed=False)
    assert isinstance(found, Outcome)
    assert found.exit_code == 2
    assert found.message.startswith("no folder; ")
    assert "retry_failed=true" in found.message
    assert last_time(failed, tmp_path, "x", retry_failed=True) is None
    assert not failed.exists()
    assert (tmp_path / ".trash" / "0" / "run.json").is_file()


def test_an_interrupted_sweep_names_its_jobs_and_the_command() -> None:
    sweep = "/runs/my sweep"
    jobs = [
        Ended("done", 0, f"{sweep}/0_seed=1", sweep),
        Ended("preempted", 75, f"{sweep}/1_seed=2", sweep),
        Ended("stopped before it began", 75, ""),  # what a signal leaves
        *(Ended(NEVER, 75, f"{sweep}/{number}_seed=3", sweep) for number in range(2, 15)),
    ]
    text = unfinished(jobs)
    assert text.startswith("jobs interrupted: 1_seed=2; never begun: 2_seed=3, 3_seed=3")
    assert "11_seed=3 and 3 more" in text
    assert text.endswith("aurl train resume='/runs/my sweep'")
    assert unfinished(jobs[:1]) == ""


def losses_of(run: Path) -> list[float]:
    return [record.scalars["loss/total"] for record in read_records(run, kinds=[Kind.STEP])]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep of three jobs."""
    outputs = tmp_path_factory.mktemp("swept")
    assert main(["train", *TINY, "-m", "seed=1,2", f"paths.outputs={outputs}"]) == 0
    [folder] = outputs.glob("*/sweeps/*")
    return folder


@pytest.fixture
def sweep(swept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(swept, tmp_path / "sweep"))


@pytest.mark.slow
def test_a_sweep_goes_on_where_it_was_cut(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = sorted(run.path for run in find_runs(sweep))
    kept = (first / "run.json").read_bytes()
    losses = losses_of(second)
    shutil.rmtree(second)
    assert main(["train", f"resume={sweep}"]) == 0
    assert (first / "run.json").read_bytes() == kept
    assert sorted(run.path for run in find_runs(sweep)) == [first, second]
    assert read_run(second).status == "done"
    assert read_run(second).document["resumes"] == []
    assert losses_of(second) == losses


@pytest.mark.slow
def test_other_settings_and_what_is_no_sweep_are_refused(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", f"resume={sweep}", "trainer.steps=9"]) == 2
    assert "trainer.steps=9: a sweep goes on with the settings that it began with" in capsys.readouterr().err
    run = next(iter(find_runs(sweep))).path
    assert main(["train", f"resume={run}", "-m", "seed=1,2"]) == 2
    assert "goes on with one run" in capsys.readouterr().err
    (sweep / "multirun.yaml").write_text("hydra: {}")
    assert main(["train", f"resume={sweep}"]) == 2
    assert "tells of no sweep" in capsys.readouterr().err
