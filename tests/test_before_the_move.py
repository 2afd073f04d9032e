"""A run made by the commit before the rooms were moved, and names that scripts of that time import: both still serve.

`tests/fixtures/before_the_move` is a run of 12 steps with the checkpoint of step 8; host, paths and hardware were taken
out of it by hand, nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aurl
from aurl.cli import main
from aurl.compare.comparing import compare
from aurl.dashboard.live.catalog import Catalog
from aurl.dashboard.store.store import RunStore
from aurl.figures.curves import group, read_curves
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.listing import find_runs

FIXTURE = Path(__file__).parent / "fixtures" / "before_the_move"
ID = "2026-11-28_23-49-42_2644"
STEPS = list(range(1, 13))


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURE, tmp_path / "outputs" / "before_the_move" / ID, symlinks=True)
    return tmp_path / "outputs"


@pytest.fixture
def run(outputs: Path) -> Path:
    return outputs / "before_the_move" / ID


def losses(run: Path) -> list[tuple[int, float]]:
    return [(one.step, one.scalars["loss/total"]) for one in read_records(run) if one.kind is Kind.STEP]


def train(*overrides: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "aurl", "train", *overrides, "report=false"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.two_process
@pytest.mark.parametrize("with_links", [True, False])
def test_it_resumes_to_the_same_losses(run: Path, with_links: bool) -> None:
    if not with_links:  # as many ways to copy a folder leave it
        (run / "checkpoints" / "latest").unlink()
        (run / "checkpoints" / "best").unlink()
    before = losses(run)
    train(f"resume={run}")
    again = losses(run)[len(before) :]
    assert [step for step, _ in again] == [9, 10, 11, 12]
    assert [loss for _, loss in again] == pytest.approx([loss for _, loss in before[8:]], abs=1e-5)
    document = json.loads((run / "run.json").read_text())
    assert (document["id"], document["status"], document["resumes"][0]["step"]) == (ID, "done", 8)


@pytest.mark.slow
@pytest.mark.two_process
def test_a_run_of_today_with_another_seed_is_the_same_experiment(run: Path, outputs: Path) -> None:
    argv = json.loads((run / "run.json").read_text())["argv"][1:]
    kept = [word for word in argv if word.partition("=")[0] not in ("paths.outputs", "experiment")]
    train(
        *kept,
        "experiment=null",
        "optim.decay_embeddings=true",
        "model.shared_draw=false",
        "model.adversarial_every=1",
        f"paths.outputs='{outputs}'",
        "seed=2",
    )
    found = find_runs(outputs)
    assert len(found) == 2
    comparison = compare([outputs])
    assert comparison.differences == {}  # a key that aurl gained: `aurl.runs.settings` lists what runs before it did
    assert [part.n for part in comparison.groups] == [2]
    assert [len(part.members) for part in group([read_curves(each) for each in found])] == [2]
    catalog = Catalog(outputs)
    catalog.look()
    assert len({entry.row["group"] for entry in catalog.entries()}) == 1


@pytest.mark.slow
def test_generate_and_export_load_its_weights(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", str(run), "n=2", "length=48", "-o", str(tmp_path / "new"), "--no-audio", "--json"]) == 0
    pieces = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(piece["path"]).is_file() for piece in pieces] == [True, True]
    assert main(["export", str(run), "-o", str(tmp_path / "out"), "--csv", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert all(Path(path).is_file() for path in written.values())
    assert "loss/total" in Path(written["csv"]).read_text().splitlines()[0]


def test_runs_lists_it(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(outputs), "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["id"], row["name"], row["status"], row["step"]) == (ID, "before_the_move", "done", 12)


def test_compare_reads_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(run), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["metric"] == "val/loss/total"
    [part] = document["groups"]
    assert part["mean"] == pytest.approx(5.98663, abs=1e-4)


def test_report_shows_it(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "-o", str(tmp_path / "report.html"), "--json"]) == 0
    capsys.readouterr()
    page = (tmp_path / "report.html").read_text()
    assert "before_the_move" in page
    assert "VAEGAN" in page
    assert "000012_0" in page


def test_lint_judges_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(run), "--json"]) == 0
    assert main(["lint", str(run), "--explain"]) == 0
    said = capsys.readouterr().out
    assert "aurl run" in said


def test_watch_and_plot_show_it(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(run), "--once", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["step"]) == ("done", 12)
    assert told["scalars"]["loss/total"] == pytest.approx(5.97284, abs=1e-4)
    [curves] = [read_curves(each) for each in find_runs(run)]
    assert curves.points("loss/total")[0].tolist() == STEPS
    assert curves.config["optim._target_"] == "aurl.optim.AdamW"


def test_the_dashboard_shows_it(run: Path, outputs: Path) -> None:
    catalog = Catalog(outputs)
    catalog.look()
    [entry] = catalog.entries()
    assert (entry.row["id"], entry.row["status"], entry.row["step"]) == (ID, "done", 12)
    assert entry.config["model.d_model"] == 16
    store = RunStore(run)
    store.refresh()
    curve = store.curve("loss/total")
    assert curve is not None
    assert curve.x.tolist() == STEPS
    assert len(store.events.samples) == 3
    assert store.skipped == 0


def test_a_sink_can_be_built_from_its_log(run: Path) -> None:
    assert main(["replay", str(run), "logging=csv"]) == 0
    assert len((run / "events" / "csv" / "step.csv").read_text().splitlines()) == 13


def test_old_imports_serve() -> None:
    from aurl.anomaly.base import Rule
    from aurl.eventlog import read_records as old_reader
    from aurl.models.base import MusicModel
    from aurl.quality.metric import Metric
    from aurl.rundir import RunDirectory as OldDirectory
    from aurl.runs.rundir import RunDirectory
    from aurl.sinks.base import Sink

    assert (old_reader, OldDirectory) == (read_records, RunDirectory)
    assert all(isinstance(kind, type) for kind in (Rule, MusicModel, Metric, Sink))

    class Mine(Sink):
        def write(self, record: Record) -> None:
            seen.append(record.step)

    seen: list[int] = []
    Mine().write(Record(Kind.STEP, 1))
    assert seen == [1]


def test_old_imports_are_light() -> None:
    program = "import aurl.rundir, aurl.eventlog, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "hydra", "omegaconf", "numpy", "polars"} & set(loaded)
    assert Path(aurl.__file__).with_name("rundir.py").is_file()
