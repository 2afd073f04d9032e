from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from aurl.anomaly.base import Detector, alert
from aurl.anomaly.watch import Watch
from aurl.errors import ConfigError, EventLogError, RunError
from aurl.monitor import Monitor
from aurl.record import Kind, Record, Severity
from aurl.runs.eventlog import read_records
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.memory import MemorySink


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory(tmp_path / "run")
    run.create()
    return run


class Echo(Detector):
    """Alerts whenever the loss is above 1, with the severity it was given."""

    def __init__(self, severity: Severity = Severity.WARNING) -> None:
        self.severity, self.seen = severity, 0

    def observe(self, record: Record) -> Iterable[Record]:
        self.seen += 1
        if record.scalars.get("loss/total", 0.0) > 1.0:
            yield alert(record, "loss_spike", self.severity, "high", metric="loss/total", value=2.0)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


def kinds(run: RunDirectory) -> list[str]:
    return [str(r.kind) for r in read_records(run.path)]


def test_every_record_reaches_the_log_and_every_sink_in_order(run: RunDirectory) -> None:
    sink = MemorySink()
    with Monitor(run, sinks=[sink]) as monitor:
        for step in range(1, 101):
            monitor.step(step, {"loss/total": 1.0 / step}, epoch=1)
        monitor.eval(100, {"val/loss/total": 0.5})
        monitor.note("half-way")
    logged = list(read_records(run.path))
    assert [(r.kind, r.step, dict(r.scalars)) for r in logged] == [
        (r.kind, r.step, dict(r.scalars)) for r in sink.records
    ]
    assert [r.kind for r in logged[-3:]] == [Kind.EVAL, Kind.NOTE, Kind.END]
    assert logged[-1].fields["status"] == "done"
    assert logged[-2].step == 100


def test_a_record_is_in_the_log_when_the_call_returns(run: RunDirectory) -> None:
    monitor = Monitor(run)
    monitor.step(7, {"loss/total": 1.0})
    [record] = read_records(run.path)
    assert (record.step, record.scalars["loss/total"]) == (7, 1.0)
    monitor.close()


def test_alerts_follow_the_record_that_caused_them_and_carry_its_step(run: RunDirectory) -> None:
    sink = MemorySink()
    with Monitor(run, sinks=[sink], watch=Watch({"echo": Echo()})) as monitor:
        monitor.step(1, {"loss/total": 0.5})
        monitor.step(2, {"loss/total": 2.0})
        monitor.step(3, {"loss/total": 0.5})
    assert kinds(run) == ["step", "step", "alert", "step", "end"]
    [found] = [r for r in sink.records if r.kind is Kind.ALERT]
    assert (found.step, found.fields["onset_step"]) == (2, 2)


@pytest.mark.parametrize(
    ("policy", "severity", "stops"),
    [
        ("warn", Severity.FATAL, False),
        ("observe", Severity.FATAL, False),
        ("stop", Severity.WARNING, False),
        ("stop", Severity.CRITICAL, True),
        ("stop", Severity.FATAL, True),
        ("recover", Severity.CRITICAL, False),
        ("recover", Severity.FATAL, False),
    ],
)
def test_the_policy_decides_which_alert_asks_to_stop(
    run: RunDirectory, policy: str, severity: Severity, stops: bool
) -> None:
    with Monitor(run, watch=Watch({"echo": Echo(severity)}), policy=policy) as monitor:
        monitor.step(1, {"loss/total": 2.0})
        assert (monitor.stop_reason is not None) is stops
    assert list(read_records(run.path))[-1].fields["status"] == ("stopped" if stops else "done")


def test_an_unknown_policy_names_those_that_exist(run: RunDirectory) -> None:
    with pytest.raises(ConfigError, match="anomaly.policy=shout: allowed are observe, warn, recover, stop"):
        Monitor(run, policy="shout")


def test_an_error_in_the_loop_is_recorded_and_passes_through(run: RunDirectory) -> None:
    with pytest.raises(ZeroDivisionError), Monitor(run) as monitor:
        monitor.step(1, {"loss/total": 1 / 0})
    end = list(read_records(run.path))[-1]
    assert (end.fields["status"], end.fields["exit_code"]) == ("failed", 1)
    assert "ZeroDivisionError" in str(end.fields["message"])


