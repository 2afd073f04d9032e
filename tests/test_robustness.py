"""A training whose logging is maltreated learns what it would have learnt alone, and its log lacks nothing."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from aurl.monitor import Monitor
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.listing import read_run
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.runfile import RunFile
from aurl.sinks.tensorboard.sink import TensorBoardSink
from aurl.sinks.textlog import LINE, TextLog

STEPS = 60


def train(monitor: Monitor | None, during: Callable[[int], None] = lambda _step: None) -> list[float]:
    """The losses of a small real training."""
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    for step in range(1, STEPS + 1):
        during(step)
        x = torch.randn(16, 8)
        loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if monitor is not None:
            monitor.step(step, {"loss/total": loss, "lr": 0.01})
    return losses


def logged(run: Path) -> list[float]:
    return [record.scalars["loss/total"] for record in read_records(run) if record.kind is Kind.STEP]


def opened(path: Path, *more: Sink) -> Monitor:
    run = RunDirectory(path)
    run.create()
    sinks = [TextLog(every=1), RunFile({"id": "hurt"}, every=0.01), TensorBoardSink(flush_seconds=0), *more]
    return Monitor(run, sinks=sinks)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    filler = small_disk / "filler"

    def during(step: int) -> None:
        if step == 20:
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        if step == 45:
            filler.unlink()

    with opened(small_disk / "run") as monitor:
        losses = train(monitor, during)
    assert losses == train(None)
    assert logged(small_disk / "run") == losses
    notes = [record.fields["message"] for record in read_records(small_disk / "run") if record.kind is Kind.NOTE]
    assert any("No space left on device" in str(note) for note in notes)
    assert any("none was lost" in str(note) for note in notes)
    assert (small_disk / "run" / "logs" / "train.log").read_text().count("Step ") == STEPS
    assert read_run(small_disk / "run").status == "done"


class Hurt(Sink):
    """Does what a bad tracker does."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.free = threading.Event()

    def write(self, record: Record) -> None:
        if self.how == "fails":
            raise ConnectionError("the tracker is away")
        if self.how == "hangs":
            self.free.wait()
        if self.how == "is slow":
            time.sleep(0.005)


@pytest.mark.parametrize("how", ["fails", "hangs", "is slow"])
def test_a_sink_that(how: str, tmp_path: Path) -> None:
    sink = Hurt(how)
    with opened(tmp_path / "run", sink) as monitor:
        losses = train(monitor)
        assert logged(tmp_path / "run") == losses  # at once, whatever the sinks do
        sink.free.set()
    assert losses == train(None)
    assert logged(tmp_path / "run") == losses
    assert (tmp_path / "run" / "logs" / "train.log").read_text().count("Step ") == STEPS


def test_a_clock_that_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    shift = 0.0
    monkeypatch.setattr(time, "time", lambda: real() + shift)

    def during(step: int) -> None:
        nonlocal shift
        if step == 30:
            shift = -3 * 86_400.0

    with opened(tmp_path / "run") as monitor:
        losses = train(monitor, during)
    assert losses == train(None)
    assert logged(tmp_path / "run") == losses
    accumulator = EventAccumulator(str(tmp_path / "run" / "events" / "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    assert [event.step for event in accumulator.Scalars("loss/total")] == list(range(1, STEPS + 1))


def test_ten_thousand_names_and_ten_megabytes(tmp_path: Path) -> None:
    names = {f"layer_{number}/weight": float(number) for number in range(10_000)}
    with opened(tmp_path / "run") as monitor:
        monitor.step(1, names)
        for step in range(2, 12):  # and each step other ones
            monitor.step(step, {f"sometimes/{step}": 1.0})
        monitor.note("x" * 10_000_000)
        monitor.step(12, names)
    records = list(read_records(tmp_path / "run"))
    assert [len(record.scalars) for record in records if record.step in (1, 12) and record.kind is Kind.STEP] == [
        10_000
    ] * 2
    assert max(len(str(record.fields.get("message", ""))) for record in records) == 10_000_000
    assert len(read_run(tmp_path / "run").summary) >= 10_010


def test_names_and_values_that_would_forge_lines(tmp_path: Path) -> None:
    hostile = "a\nb\r\x1b[2J\u202e\x00\ud800\u2028[2031-01-01 00:00:00.000] [INFO] [run] forged"
    with opened(tmp_path / "run") as monitor:
        monitor.step(1, {f"loss/{hostile}": 1.0, "loss/Тональность": 2.0})
        monitor.note(hostile, module=hostile)
        monitor.say(Kind.SAMPLE, 1, path=hostile)
    lines = (tmp_path / "run" / "events" / "records.jsonl").read_bytes().count(b"\n")
    assert lines == len(list(read_records(tmp_path / "run")))
    for line in (tmp_path / "run" / "logs" / "train.log").read_text().splitlines():
        assert any(pattern.fullmatch(line) for pattern in LINE.values()), line
        assert not line.startswith("[2031-01-01")
        assert line.isprintable()


def test_two_runs_at_once_keep_apart(tmp_path: Path) -> None:
    def run(name: str) -> None:
        with opened(tmp_path / name) as monitor:
            for step in range(1, 301):
                monitor.step(step, {f"loss/{name}": float(step)})

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("one", "two"):
        steps = [record for record in read_records(tmp_path / name) if record.kind is Kind.STEP]
        assert [record.scalars for record in steps] == [{f"loss/{name}": float(step)} for step in range(1, 301)]


def test_fast_writing_with_many_rotations(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.create()
    with Monitor(run, sinks=[TextLog(every=1, max_bytes=20_000, backups=1000)]) as monitor:
        for step in range(1, 3001):
            monitor.step(step, {"loss/total": 1.0})
    packed = sorted(run.logs.glob("*.gz"), key=lambda file: -int(file.name.split(".")[2]))
    text = "".join([*(gzip.decompress(file.read_bytes()).decode() for file in packed), run.train_log.read_text()])
    assert [int(step) for step in re.findall(r"Step (\d+)", text)] == list(range(1, 3001))
    assert len(packed) > 3


@pytest.mark.slow
@pytest.mark.two_process
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_a_directory_that_becomes_read_only(tmp_path: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from tests.test_robustness import opened, train
import polars, tensorboard  # what the run imports later lies in folders that nobody may read
train(opened(Path(sys.argv[1]) / "before"))
os.setgid(65534); os.setuid(65534)
run = Path(sys.argv[1]) / "run"
def during(step):
    if step == 30:
        for folder in (run, *run.rglob("*")):
            if folder.is_dir():
                folder.chmod(0o555)
with opened(run) as monitor:
    print(*train(monitor, during))
"""
    place = Path(tempfile.mkdtemp(prefix="aurl-read-only-"))  # pytest's own folders are closed to others
    place.chmod(0o777)
    try:
        arguments = [sys.executable, "-c", program, place]
        done = subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        losses = [float(value) for value in done.stdout.split()]
        assert losses == train(None)
        assert logged(place / "run") == losses
    finally:
        shutil.rmtree(place)
