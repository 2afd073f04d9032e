from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aurl.cli import main
from aurl.errors import RunError
from aurl.monitor import Monitor
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.memory import MemorySink
from aurl.sinks.replay import replay
from aurl.sinks.tensorboard.sink import TensorBoardSink


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run that was resumed from step 30 after it had got to 40."""
    path = tmp_path / "outputs" / "mine"
    with Monitor.open(path, logging=["tensorboard"]) as monitor:
        for step in range(1, 41):
            monitor.step(step, {"loss/total": 1 / step})
    with Monitor.open(path, logging=["tensorboard"], resumed_from=30) as monitor:
        for step in range(31, 61):
            monitor.step(step, {"loss/total": 2 / step})
        monitor.note("half-way")
    return path


def points(folder: Path) -> list[tuple[int, float]]:
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return [(event.step, round(event.value, 6)) for event in accumulator.Scalars("loss/total")]


def test_tensorboard_is_built_anew_and_twice_gives_the_same(finished: Path) -> None:
    folder = finished / "events" / "tensorboard"
    live = points(folder)
    for file in folder.iterdir():
        file.unlink()
    (folder / "events.out.tfevents.0000000001.host.1.0").write_bytes(b"torn")
    done = replay(finished, TensorBoardSink())
    assert done.replaced == [folder]
    assert done.records == len(list(read_records(finished)))
    assert points(folder) == live
    assert [step for step, _ in live] == list(range(1, 61))
    replay(finished, TensorBoardSink())
    assert points(folder) == live
    assert len(list(folder.iterdir())) == 1
    assert not (finished / "events" / ".replay").exists()


def test_the_sink_sees_the_run_as_it_is_but_for_its_events(finished: Path) -> None:
    (finished / "samples" / "000010_0.mid").write_bytes(b"MThd")
    seen: dict[str, object] = {}

    class Looking(MemorySink):
        def open(self, run: RunDirectory) -> None:
            seen["id"] = run.id
            seen["sample"] = (run.samples / "000010_0.mid").read_bytes()
            seen["events"] = list(run.events.iterdir())

    assert replay(finished, Looking()).replaced == []
    assert seen == {"id": "mine", "sample": b"MThd", "events": []}


class Failing(Sink):
    def open(self, run: RunDirectory) -> None:
        self.file = run.events / "tensorboard"
        self.file.mkdir()

    def write(self, record: Record) -> None:
        if record.kind is Kind.NOTE:
            raise ConnectionError("the tracker is away")


def test_a_sink_that_fails_replaces_nothing(finished: Path) -> None:
    before = {file.name: file.read_bytes() for file in (finished / "events" / "tensorboard").iterdir()}
    with pytest.raises(ConnectionError):
        replay(finished, Failing())
    assert {file.name: file.read_bytes() for file in (finished / "events" / "tensorboard").iterdir()} == before
    assert not (finished / "events" / ".replay").exists()


def test_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "live", logging=[]) as monitor:
        monitor.drain()
        with pytest.raises(RunError, match="still goes on"):
            replay(tmp_path / "live", MemorySink())
    with pytest.raises(RunError, match="no event log"):
        replay(tmp_path, MemorySink())


def test_the_command(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "replay",
        str(finished.parent),
        "logging=[tensorboard]",
        "logging.tensorboard.flush_seconds=0",
        "--json",
    ]
    assert main(arguments) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["sink"] == "tensorboard"
    assert line["replaced"] == [os.fspath(finished / "events" / "tensorboard")]
    assert line["records"] > 70


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which sink?"),
        (["logging=tensorbord"], "did you mean 'tensorboard'"),
        (["logging=tensorboard", "logging.tensorboard.flush=1"], "Keys of tensorboard: flush_seconds"),
        (["logging=tensorboard", "logging.wandb.mode=online"], "no such sink chosen"),
        (["logging=tensorboard", "logging.tensorboard.flush_seconds=-1"], "needs at least 0"),
    ],
)
def test_a_wrong_argument_is_told_at_once(
    finished: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["replay", str(finished), *arguments]) == 2
    assert message.lower() in capsys.readouterr().err.lower()
