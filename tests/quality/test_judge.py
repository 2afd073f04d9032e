"""Quality in the loop: real small trainings."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from tests.conftest import Trainer


def quality(run: Path, scope: str) -> list[Record]:
    return [r for r in read_records(run) if r.kind == Kind.QUALITY and r.fields["scope"] == scope]


def test_every_sample_is_scored_and_every_evaluation_summed_up(train: Trainer) -> None:
    run = train("run", "trainer.epochs=2", "sample.count=1", "sample.scored=3").folder
    samples, evaluations = quality(run, "sample"), quality(run, "evaluation")
    assert [(r.step, r.fields["slot"]) for r in samples] == [(5, 0), (5, 1), (5, 2), (10, 0), (10, 1), (10, 2)]
    assert [r.step for r in evaluations] == [5, 10]
    assert all("synthetic" in str(r.fields["profile"]) or "mixed" in str(r.fields["profile"]) for r in evaluations)
    for record in evaluations:
        mean = record.scalars["quality/mean/overall"]
        assert 0 <= record.scalars["quality/ci_low"] <= mean <= record.scalars["quality/ci_high"] <= 1
        assert record.scalars["quality/samples"] == 3
        assert 0 <= record.scalars["quality/mean/valid_tokens"] <= 1
    kept = [r for r in read_records(run) if r.kind == Kind.SAMPLE]
    assert [r.fields["slot"] for r in kept] == [0, 0], "samples beyond sample.count leave no file"


def test_quality_chooses_the_best_checkpoint_and_ends_the_run(train: Trainer) -> None:
    outcome = train(
        "run",
        "trainer.epochs=6",
        "checkpoint.metric=quality/mean/overall",
        "trainer.early_stopping.metrics=[quality/mean/overall]",
        "trainer.early_stopping.patience=1",
        "trainer.early_stopping.min_delta=2",
    )
    assert outcome.message.startswith("early stopping")
    means = [r.scalars["quality/mean/overall"] for r in quality(outcome.folder, "evaluation")]
    assert outcome.value == max(means)
    [first, *_] = [r for r in read_records(outcome.folder) if r.kind == Kind.CHECKPOINT]
    assert first.fields["value"] == means[0]


def test_loss_and_quality_together_choose_by_their_weighted_sum(train: Trainer) -> None:
    weights = "checkpoint.combine={val/loss/total: 1.0, quality/mean/overall: -0.5}"
    run = train("run", "trainer.epochs=2", weights).folder
    losses = [r.scalars["val/loss/total"] for r in read_records(run) if r.kind == Kind.EVAL]
    means = [r.scalars["quality/mean/overall"] for r in quality(run, "evaluation")]
    saved = [r.fields for r in read_records(run) if r.kind == Kind.CHECKPOINT]
    assert [fields["value"] for fields in saved] == pytest.approx(
        [loss - 0.5 * mean for loss, mean in zip(losses, means, strict=True)]
    )
    assert saved[0]["metric"] == "1 * val/loss/total + -0.5 * quality/mean/overall"


def test_off_scores_nothing(train: Trainer) -> None:
    run = train("run", "trainer.epochs=1", "quality=off").folder
    assert quality(run, "sample") == quality(run, "evaluation") == []
    assert [r.fields["slot"] for r in read_records(run) if r.kind == Kind.SAMPLE] == [0]


def test_the_log_names_the_profile_with_every_score(train: Trainer) -> None:
    run = train("run", "trainer.epochs=1").folder
    lines = [line for line in (run / "logs" / "train.log").read_text().splitlines() if "[INFO] [quality]" in line]
    assert len(lines) == 3
    assert all("(like " in line for line in lines)
