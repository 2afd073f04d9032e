from __future__ import annotations

import math
from pathlib import Path

import pytest

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.console.tally import Tally, Track
from tests.sinks.conftest import whole_run


def rows(run: RunDirectory, records: list[Record]) -> list[tuple[str, str]]:
    tally = Tally()
    for record in records:
        tally.observe(record)
    return tally.rows(run, records[-1])


def test_the_summary_of_a_run(run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (run.events / "tensorboard").mkdir()
    assert rows(run, whole_run()) == [
        ("status", "done: all epochs"),
        ("steps", "4 in 2h 15min"),
        ("loss/total", "0.55, best 0.55 at step 4"),
        ("loss/recon", "0.45"),
        ("loss/kl", "0.125"),
        ("loss/aux", "3"),
        ("val/loss/total", "0.6, best 0.6 at step 4"),
        ("val/accuracy", "0.44, best 0.44 at step 4"),
        ("quality/mean/overall", "0.7, best 0.7 at step 4"),
        ("alerts", "loss_spike 3"),
        ("samples", "1"),
        ("checkpoints", "1"),
        ("run", "outputs/tiny/2026-01-01_00-00-00_ab12"),
        ("next", "aurl runs outputs/tiny"),
        ("next", "aurl dashboard outputs/tiny"),
        ("next", "tensorboard --logdir outputs/tiny/2026-01-01_00-00-00_ab12"),
    ]


def test_quality_is_told_with_its_profile(run: RunDirectory) -> None:
    about = {"scope": "evaluation", "profile": "chorales, 4 bars"}
    told = rows(run, [Record(Kind.QUALITY, 9, {"quality/mean/overall": 0.4}, about), Record(Kind.END, 9)])
    assert ("quality/mean/overall", "0.4, best 0.4 at step 9, like chorales, 4 bars") in told


@pytest.mark.parametrize("status", ["preempted", "failed", "stopped"])
def test_an_unfinished_run_tells_how_to_resume(run: RunDirectory, status: str) -> None:
    assert ("next", f"aurl train resume={run.path}") in rows(run, whole_run(status))


def test_without_a_checkpoint_there_is_nothing_to_resume(run: RunDirectory) -> None:
    records = [record for record in whole_run("failed") if record.kind is not Kind.CHECKPOINT]
    assert "resume" not in str(rows(run, records))
    (run.checkpoints / "latest").mkdir()  # of an earlier session
    assert "resume" in str(rows(run, records))


def test_commands_are_quoted_for_the_shell_and_for_hydra(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "0_seed=1,optim.lr=3 x")
    assert ("next", f"aurl train 'resume=\"{run.path}\"'") in rows(run, whole_run("failed"))


def test_the_best_checkpoint_is_named(run: RunDirectory) -> None:
    best = Record(Kind.CHECKPOINT, 3, fields={"path": "checkpoints/step_3", "best": True})
    assert ("checkpoints", "2, best checkpoints/step_3") in rows(run, [best, *whole_run()])


@pytest.mark.parametrize(
    ("better", "best", "best_step"), [("lower", 1.0, 2), ("higher", 3.0, 3), ("neither", math.nan, 0)]
)
def test_the_best_is_the_first_to_reach_its_value_and_never_nan(better: str, best: float, best_step: int) -> None:
    track = Track()
    for number, value in enumerate([math.nan, 2.0, 1.0, 3.0, 1.0, 3.0, math.nan]):
        track.add(value, number, better)
    assert math.isnan(track.last)
    assert (track.best, track.best_step) == pytest.approx((best, best_step), nan_ok=True)
