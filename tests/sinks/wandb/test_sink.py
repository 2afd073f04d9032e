"""Real offline runs of the package wandb, read back from its own file; servers that refuse, fail and hang."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
import wave
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from wandb.proto import wandb_internal_pb2

from aurl.errors import ConfigError
from aurl.formats.wandb_file import entries
from aurl.monitor import Monitor
from aurl.music.corpus import load_chorales
from aurl.music.midi_writer import write_midi
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.rundir import RunDirectory
from aurl.show.pianoroll import write_piano_roll
from aurl.sinks.wandb.sink import WandbSink
from tests.conftest import Trainer
from tests.sinks.wandb_server import WandbServer

pytestmark = [pytest.mark.slow, pytest.mark.two_process]
KEY = "0123456789" * 4


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))


def directory(folder: Path) -> RunDirectory:
    run = RunDirectory(folder)
    run.create()
    about = {"v": 1, "name": "chorales", "started": 1.5, "tags": ["one"], "git": {"sha": "abc"}, "argv": ["train.py"]}
    run.run_json.write_text(json.dumps(about))
    run.config_json.write_text(json.dumps({"optim.lr": 1e-3, "seed": 1, "tracker.api_key": "s3cret"}))
    return run


def add_sample(run: RunDirectory) -> dict[str, Any]:
    notes = load_chorales().test[0].window(0, 2)
    write_midi(notes, run.samples / "000005_0.mid")
    write_piano_roll(notes, run.samples / "000005_0.png")
    with wave.open(str(run.samples / "000005_0.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    files = {key: f"samples/000005_0.{suffix}" for key, suffix in (("path", "mid"), ("image", "png"), ("audio", "wav"))}
    return {**files, "slot": 0, "mode": "prior", "seed": 7}


def told(run: RunDirectory, sink: WandbSink, *, steps: range = range(1, 6), status: str | None = "done") -> None:
    monitor = Monitor(run, sinks=[sink])
    monitor.say(Kind.START, 0, run=run.id, model="Vae", resumed_from=None)
    monitor.say(Kind.DATA, 0, corpus="chorales", fingerprint="f00", pieces=3)
    for step in steps:
        monitor.step(step, {"loss/total": 1 / step, "grad/norm": math.nan if step == 3 else 1.0}, epoch=1)
    monitor.say(Kind.SYSTEM, 5, {"system/ram_gb": 2.5})
    monitor.eval(5, {"val/loss/total": 0.5})
    fields = {"type": "loss_spike", "message": "it jumped", "cause": "rate", "suggestions": ["lower optim.lr"]}
    monitor.say(Kind.ALERT, 5, severity="critical", **fields)
    monitor.say(Kind.ALERT, 5, severity="info", type="loss_plateau", message="flat")
    monitor.say(Kind.SAMPLE, 5, {"sample/notes": 3.0}, **add_sample(run))
    monitor.say(Kind.QUALITY, 5, {"quality/overall": 0.4}, scope="sample", slot=0)
    monitor.say(Kind.QUALITY, 5, {"quality/mean/overall": 0.4}, scope="evaluation")
    folder = run.checkpoints / "step_00000005"
    folder.mkdir(exist_ok=True)
    (folder / "weights.bin").write_bytes(b"w" * 100)
    monitor.say(Kind.CHECKPOINT, 5, path="checkpoints/step_00000005", best=True, reason="epoch")
    monitor.say(Kind.EPOCH, 5, {"loss/total": 0.4}, epoch=1)
    if status:
        monitor.close(status, "because")


def read(run: RunDirectory) -> dict[str, list[Any]]:
    found = defaultdict(list)
    for path in sorted(run.events.glob("wandb/*run-*/run-*.wandb")):
        for entry in entries(path, lambda _at, why: None if "torn" in why else pytest.fail(why)):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(entry)
            kind = record.WhichOneof("record_type")
            found[kind].append(getattr(record, kind))
    return found


def rows(found: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [
        {".".join(item.nested_key or [item.key]): json.loads(item.value_json) for item in history.item}
        for history in found["history"]
    ]


def notes(run: RunDirectory) -> str:
    return "\n".join(str(record.fields["message"]) for record in read_records(run.path) if record.kind is Kind.NOTE)


def left_running(run: RunDirectory) -> list[psutil.Process]:
    """Processes of this run's sink, and the services that they started."""
    return [process for process in psutil.process_iter() if str(run.events) in environment(process)]


