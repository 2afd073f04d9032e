"""Logs written by the trackers themselves, read back."""

from __future__ import annotations

from pathlib import Path

import pytest

import aurl
from aurl.lint.folders import logs_in
from aurl.lint.opening import open_log
from tests.lint.files import records, series


def test_torch_summary_writer(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(100):
            writer.add_scalar("train/loss", 1 / (step + 1), step)
            writer.add_scalar("train/lr", 0.1, step, new_style=True)
            writer.add_text("note", "0.5", step)
            if step % 10 == 9:
                writer.add_scalar("val/acc", 0.5, step // 10)
                writer.add_scalars("Loss", {"val": 2.0}, step)
    assert logs_in(tmp_path) == [tmp_path]
    found = records(tmp_path)
    assert series(found, "loss/total") == [(step, pytest.approx(1 / (step + 1))) for step in range(100)]
    assert series(found, "lr")[0] == (0, pytest.approx(0.1))
    assert series(found, "val/loss/total") == [(step, 2.0) for step in range(9, 100, 10)]
    assert series(found, "val/accuracy") == [(step, 0.5) for step in range(9, 100, 10)], "logged by epoch"


def test_two_runs_of_a_script_into_one_tensorboard_folder(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    for first, value in ((0, 1.0), (30, 2.0)):
        with SummaryWriter(str(tmp_path)) as writer:
            for step in range(first, first + 50):
                writer.add_scalar("loss", value, step)
                writer.add_scalar("lr", 0.1, step)
    log = open_log(tmp_path)
    found = list(log.records())
    assert series(found, "loss/total") == [(step, 1.0 if step < 30 else 2.0) for step in range(80)]
    assert len(series(found, "lr")) == 80
    assert log.notes == [
        "restarted: the step goes back at row 101 from step 49 to 30; 40 rows superseded by it are left out"
    ]


def test_aurl_s_own_tensorboard_sink_says_what_the_event_log_says(tmp_path: Path) -> None:
    with aurl.Monitor.open(tmp_path / "run", logging=["tensorboard"], anomaly="off") as monitor:
        for step in range(1, 30):
            monitor.step(step, {"loss/total": 1 / step, "grad/norm": 0.5, "lr": 0.25})
        monitor.eval(29, {"val/loss/total": 2.0})
    own, events = records(tmp_path / "run"), records(tmp_path / "run/events/tensorboard")
    for scalar in ("loss/total", "grad/norm", "lr", "val/loss/total"):
        assert series(events, scalar) == [(step, pytest.approx(value)) for step, value in series(own, scalar)]
        assert series(own, scalar)


@pytest.mark.slow
def test_lightning_csv_logger(tmp_path: Path) -> None:
    from lightning.fabric.loggers import CSVLogger

    logger = CSVLogger(str(tmp_path), flush_logs_every_n_steps=10)
    for step in range(60):
        logger.log_metrics({"train_loss": 1 / (step + 1), "lr-Adam": 0.1}, step)
        if step % 20 == 19:
            logger.log_metrics({"val_loss": float("nan") if step == 59 else 2.0, "epoch": step // 20}, step)
    logger.finalize("success")
    (path,) = logs_in(tmp_path)
    found = records(path)
    assert series(found, "loss/total") == [(step, 1 / (step + 1)) for step in range(60)]
    assert series(found, "lr") == [(step, 0.1) for step in range(60)]
    assert [step for step, _ in series(found, "val/loss/total")] == [19, 39, 59]
    assert str(series(found, "val/loss/total")[-1][1]) == "nan"