def test_a_failing_sink_leaves_notes_in_the_log_and_the_run_goes_on(run: RunDirectory) -> None:
    class Broken(Sink):
        def write(self, record: Record) -> None:
            raise OSError("gone")

    sink = MemorySink()
    with Monitor(run, sinks=[Broken(), sink]) as monitor:
        for step in range(1, 20):
            monitor.step(step, {"loss/total": 1.0})
        assert monitor.drain(5)
    logged = list(read_records(run.path))
    notes = [r for r in logged if r.kind is Kind.NOTE]
    assert [r.step for r in logged if r.kind is Kind.STEP] == list(range(1, 20))
    assert len(notes) == 3
    assert "Broken is switched off" in str(notes[-1].fields["message"])
    assert len([r for r in sink.records if r.kind is Kind.STEP]) == 19


def test_eight_threads_lose_nothing(run: RunDirectory) -> None:
    sink = MemorySink()
    with Monitor(run, sinks=[sink], watch=Watch({"echo": Echo()})) as monitor:

        def work(thread: int) -> None:
            for step in range(200):
                monitor.step(step, {"loss/total": 0.5}, thread=thread)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    logged = [(r.fields["thread"], r.step) for r in read_records(run.path) if r.kind is Kind.STEP]
    assert sorted(logged) == [(thread, step) for thread in range(8) for step in range(200)]
    assert [(r.fields["thread"], r.step) for r in sink.records if r.kind is Kind.STEP] == logged


def test_an_old_memory_of_the_detectors_begins_anew_with_a_note(run: RunDirectory) -> None:
    monitor = Monitor(run, watch=Watch({"echo": Echo()}))
    monitor.load_state_dict({"detectors": {"echo": {"seen": 5}}, "contexts": {}, "incidents": {}})  # no version
    assert monitor.watch.detectors["echo"].seen == 0  # type: ignore[attr-defined]
    monitor.close()
    [note] = [record for record in read_records(run.path) if record.kind is Kind.NOTE]
    assert "begin anew" in str(note.fields["message"])


def test_detectors_keep_their_memory_over_a_resume(run: RunDirectory) -> None:
    first = Monitor(run, watch=Watch({"echo": Echo()}))
    first.step(1, {"loss/total": 0.5})
    state = json.loads(json.dumps(first.state_dict()))
    first.close()
    second = Monitor(run, watch=Watch({"echo": Echo(), "new": Echo()}))
    second.load_state_dict(state)
    assert second.watch.detectors["echo"].seen == 1  # type: ignore[attr-defined]
    assert second.watch.detectors["new"].seen == 0  # type: ignore[attr-defined]
    second.close()


