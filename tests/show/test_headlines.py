from __future__ import annotations

import math

import pytest

from aurl.record import Kind, Record
from aurl.show.headlines import headline, level
from tests.sinks.conftest import whole_run


def test_each_record_is_one_sentence() -> None:
    told = {str(record.kind): headline(record) for record in whole_run("preempted")}
    assert told == {
        "start": "Run ab12 started: vae_gan, 3,670,000 parameters, cpu, 3 epochs of 4 batches",
        "system": "",
        "step": "Step 4: learning rate 0.0003, gradient norm 1.5, 5120 tokens/s",
        "alert": "loss_spike at step 4: loss/total is 9, 6 deviations above its mean (3 times since the last report) "
        "Cause: learning rate too high Try: lower optim.lr; clip gradients",
        "data": "Data after epoch 1: 900 tokens",
        "sample": "Sample at step 4: 48 notes, 8 bars",
        "quality": "Quality at step 4: overall 0.7",
        "eval": "Validation at step 4: validation next-token accuracy 44.00%",
        "epoch": "Epoch 1 complete",
        "checkpoint": "Checkpoint checkpoints/step_00000004 saved at step 4: epoch",
        "note": "sink lost",
        "end": "Run preempted after 4 steps in 2h 15min: all epochs",
    }


def test_a_resumed_start_and_a_best_checkpoint_say_so() -> None:
    assert headline(Record(Kind.START, 9, fields={"run": "x", "resumed_from": 9})) == "Run x resumed from step 9"
    best = {"path": "c", "best": True, "reason": "best", "metric": "val/loss/total", "value": 0.25}
    assert headline(Record(Kind.CHECKPOINT, 9, fields=best)).endswith("best, val/loss/total 0.25, the best so far")


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (Kind.ALERT, {"severity": "info"}, "INFO"),
        (Kind.ALERT, {"severity": "warning"}, "WARNING"),
        (Kind.ALERT, {"severity": "critical"}, "ERROR"),
        (Kind.ALERT, {"severity": "fatal"}, "CRITICAL"),
        (Kind.ALERT, {}, "WARNING"),
        (Kind.NOTE, {"level": "debug"}, "DEBUG"),
        (Kind.NOTE, {"level": "shouting"}, "INFO"),
        (Kind.END, {"status": "done"}, "INFO"),
        (Kind.END, {"status": "failed"}, "ERROR"),
        (Kind.STEP, {}, "INFO"),
    ],
)
def test_levels(kind: Kind, fields: dict[str, str], expected: str) -> None:
    assert level(Record(kind, 1, fields=fields)) == expected


def test_odd_values_do_not_break_a_sentence() -> None:
    record = Record(Kind.STEP, 1, {"lr": "?", "grad/norm": math.nan, "throughput/tokens": 10**400})  # type: ignore[dict-item]
    assert headline(record) == "Step 1: learning rate nan, gradient norm nan, inf tokens/s"
    assert headline(Record(Kind.NOTE, 1)) == "-"
    assert headline(Record("of a later version", 1)) == ""
