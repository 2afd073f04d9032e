"""The runs that benchmarks/dashboard.py looks at, for aurl and for TensorBoard the same numbers."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurl.formats.tfrecord import frame
from aurl.machine import process
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile
from aurl.sinks.tensorboard import events as tfevents

NAMES = (
    "loss/total", "loss/recon", "loss/kl", "loss/adv", "loss/disc", "grad/norm", "lr", "time/step", "time/data",
    "throughput/samples", "throughput/tokens", "kl/beta",
)  # fmt: skip
SPIKES, SPIKE = 50, 40.0
"""One-step spikes in the first scalar, and how far they rise above values that stay under 20."""
_BLOCK = 10_000


def long_run(folder: Path, steps: int, *, peers: Path | None = None) -> None:
    """One run of 12 scalars a step; with `peers` the same as a tfevents file."""
    if (folder / "run.json").is_file():
        return
    shutil.rmtree(folder, ignore_errors=True)
    values, times = curves(steps, seed=1), 1.7e9 + 0.05 * np.arange(steps, dtype=np.float64)
    RunDirectory(folder).create()
    with (folder / "events" / "records.jsonl").open("wb") as file:
        for lines in _lines(values, times):
            file.write(lines)
    if peers is not None:
        peers.mkdir(parents=True, exist_ok=True)
        with (peers / "events.out.tfevents.1700000000.host.1.0").open("wb") as file:
            file.write(frame(tfevents.file_version(float(times[0]))))
            for step, (moment, row) in enumerate(zip(times.tolist(), values.tolist(), strict=True), 1):
                file.write(frame(tfevents.scalars(moment, step, zip(NAMES, row, strict=True))))
    finish(folder, steps, {"loss/total": float(values[-1, 0])})


def many_runs(root: Path, count: int, steps: int) -> None:
    """Short runs that differ in learning rate, size and seed."""
    for number in range(count):
        folder = root / f"sweep{number % 10}" / f"run_{number:04d}"
        if (folder / "run.json").is_file():
            continue
        RunDirectory(folder).create()
        values, times = curves(steps, seed=number, spikes=0), 1.7e9 + 60.0 * number + np.arange(steps, dtype=np.float64)
        (folder / "events" / "records.jsonl").write_bytes(b"".join(_lines(values, times)))
        config = {"optim.lr": [1e-4, 3e-4, 1e-3][number % 3], "model.size": ["tiny", "small"][number % 2]}
        config |= {f"other.key{key}": key for key in range(150)}
        (folder / "config.json").write_text(json.dumps(config | {"seed": number}))
        finish(folder, steps, {name: float(values[-1, place]) for place, name in enumerate(NAMES)})


def curves(steps: int, seed: int, spikes: int = SPIKES) -> NDArray[np.float64]:
    """Noisy falling curves, float64 [steps, 12], with spikes of one step in the first."""
    rng = np.random.default_rng(seed)
    falling = 4 * np.exp(-np.linspace(0, 5, steps))[:, None] + np.arange(1, 13) / 4
    values: NDArray[np.float64] = falling + rng.normal(size=(steps, 12)) * 0.3
    values[rng.choice(steps, spikes, replace=False), 0] += SPIKE
    return values.round(6)


def begin(folder: Path, **document: Any) -> RunFile:
    """A run that says it is running, in this process."""
    run = RunDirectory(folder)
    run.create()
    sink = RunFile({"id": folder.name, "name": "live", "process": process.identity(), **document})
    sink.open(run)
    return sink


def finish(folder: Path, steps: int, scalars: dict[str, float]) -> None:
    """Its `run.json`, as of a run that is done."""
    sink = RunFile({"id": folder.name, "name": folder.parent.name, "seed": 1})
    sink.open(RunDirectory(folder))
    sink.write(Record(Kind.STEP, steps, scalars))
    sink.write(Record(Kind.END, steps, fields={"status": "done", "exit_code": 0}, time=time.time()))
    sink.close()


def line(step: int, row: list[float], moment: float) -> bytes:
    """A STEP record as the training loop writes it."""
    fields: dict[str, Any] = {"epoch": step // 10_000 + 1, "epochs": 100, "batch": step % 10_000 + 1, "batches": 10_000}
    fields |= {"files": 8 * step, "augmented": 3 * step, "eta": 123.4, "eta_low": 120.0, "eta_high": 130.0}
    return encode(Record(Kind.STEP, step, dict(zip(NAMES, row, strict=True)), fields, moment))


def _lines(values: NDArray[np.float64], times: NDArray[np.float64]) -> Iterator[bytes]:
    for first in range(0, len(values), _BLOCK):
        rows, moments = values[first : first + _BLOCK].tolist(), times[first : first + _BLOCK].tolist()
        numbered = enumerate(zip(rows, moments, strict=True), first + 1)
        yield b"".join(line(step, row, moment) for step, (row, moment) in numbered)