def environment(process: psutil.Process) -> str:
    try:
        return process.environ().get("WANDB_DATA_DIR", "") if "wandb" in process.name() else ""
    except psutil.Error:
        return ""


def summary(found: dict[str, list[Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in found["summary"]:
        for item in part.update:
            values["/".join(item.nested_key or [item.key])] = json.loads(item.value_json)
    return values


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunDirectory, dict[str, list[Any]]]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WANDB_API_KEY", "WANDB_MODE"):
            patch.delenv(name, raising=False)
        patch.setenv("NETRC", "/none")
        run = directory(tmp_path_factory.mktemp("outputs") / "chorales" / "sweeps" / "2026-01-01_00-00-00" / "0_seed=1")
        (run.path / "git.diff").write_text("+ new line\n")
        told(run, WandbSink())
        yield run, read(run)


def test_a_metric_that_wandb_refuses_costs_no_other(tmp_path: Path) -> None:
    run = directory(tmp_path / "run")
    with Monitor(run, sinks=[WandbSink()]) as monitor:
        for step in (1, 2):
            monitor.step(step, {"loss/total": 0.5, "step": 99.0, "_timestamp": 1.0, "a*b": 2.0})
    told = rows(read(run))
    assert [(row["step"], row["loss/total"], row["a*b"]) for row in told if "loss/total" in row] == [
        (1, 0.5, 2.0),
        (2, 0.5, 2.0),
    ]
    assert notes(run).count("no metric can be called 'step'") == 1
    assert "failed to write" not in notes(run)


def test_the_run_is_named_grouped_and_configured_without_its_secrets(whole: Any) -> None:
    run, found = whole
    [told] = found["run"]
    assert told.display_name == "chorales 0_seed=1"
    assert told.project == "chorales"
    assert told.run_group == "chorales 2026-01-01_00-00-00"
    assert list(told.tags) == ["one"]
    assert told.git.commit == "abc"
    config = {item.key: json.loads(item.value_json) for item in told.config.update}
    assert config["optim"] == {"lr": 1e-3}
    assert config["tracker"] == {"api_key": "***"}
    later = {
        item.key or item.nested_key[0]: json.loads(item.value_json) for part in found["config"] for item in part.update
    }
    assert later["start"]["model"] == "Vae"
    assert b"s3cret" not in b"".join(path.read_bytes() for path in run.events.rglob("*") if path.is_file())


def test_every_scalar_is_a_row_at_its_own_step_and_time(whole: Any) -> None:
    run, found = whole
    table = rows(found)
    written = [record for record in read_records(run.path) if record.kind is Kind.STEP]
    losses = {row["step"]: row for row in table if "loss/total" in row}
    assert {step: row["loss/total"] for step, row in losses.items()} == {n: 1 / n for n in range(1, 6)}
    assert [losses[record.step]["_timestamp"] for record in written] == [record.time for record in written]
    assert math.isnan(losses[3]["grad/norm"])
    assert [row["_step"] for row in table] == list(range(len(table)))
    names = {name for row in table for name in row}
    assert {"system/ram_gb", "val/loss/total", "quality/mean/overall", "epoch/loss/total", "time/total"} <= names


def test_axes_and_summaries_follow_the_table_of_scalars(whole: Any) -> None:
    _, found = whole
    metrics = {metric.name or metric.glob_name: metric for metric in found["metric"]}
    assert metrics["*"].step_metric == "step"
    assert metrics["loss/total"].summary.min
    assert metrics["quality/mean/overall"].summary.max
    assert "grad/norm" not in metrics
    values = summary(found)
    assert values["loss/total"] == {"min": 0.2, "last": 0.2}
    assert values["val/loss/total"] == {"min": 0.5, "last": 0.5}
    assert values["status"] == "done"


def test_alerts_from_warning_on_are_sent_and_all_are_listed(whole: Any) -> None:
    run, found = whole
    [alert] = found["alert"]
    assert (alert.title, alert.level) == ("loss_spike at step 5", "ERROR")
    assert alert.text == "it jumped\nCause: rate\n- lower optim.lr"
    [table] = run.events.glob("wandb/*/files/media/table/log/alerts*.json")
    assert [row[1] for row in json.loads(table.read_text())["data"]] == ["loss_spike", "loss_plateau"]


def test_samples_are_a_table_with_picture_sound_quality_and_an_artifact_with_midi(whole: Any) -> None:
    run, found = whole
    [media] = [artifact for artifact in found["artifact"] if artifact.name.endswith("-samples")]
    [table] = [entry.local_path for entry in media.manifest.contents if entry.path == "samples.table.json"]
    content = json.loads(Path(table).read_text())
    [row] = (dict(zip(content["columns"], row, strict=True)) for row in content["data"])
    assert row["piano roll"]["_type"] == "image-file"
    assert row["sound"]["_type"] == "audio-file"
    assert (row["quality/overall"], row["sample/notes"], row["step"], row["slot"]) == (0.4, 3.0, 5, 0)
    [artifact] = [artifact for artifact in found["artifact"] if artifact.type == "samples"]
    files = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
    assert files == {"000005_0.mid": run.samples / "000005_0.mid"}
    assert all(Path(entry.local_path).is_file() for entry in media.manifest.contents)
    assert set(artifact.aliases) == {"latest", "step-5"}


def test_checkpoints_corpus_and_code_are_kept_with_their_lineage(whole: Any) -> None:
    run, found = whole
    by_type = {artifact.type: artifact for artifact in found["artifact"]}
    assert set(by_type["model"].aliases) == {"best", "latest", "step-5"}
    assert [entry.path for entry in by_type["model"].manifest.contents] == ["weights.bin"]
    assert by_type["dataset"].use_after_commit
    assert json.loads(by_type["dataset"].metadata)["fingerprint"] == "f00"
    [diff] = run.events.glob("wandb/*/files/diff.patch")
    assert diff.read_text() == "+ new line\n"
    assert {file.path for part in found["files"] for file in part.files} >= {"diff.patch"}


def test_custom_charts_are_drawn(whole: Any) -> None:
    _, found = whole
    charts = [item.nested_key[2] for part in found["config"] for item in part.update if "visualize" in item.nested_key]
    assert set(charts) >= {"charts/losses", "charts/quality"}


def test_nothing_is_left_running_and_nothing_is_known_of_the_machine(whole: Any) -> None:
    run, found = whole
    assert [exit_.exit_code for exit_ in found["exit"]] == [0]
    assert not left_running(run)
    assert not found["stats"]
    assert not found["output_raw"]
    assert not list(run.events.rglob("wandb-metadata.json"))
    assert "wandb sync" in notes(run)


@pytest.mark.parametrize(("status", "code", "preempting"), [("failed", 1, 0), ("preempted", 75, 1)])
def test_the_ending_is_told(tmp_path: Path, status: str, code: int, preempting: int) -> None:
    run = directory(tmp_path / "run")
    told(run, WandbSink(samples=False, checkpoints="none"), status=status)
    found = read(run)
    assert [exit_.exit_code for exit_ in found["exit"]] == [code]
    assert len(found["preempting"]) == preempting
    assert summary(found)["message"] == "because"


def test_a_log_shown_again_adds_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    run = directory(tmp_path / "run")
    told(run, WandbSink(samples=False, checkpoints="none"))
    records = list(read_records(run.path))
    before = rows(read(run))
    again = WandbSink(samples=False, checkpoints="none")
    again.open(run)
    for record in records:
        again.write(record)
    again.close()
    assert rows(read(run)) == before
    later = WandbSink(samples=False, checkpoints="none")
    later.open(run)
    for record in [*records, Record(Kind.STEP, 6, {"loss/total": 0.1}, {}, time.time())]:
        later.write(record)
    later.close()
    found = read(run)
    added = rows(found)[len(before) :]
    assert added[0]["step"] == 6
    assert [row["_step"] for row in rows(found)] == list(range(len(before) + len(added)))
    assert len({told.run_id for told in found["run"]}) == 1


def test_best_checkpoints_survive_their_deletion_by_the_run(tmp_path: Path) -> None:
    run = directory(tmp_path / "run")
    sink = WandbSink(samples=False, checkpoints="best")
    folder = run.checkpoints / "step_00000001"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"w")
    sink.open(run)
    sink.write(Record(Kind.CHECKPOINT, 1, {}, {"path": "checkpoints/step_00000001", "best": True}, time.time()))
    (folder / "weights.bin").unlink()
    sink.close()
    [artifact] = [artifact for artifact in read(run)["artifact"] if artifact.type == "model"]
    assert Path(artifact.manifest.contents[0].local_path).read_bytes() == b"w"


@pytest.fixture(params=["500", "hang", "refused"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "refused":
        yield "http://127.0.0.1:9"
        return
    with WandbServer(request.param, at_once=True)() as server:
        yield server.url


def test_a_server_that_fails_costs_nothing_but_the_upload(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    run = directory(tmp_path / "run")
    began = time.monotonic()
    told(run, WandbSink(init_seconds=3, samples=False))
    assert time.monotonic() - began < 45
    found = read(run)
    assert [row["loss/total"] for row in rows(found) if "loss/total" in row] == [1 / n for n in range(1, 6)]
    assert [exit_.exit_code for exit_ in found["exit"]] == [0]
    assert "written offline. Send it later: wandb sync" in notes(run)
    assert KEY not in notes(run)
    assert not list(run.events.glob("wandb/run-*"))
    assert not left_running(run)


def test_a_server_that_hangs_longer_than_the_patience_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = directory(tmp_path / "run")
    with WandbServer("hang", at_once=True)() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        began = time.monotonic()
        told(run, WandbSink(init_seconds=60, finish_seconds=2))
        assert time.monotonic() - began < 15
    assert "sink WandbSink did not finish within 2 s" in notes(run)
    assert not left_running(run)


@pytest.mark.parametrize("later", ["answer", "hang"])
def test_with_a_key_the_run_is_sent_and_what_a_server_fails_to_take_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    run = directory(tmp_path / "run")
    with WandbServer(later)() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        began = time.monotonic()
        told(run, WandbSink(samples=False, checkpoints="none", init_seconds=3, finish_seconds=7))
        assert time.monotonic() - began < 25
    assert "UpsertBucket" in server.requests
    if later == "answer":
        assert any(name.endswith("/file_stream") for name in server.requests)
        assert "NotifyScriptableRunAlert" in server.requests
    found = read(run)
    assert [row["loss/total"] for row in rows(found) if "loss/total" in row] == [1 / n for n in range(1, 6)]
    assert f"wandb: {server.url}/me/chorales/runs/theirs" in notes(run)
    assert not left_running(run)


PROGRAM = """
import sys, time
from pathlib import Path
from aurl.runs.rundir import RunDirectory
from aurl.sinks.wandb.sink import WandbSink
from tests.sinks.wandb.test_sink import told
told(RunDirectory(Path(sys.argv[1])), WandbSink(samples=False, checkpoints="none"), status=None)
print("ready", flush=True)
time.sleep(60)
"""


def test_a_killed_run_is_complete_and_marked_as_crashed(tmp_path: Path) -> None:
    run = directory(tmp_path / "run")
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(run.path)], stdout=subprocess.PIPE, cwd=root) as program:
        assert program.stdout is not None
        program.stdout.readline()
        program.kill()
        program.stdout.read()
    wait_for(lambda: bool(read(run)["exit"]))
    found = read(run)
    assert [exit_.exit_code for exit_ in found["exit"]] == [1]
    assert sum("loss/total" in row for row in rows(found)) == 5
    assert summary(found)["status"] == "crashed"


def wait_for(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)


def test_a_training_without_network_is_written_and_says_what_is_missing(
    train: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AURL_WEBHOOK_URL", raising=False)
    outcome = train("run", "logging=[tensorboard,wandb]", "notify=webhook", "trainer.epochs=1")
    run = RunDirectory(outcome.folder)
    assert outcome.status == "done"
    assert "notify=webhook: the variable AURL_WEBHOOK_URL is not set; export AURL_WEBHOOK_URL=" in notes(run)
    steps = [record for record in read_records(run.path) if record.kind is Kind.STEP]
    found = rows(read(run))
    assert [row["step"] for row in found if "loss/total" in row] == [record.step for record in steps]
    assert [row["loss/total"] for row in found if "loss/total" in row] == [
        record.scalars["loss/total"] for record in steps
    ]


def test_in_a_loop_of_your_own(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "mine", logging=["wandb"], notify=["webhook"], config={"lr": 0.1}) as monitor:
        monitor.step(1, {"loss/total": 1.0})
    found = read(RunDirectory(tmp_path / "mine"))
    [told] = found["run"]
    assert {item.key: item.value_json for item in told.config.update}["lr"] == "0.1"
    assert [row["loss/total"] for row in rows(found) if "loss/total" in row] == [1.0]


def test_a_missing_package_is_said_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurl.sinks.wandb.sink.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'aurl\[wandb\]', or choose logging=tensorboard"):
        WandbSink()
