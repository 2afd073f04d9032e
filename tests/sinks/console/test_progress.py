from __future__ import annotations

from aurl.record import Kind, Record
from aurl.sinks.console.progress import progress
from tests.sinks.conftest import step


def test_it_says_where_training_stands() -> None:
    now = progress(step(2), {"system/ram_gb": 8.5, "system/gpu_used_gb": 3.2, "system/gpu_total_gb": 4.0})
    assert now.share == 0.5
    assert str(now) == (
        "Epoch 1/3, batch 2/4, total 0.575, recon 0.45, kl 0.125, aux 3, lr 0.0003, 5120 tokens/s, "
        "waiting for data 20%, GPU 3.20GB/4.00GB, RAM 8.50GB, ETA 2h 15min (2h-2h 40min)"
    )


def test_what_is_unknown_is_left_out() -> None:
    now = progress(Record(Kind.STEP, 7, {"loss/total": 1.0, "time/step": 0.0, "time/data": 0.0}), {})
    assert (str(now), now.share) == ("Step 7, total 1", None)
    assert progress(Record(Kind.STEP, 7, {}, {"batch": 0, "batches": 0}), {}).share is None


def test_a_measured_waiting_share_is_taken_as_it_is() -> None:
    record = Record(Kind.STEP, 1, {"time/data_share": 0.25, "time/data": 1.0, "time/step": 1.0})
    assert progress(record, {}).details == ("waiting for data 25%",)
