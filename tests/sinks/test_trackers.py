"""MLflow and Trackio, the real packages, read back with their own readers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aurl.errors import ConfigError
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.mlflow import MlflowSink
from aurl.sinks.trackio import TrackioSink
from tests.sinks.conftest import NOON, step, whole_run


def show(run: RunDirectory, sink: Sink, status: str = "done") -> None:
    run.config_json.write_text(json.dumps({"optim.lr": 1e-3, "tracker.api_key": "s3cret"}))
    sink.open(run)
    for record in whole_run(status):
        sink.write(record)
        sink.flush()
    sink.close()


@pytest.mark.slow
@pytest.mark.parametrize("store", ["folder", "sqlite"])
def test_mlflow_has_the_run(run: RunDirectory, tmp_path: Path, store: str) -> None:
    pytest.importorskip("mlflow")
    if store == "sqlite":
        pytest.importorskip("sqlalchemy")
    (run.samples / "000004_0.mid").write_bytes(b"MThd")
    uri = (run.events / "mlflow" / "store").as_uri() if store == "folder" else f"sqlite:///{tmp_path}/mlflow.db"
    show(run, MlflowSink(tracking_uri=uri, experiment="tiny"))
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    [found] = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.params["optim.lr"] == "0.001"
    assert found.data.params["tracker.api_key"] == "***"
    history = client.get_metric_history(found.info.run_id, "loss/kl")
    assert sorted((point.step, point.value) for point in history) == [(step, 0.125) for step in (1, 2, 3, 4)]
    assert found.data.metrics["epoch/loss/total"] == 0.55
    assert found.data.metrics["sample/notes/0"] == 48
    if store == "folder":
        artifacts = {item.path for item in client.list_artifacts(found.info.run_id)}
        assert artifacts == {"alerts.txt", "samples"}


@pytest.mark.slow
def test_a_resumed_run_is_the_same_run_of_mlflow_and_gets_what_is_new(run: RunDirectory) -> None:
    pytest.importorskip("mlflow")
    records = whole_run("preempted")
    for log in (records, records, [*records, step(5), Record(Kind.END, 5, {}, {"status": "done"}, NOON + 9)]):
        sink = MlflowSink(samples=False)
        sink.open(run)
        for record in log:
            sink.write(record)
        sink.close()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=(run.events / "mlflow" / "store").as_uri())
    [found] = client.search_runs([item.experiment_id for item in client.search_experiments()])
    assert found.info.status == "FINISHED"
    steps = sorted(point.step for point in client.get_metric_history(found.info.run_id, "loss/kl"))
    assert steps == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_a_metric_that_mlflow_refuses_costs_no_other(run: RunDirectory) -> None:
    pytest.importorskip("mlflow")
    names = ["a//b", "/abs", "../up", "x/./y", "tab\there", "loss/total", "", ".", "n" * 300]
    run.config_json.write_text(json.dumps({"a//b": 1, "c": 2}))
    told: list[str] = []
    sink = MlflowSink(samples=False)
    sink.listener = lambda message, level: told.append(message)
    sink.open(run)
    sink.write(Record(Kind.STEP, 1, dict.fromkeys(names, 0.5), {}, NOON))
    sink.write(Record(Kind.STEP, 2, {"loss/total": 0.25, "odd": 0.5}, {}, NOON + 1))
    sink._metrics[-1]._key = "b//a"  # type: ignore[attr-defined]  a server with rules of its own
    sink.close()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=(run.events / "mlflow" / "store").as_uri())
    [found] = client.search_runs([item.experiment_id for item in client.search_experiments()])
    assert found.data.metrics.keys() == {"a/b", "abs", "__/up", "x/_/y", "tab_here", "loss/total", "_", "n" * 250}
    assert found.data.metrics["loss/total"] == 0.25
    assert found.data.params == {"a/b": "1", "c": "2"}
    assert [message.split(" (")[0] for message in told] == ["mlflow refuses 'b//a'"]


TRACKIO = """
import json, sys
from trackio.sqlite_storage import SQLiteStorage
project = SQLiteStorage.get_projects()[0]
[run] = SQLiteStorage.get_runs(project)
print(json.dumps({"project": project, "run": run, "logs": SQLiteStorage.get_logs(project, run)}, default=str))
"""


@pytest.mark.slow
@pytest.mark.two_process
def test_trackio_has_the_run(run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trackio")
    folder = tmp_path / "trackio"
    monkeypatch.setenv("TRACKIO_DIR", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    program = f"""
from pathlib import Path
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.trackio import TrackioSink
from tests.sinks.test_trackers import show
show(RunDirectory(Path({str(run.path)!r})), TrackioSink(project="tiny", folder={str(folder)!r}))
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(
        subprocess.run([sys.executable, "-c", TRACKIO], check=True, capture_output=True, text=True).stdout
    )
    assert found["project"] == "tiny"
    steps = {row["step"]: row["loss/kl"] for row in found["logs"] if "loss/kl" in row}
    assert steps == dict.fromkeys((1, 2, 3, 4), 0.125)
    assert any(row.get("epoch/loss/total") == 0.55 for row in found["logs"])


@pytest.mark.parametrize(("kind", "package"), [(MlflowSink, "mlflow"), (TrackioSink, "trackio")])
def test_a_missing_package_is_said_before_the_run(
    kind: type[Sink], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"aurl.sinks.{package}.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf"logging={package} needs .* pip install 'aurl\[{package}\]'"):
        kind()