def test_a_full_disk_is_told_once_and_its_end_too(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = MemorySink()
    monitor = Monitor(run, sinks=[sink])
    real, full = os.write, True

    def write(fd: int, data: bytes) -> int:
        if full:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    for step in range(1, 6):
        monitor.step(step, {"loss/total": 1.0})
    full = False
    monitor.step(6, {"loss/total": 1.0})
    monitor.close()
    messages = [str(r.fields["message"]) for r in sink.records if r.kind is Kind.NOTE]
    assert len(messages) == 2
    assert "No space left on device" in messages[0]
    assert "none was lost" in messages[1]
    assert [r.step for r in read_records(run.path) if r.kind is Kind.STEP] == [1, 2, 3, 4, 5, 6]


def test_two_monitors_on_one_run_are_refused(run: RunDirectory) -> None:
    monitor = Monitor(run)
    with pytest.raises(RunError, match="this very process writes to this run"):
        Monitor(run)
    monitor.close()


def test_tensors_are_taken_as_they_are(run: RunDirectory) -> None:
    torch = pytest.importorskip("torch")
    with Monitor(run) as monitor:
        monitor.step(1, {"loss/total": torch.tensor(0.25), "lr": 0.1, "loss/kl": torch.tensor(float("nan"))})
    record = next(read_records(run.path))
    assert list(record.scalars) == ["loss/total", "lr", "loss/kl"]
    assert record.scalars["loss/total"] == 0.25
    assert math.isnan(record.scalars["loss/kl"])


def test_open_makes_a_whole_run_directory(tmp_path: Path) -> None:
    import aurl

    folder = tmp_path / "mine"
    with aurl.Monitor.open(folder, logging=["tensorboard"], anomaly={"zscore": 3}, tags=["try"], epochs=2) as monitor:
        for step in range(1, 4):
            monitor.step(step, {"loss/total": 1.0, "grad/norm": 0.5})
    with aurl.Monitor.open(folder, resume=True, logging=[], anomaly="off") as monitor:
        monitor.step(4, {"loss/total": 1.0})
    info = json.loads((folder / "run.json").read_text())
    assert info["status"] == "done"
    assert info["summary"]["loss/total"]["count"] == 4
    assert "[INFO]" in (folder / "logs" / "train.log").read_text()
    assert list((folder / "events" / "tensorboard").iterdir())
    assert [r.step for r in read_records(folder) if r.kind is Kind.STEP] == [1, 2, 3, 4]


def test_a_resume_keeps_what_the_run_was_called_and_tried(tmp_path: Path) -> None:
    first = {"name": "mine", "tags": ["paper"], "config": {"optim.lr": 0.1}}
    with Monitor.open(tmp_path / "a", logging=[], **first) as monitor:
        monitor.step(1, {"loss/total": 1.0})
    with Monitor.open(tmp_path / "a", logging=[], resume=True) as monitor:
        monitor.step(2, {"loss/total": 1.0})
    info = json.loads((tmp_path / "a" / "run.json").read_text())
    assert {key: info[key] for key in first} == first
    starts = [record.fields["name"] for record in read_records(tmp_path / "a", kinds=[Kind.START])]
    assert starts == ["mine", "mine"]
    with Monitor.open(tmp_path / "a", logging=[], resume=True, name="other", tags=["b"], config={}) as monitor:
        monitor.step(3, {"loss/total": 1.0})
    info = json.loads((tmp_path / "a" / "run.json").read_text())
    assert (info["name"], info["tags"], info["config"]) == ("other", ["b"], {})


def test_open_refuses_what_does_not_exist_before_it_writes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="logging=tensorbord: no such option. Did you mean 'tensorboard'?"):
        Monitor.open(tmp_path / "a", logging="tensorbord")
    with pytest.raises(ConfigError, match="anomaly.zscor: no such key. Did you mean 'zscore'?"):
        Monitor.open(tmp_path / "a", anomaly={"zscor": 3})
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
@pytest.mark.two_process
def test_a_program_that_forgets_to_close_still_has_an_end(tmp_path: Path) -> None:
    program = f"""
import aurl
monitor = aurl.Monitor.open({str(tmp_path / "run")!r}, logging=[])
monitor.step(1, {{"loss/total": 1.0}})
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    end = list(read_records(tmp_path / "run"))[-1]
    assert (end.kind, end.fields["status"]) == (Kind.END, "failed")


def test_open_takes_sinks_of_your_own(tmp_path: Path) -> None:
    sink = MemorySink()
    with Monitor.open(tmp_path / "run", logging=["tensorboard", sink], anomaly="off") as monitor:
        monitor.step(1, {"loss/total": 1.0})
    assert [r.kind for r in sink.records if r.kind is not Kind.SYSTEM] == [Kind.START, Kind.STEP, Kind.END]


def test_a_disk_full_at_close_spills_the_last_records(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monitor = Monitor(run)
    monitor.step(1, {"loss/total": 1.0})

    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    def ruined(*args: object) -> None:
        raise RuntimeError("no parquet either")

    monkeypatch.setattr(os, "write", full)
    monkeypatch.setattr("aurl.runs.row_groups.write_parquet", ruined)
    with pytest.raises(EventLogError, match="append them"):
        monitor.close()
    monkeypatch.undo()
    [spilled] = tmp_path.glob("aurl-*-records.jsonl")
    assert b'"kind":"end"' in spilled.read_bytes()


def test_the_environment_of_an_opened_run_is_in_its_run_json(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "run", logging=[], anomaly="off"):
        pass
    document = json.loads((tmp_path / "run" / "run.json").read_text())
    assert document["python"] == ".".join(map(str, sys.version_info[:3]))
    assert document["cpu"]["cores"] == os.cpu_count()
    assert {"git", "host", "aurl", "platform", "ram_gb", "gpus", "job"} <= document.keys()
