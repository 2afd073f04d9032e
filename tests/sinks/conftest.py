"""A run directory and a small but complete run, as the training loop tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory

NOON = 1_790_000_000.0
LOSSES = {"loss/kl": 0.125, "loss/total": 0.575, "loss/recon": 0.45, "loss/aux": 3.0}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "outputs" / "tiny" / "2026-01-01_00-00-00_ab12")
    directory.create()
    return directory


def step(number: int, *, batches: int = 4, **fields: object) -> Record:
    """A STEP record with every scalar that the loop gives it."""
    scalars = {**LOSSES, "grad/norm": 1.5, "lr": 3e-4, "time/step": 0.1, "time/data": 0.02, "throughput/tokens": 5120.0}
    place = {"epoch": 1 + (number - 1) // batches, "epochs": 3, "batch": 1 + (number - 1) % batches, "batches": batches}
    told = {**place, "files": 800, "augmented": 300, "eta": 8100.0, "eta_low": 7200.0, "eta_high": 9600.0, **fields}
    return Record(Kind.STEP, number, scalars, told, NOON + number)  # type: ignore[arg-type]


def whole_run(status: str = "done") -> list[Record]:
    """One record of every kind at least."""
    start = {"run": "ab12", "epochs": 3, "batches": 4, "model": "vae_gan", "parameters": 3_670_000, "device": "cpu"}
    alert = {
        "type": "loss_spike",
        "severity": "critical",
        "message": "loss/total is 9, 6 deviations above its mean",
        "cause": "learning rate too high",
        "suggestions": ["lower optim.lr", "clip gradients"],
        "count": 3,
    }
    sample = {"path": "samples/000004_0.mid", "slot": 0}
    return [
        Record(Kind.START, 0, fields=start, time=NOON),
        Record(Kind.SYSTEM, 0, {"system/ram_gb": 8.5, "system/gpu_used_gb": 3.2, "system/gpu_total_gb": 4.0}, {}, NOON),
        *(step(number) for number in range(1, 5)),
        Record(Kind.ALERT, 4, fields=alert, time=NOON + 4),
        Record(Kind.DATA, 4, {"data/files": 4, "data/tokens": 900}, {"files": 4, "augmented": 1, "epoch": 1}, NOON + 4),
        Record(Kind.SAMPLE, 4, {"sample/notes": 48, "sample/bars": 8}, sample, NOON + 4),
        Record(Kind.QUALITY, 4, {"quality/mean/overall": 0.7}, {}, NOON + 4),
        Record(Kind.EVAL, 4, {"val/loss/total": 0.6, "val/accuracy": 0.44}, {"epoch": 1, "epochs": 3}, NOON + 4),
        Record(
            Kind.EPOCH, 4, {"loss/total": 0.55, "time/epoch": 44.0}, {"epoch": 1, "files": 8, "augmented": 3}, NOON + 5
        ),
        Record(Kind.CHECKPOINT, 4, fields={"path": "checkpoints/step_00000004", "reason": "epoch"}, time=NOON + 6),
        Record(Kind.NOTE, 4, fields={"message": "sink lost", "level": "error", "module": "monitor"}, time=NOON + 6),
        Record(
            Kind.END, 4, {"time/total": 8100.0}, {"status": status, "exit_code": 0, "message": "all epochs"}, NOON + 7
        ),
    ]
