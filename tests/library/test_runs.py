"""`aurl.Runs`: filtering, tables, curves, samples and alerts of runs on disk."""

from __future__ import annotations

import importlib.util
import math
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import aurl
from aurl.errors import RunError
from aurl.library.filters import FilterError
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.record import Kind
from aurl.runs.annotations import annotate
from tests.dashboard.runs import make
from tests.dashboard.test_routes import SPOILED, spoil


def write(folder: Path, *, lr: float, model: str, seed: int, steps: int = 30) -> Path:
    config = {"optim": {"lr": lr}, "model": {"name": model, "size": {"vae": 8, "gan": 16}[model]}, "seed": seed}
    with aurl.Monitor.open(folder, logging=[], config=config, tags=[model], anomaly="off", steps=steps) as monitor:
        for step in range(1, steps + 1):
            monitor.step(step, {"loss/total": lr * 100 + 1 / step, "lr": lr}, epoch=1 + step // 10)
            if step % 10 == 0:
                monitor.eval(step, {"val/loss/total": lr * 100 + 2 / step})
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("outputs")
    for lr in (0.003, 0.01):
        for model in ("vae", "gan"):
            for seed in (1, 2):
                write(root / f"{model}-{lr}-{seed}", lr=lr, model=model, seed=seed)
    return root


def ids(runs: aurl.Runs) -> set[str]:
    return {run.id for run in runs}


def test_it_is_listed_and_light() -> None:
    assert {"Runs", "Monitor", "Record", "Kind"} <= set(dir(aurl))
    program = "import aurl, sys; aurl.Runs; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "hydra", "numpy", "polars", "pandas", "rich"} & set(loaded)


def test_filters_of_the_dashboard(root: Path) -> None:
    runs = aurl.Runs(root)
    assert len(runs) == 8
    assert ids(runs.where("model=vae and lr<0.01")) == {"vae-0.003-1", "vae-0.003-2"}
    assert ids(runs.where("optim.lr=3e-3 and seed=2")) == {"vae-0.003-2", "gan-0.003-2"}
    assert ids(runs.where("tag=gan").where("val/loss/total<0.5")) == {"gan-0.003-1", "gan-0.003-2"}
    assert len(runs.where("loss/total.max > 1.9")) == 4
    assert len(runs.where("status=done")) == 8
    assert len(runs.where("val/loss/total.nonsense > 0")) == 0
    with pytest.raises(FilterError, match="expected a value"):
        runs.where("lr<")


def test_one_run(root: Path) -> None:
    run = aurl.Runs(root)["vae-0.01-2"]
    assert (run.config["optim.lr"], run.config["model.name"], run.seed, run.status) == (0.01, "vae", 2, "done")
    assert run.summary["val/loss/total"]["best"] == pytest.approx(1 + 2 / 30)
    frame = run.scalars()
    assert {"kind", "step", "time", "epoch", "loss/total", "val/loss/total", "lr"} <= set(frame.columns)
    only = run.scalars("val/loss/total")
    assert only["step"].to_list() == [10, 20, 30]
    assert only["val/loss/total"].null_count() == 0
    assert run.scalars("loss/total", kind="step").height == 30
    with pytest.raises(RunError, match="has no scalar 'los/total'. Did you mean 'loss/total'"):
        run.scalars("los/total")
    assert "vae-0.01-2" in repr(run)
    assert "done" in run._repr_html_()


def test_several_runs_as_one_long_table(root: Path) -> None:
    long = aurl.Runs(root).where("model=gan").scalars("loss/total", "val/loss/total")
    assert long.columns == ["run", "kind", "step", "time", "epoch", "metric", "value"]
    counts = {tuple(row[:2]): row[2] for row in long.group_by("run", "metric").len().rows()}
    assert counts[("gan-0.01-1", "loss/total")] == 30
    assert counts[("gan-0.01-1", "val/loss/total")] == 3
    assert len(counts) == 8
    assert aurl.Runs(root).scalars("nothing/such").height == 0
    assert aurl.Runs(root).where("id=none").scalars().columns == long.columns


def test_runs_of_one_id_are_told_apart_in_the_long_table(tmp_path: Path) -> None:
    for place in ("a", "b"):
        write(tmp_path / place / "same", lr=0.01, model="vae", seed=1, steps=3)
    assert set(aurl.Runs(tmp_path).scalars("loss/total")["run"].to_list()) == {"a/same", "b/same"}
    with pytest.raises(RunError, match="2 runs are called so"):
        aurl.Runs(tmp_path)["same"]


def test_a_running_run_has_scalars_too(tmp_path: Path) -> None:
    with aurl.Monitor.open(tmp_path / "live", logging=[], anomaly="off") as monitor:
        monitor.step(1, {"loss/total": math.nan})
        monitor.step(2, {"loss/total": 2.0})
        [run] = aurl.Runs(tmp_path)
        assert run.status == "running"
        assert run.scalars("loss/total")["step"].to_list() == [1, 2]
    monitor = aurl.Monitor.open(tmp_path / "live", logging=[], anomaly="off", resumed_from=1, resume=True)
    monitor.step(2, {"loss/total": 3.0})
    monitor.close()
    assert aurl.Runs(tmp_path)[0].scalars("loss/total")["loss/total"].to_list()[1:] == [3.0]


def test_samples_and_alerts(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    with aurl.Monitor.open(folder, logging=[], anomaly="off") as monitor:
        write_midi(Notes.build([0], [12], [60]), folder / "samples" / "000020_0.mid")
        monitor.step(20, {"loss/total": 1.0})
        monitor.say(Kind.SAMPLE, 20, {"sample/notes": 1.0}, path="samples/000020_0.mid", slot=0)
        monitor.say(Kind.QUALITY, 20, {"quality/overall": 0.7}, scope="sample", path="samples/000020_0.mid")
        fields = {"type": "loss_spike", "severity": "warning", "metric": "loss/total", "message": "a spike"}
        monitor.say(Kind.ALERT, 20, **fields)
    [run] = aurl.Runs(tmp_path)
    [sample] = run.samples
    assert sample.path.is_file()
    assert (sample.step, sample.slot, sample.scores) == (20, 0, {"overall": 0.7})
    [alert] = run.alerts
    assert (alert["step"], alert["type"], alert["message"]) == (20, "loss_spike", "a spike")


def test_sorting_slices_and_tables(root: Path) -> None:
    runs = aurl.Runs(root).sort("val/loss/total.best")
    assert runs[0].config["optim.lr"] == 0.003
    assert runs.sort("optim.lr", descending=True)[0].config["optim.lr"] == 0.01
    assert isinstance(runs[:3], aurl.Runs)
    assert len(runs[:3]) == 3
    assert runs.differences[0] in ("optim.lr", "model.name")
    frame = runs.table()
    assert {"id", "status", "optim.lr", "model.name", "loss", "loss.best"} <= set(frame.columns)
    assert frame.height == 8
    assert runs.table("optim.lr", "val/loss/total.min").columns[-2:] == ["optim.lr", "val/loss/total.min"]


def test_a_notebook_shows_a_table(root: Path, tmp_path: Path) -> None:
    html = aurl.Runs(root)._repr_html_()
    assert "8 runs" in html
    assert "0.003" in html
    assert ">lr<" in html
    evil = "<script>alert(1)</script>"
    with aurl.Monitor.open(tmp_path / "x", logging=[], tags=[evil], config={"a": evil}) as monitor:
        monitor.step(1, {evil: 1.0})
    annotate(tmp_path / "x", name=evil)
    assert "<script>" not in aurl.Runs(tmp_path)._repr_html_()
    assert "<script>" not in aurl.Runs(tmp_path)[0]._repr_html_()


def test_a_person_s_words_count(root: Path, tmp_path: Path) -> None:
    run = write(tmp_path / "a", lr=0.01, model="vae", seed=1, steps=3)
    annotate(run, name="the good one", add_tags=["paper"], notes="why it is good", archived=True)
    assert len(aurl.Runs(tmp_path)) == 0
    [found] = aurl.Runs(tmp_path, archived=True).where("tag=paper and star=false")
    assert (found.name, found.tags, found.notes) == ("the good one", ["vae", "paper"], "why it is good")


def test_odd_folders(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such directory"):
        aurl.Runs(tmp_path / "none")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    [run] = aurl.Runs(tmp_path)
    assert (run.status, run.config, run.summary) == ("unreadable", {}, {})
    assert aurl.Runs(tmp_path).scalars().height == 0
    assert isinstance(aurl.Runs(tmp_path).table(), pl.DataFrame)
    with pytest.raises(RunError, match="no event log"):
        run.scalars()


def test_the_recipes_of_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the ten, as docs/library.md has it, over runs that have what it asks for."""
    page = (Path(__file__).parent.parent.parent / "docs" / "library.md").read_text()
    [block] = [text for text in re.findall(r"```py\n(.*?)```", page, re.DOTALL) if "# 10." in text]
    folder = write(tmp_path / "outputs" / "2026-11-29_10-12-13_1a2b", lr=0.01, model="vae", seed=1)
    write(tmp_path / "outputs" / "other", lr=0.003, model="vae", seed=1)
    with aurl.Monitor.open(folder, logging=[], anomaly="off", resume=True) as monitor:
        monitor.say(Kind.SAMPLE, 30, {}, path="samples/000030_0.mid", slot=0)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"aurl": aurl, "polars": pl}
    lines = [line for line in block.splitlines() if line.strip()]
    assert sum(bool(re.search(r"# \d+\. ", line)) for line in lines) == 10
    program = "\n".join(lines).replace("best.samples", 'runs["2026-11-29_10-12-13_1a2b"].samples')
    if not importlib.util.find_spec("pyarrow"):
        program = program.replace(".to_pandas()", "")
    exec(program, names)
    assert (tmp_path / "runs.csv").read_text().count("\n") == 3


def test_spoiled_runs_are_listed_beside_good_ones(tmp_path: Path) -> None:
    for how in SPOILED:
        spoil(make(tmp_path / how), how)
    make(tmp_path / "well")
    runs = aurl.Runs(tmp_path)
    assert len(runs) == len(SPOILED), "a folder without run.json is no run; the good one is beside"
    assert "well" in ids(runs.where("status=done and loss<1"))
    assert runs.sort("loss").table().height == len(runs)
    assert runs.scalars("loss/total").height >= 40
    assert runs._repr_html_()
    assert all(isinstance(run.facts["tags"], list) and isinstance(run.config, dict) for run in runs)
