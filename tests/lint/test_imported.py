from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from aurl.anomaly.chosen import choose_watch
from aurl.cli import main
from aurl.errors import DataError
from aurl.lint.imported import import_log
from aurl.lint.opening import open_log
from aurl.monitor import Monitor
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.runs.listing import find_runs, read_run
from aurl.runs.table import scalar_table
from tests.lint.files import DATA, records, series


def test_a_lightning_log_becomes_a_run_like_any_other(tmp_path: Path) -> None:
    source = tmp_path / "lightning_logs" / "version_0" / "metrics.csv"
    source.parent.mkdir(parents=True)
    shutil.copy(DATA / "lightning_metrics.csv", source)
    (source.parent / "hparams.yaml").write_text("optim:\n  lr: 0.01\napi_key: hunter2hunter2\n")
    made = import_log(open_log(source), tmp_path / "outputs")
    assert made.path.parent == tmp_path / "outputs" / "lightning_logs"
    run = read_run(made.path)
    assert run.status == "done"
    assert run.document["imported"]["path"] == str(source)
    assert series(read_records(made.path), "val/loss/total") == series(records(source), "val/loss/total")
    assert run.summary["val/loss/total"]["last"] == series(records(source), "val/loss/total")[-1][1]
    config = json.loads((made.path / "config.json").read_text())
    assert config == {"optim.lr": 0.01, "api_key": "***"}
    assert scalar_table(made.path).height > 0
    assert (made.path / "events" / "scalars.parquet").is_file()


def test_again_changes_nothing_and_a_log_that_grew_is_made_anew(tmp_path: Path) -> None:
    source = tmp_path / "baseline.csv"
    source.write_text("step,loss\n" + "".join(f"{step},{1 / step}\n" for step in range(1, 50)))
    first = import_log(open_log(source), tmp_path / "outputs")
    before = (first.path / "run.json").read_bytes()
    again = import_log(open_log(source), tmp_path / "outputs")
    assert again == (first.path, 0, 0)
    assert (first.path / "run.json").read_bytes() == before
    with source.open("a") as file:
        file.write("50,0.01\n")
    os.utime(source, (2e9, 2e9))
    grown = import_log(open_log(source), tmp_path / "outputs")
    assert grown.path == first.path
    assert series(read_records(grown.path), "loss/total")[-1] == (50, 0.01)
    assert len(find_runs(tmp_path / "outputs")) == 1


def test_the_detectors_look_at_it_too(tmp_path: Path) -> None:
    source = tmp_path / "bad.csv"
    source.write_text("step,loss\n" + "".join(f"{step},{'nan' if step > 60 else 1 / step}\n" for step in range(1, 90)))
    made = import_log(open_log(source), tmp_path / "outputs", watch=choose_watch("default")[0])
    alerts = [record.fields["type"] for record in read_records(made.path) if record.kind is Kind.ALERT]
    assert "nan_values" in alerts
    assert made.alerts == len(alerts)
    assert sum(read_run(made.path).document["alerts"].values()) == made.alerts


def test_seconds_from_the_start_become_dates(tmp_path: Path) -> None:
    source = tmp_path / "relative.csv"
    source.write_text("step,time,loss\n" + "".join(f"{step},{step * 2.0},0.5\n" for step in range(1, 11)))
    os.utime(source, (1.7e9, 1.7e9))
    made = import_log(open_log(source), tmp_path / "outputs")
    run = read_run(made.path)
    assert run.ended == 1.7e9
    assert run.started == 1.7e9 - 18
    assert run.duration(0) == 18


def test_an_interrupted_import_leaves_no_run(tmp_path: Path) -> None:
    source = tmp_path / "long.csv"
    source.write_text("step,loss\n" + "".join(f"{step},0.5\n" for step in range(1, 3000)))

    def interrupt(_records: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_log(open_log(source), tmp_path / "outputs", progress=interrupt)
    assert list((tmp_path / "outputs").rglob("run.json")) == []


def test_runs_of_our_own_are_refused(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "mine", logging=[]) as monitor:
        monitor.step(1, {"loss/total": 0.5})
    with pytest.raises(DataError, match="is an aurl run already"):
        import_log(open_log(tmp_path / "mine"), tmp_path / "outputs")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.csv").write_bytes(b"\0\1\2")
    shutil.copy(DATA / "trainer_state.json", tmp_path)
    shutil.copy(DATA / "run-first.wandb", tmp_path)
    outputs = tmp_path / "outputs"
    assert main(["import", *map(str, sorted(tmp_path.iterdir())), "-o", str(outputs), "--json", "--tag", "old"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["format"] for line in lines] == ["W&B run", "Hugging Face trainer state"]
    assert "broken.csv: a binary file of unknown kind" in err
    assert {run.document["tags"][0] for run in find_runs(outputs)} == {"old"}
    assert main(["import", str(tmp_path / "broken.csv"), "-o", str(outputs)]) == 2
    assert main(["import"]) == 2
    assert "Give at least one path" in capsys.readouterr().err


def test_a_run_of_somebody_else_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurl.lint.imported._digest", lambda _text: "abcd")
    one, two = tmp_path / "a" / "mine.csv", tmp_path / "b" / "mine.csv"
    for number, source in enumerate((one, two)):
        source.parent.mkdir()
        source.write_text(f"step,loss\n1,{number}.5\n2,{number}.25\n")
        os.utime(source, (1.7e9 + number, 1.7e9 + number))
    first = import_log(open_log(one), tmp_path / "outputs")
    second = import_log(open_log(two), tmp_path / "outputs")
    assert first.path != second.path
    assert series(read_records(first.path), "loss/total")[0] == (1, 0.5)
    os.utime(two, (1.7e9, 1.7e9))
    (second.path / "run.json").unlink()
    with pytest.raises(DataError, match="another run lies there already"):
        import_log(open_log(two), tmp_path / "outputs")
    assert series(read_records(first.path), "loss/total")[0] == (1, 0.5)
