from __future__ import annotations

import math

import orjson

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.bests import MOST, Bests


def evaluation(step: int, **scalars: float) -> Record:
    return Record(Kind.EVAL, step, {name.replace("_", "/"): value for name, value in scalars.items()})


def test_the_best_of_each_scalar_goes_by_its_own_direction() -> None:
    bests = Bests()
    for step, (loss, accuracy) in enumerate([(3.0, 0.1), (1.0, 0.4), (2.0, 0.3)]):
        bests.take(evaluation(step, val_loss_total=loss, val_accuracy=accuracy, val_loss_kl=loss))
    assert bests.scalars() == {"best/val/loss/total": 1.0, "best/val/accuracy": 0.4}
    assert list(bests.seen) == ["val/loss/total", "val/accuracy", "val/loss/kl"]


def test_a_value_that_is_not_finite_is_never_the_best() -> None:
    bests = Bests()
    bests.take(evaluation(1, val_loss_total=math.nan))
    assert bests.scalars() == {}
    bests.take(evaluation(2, val_loss_total=2.0))
    bests.take(evaluation(3, val_loss_total=-math.inf))
    assert bests.scalars() == {"best/val/loss/total": 2.0}


def test_of_quality_only_what_is_known_and_of_a_whole_evaluation_counts() -> None:
    bests = Bests()
    bests.take(Record(Kind.QUALITY, 1, {"quality/overall": 0.9}, {"slot": 0}))
    bests.take(Record(Kind.QUALITY, 1, {"quality/mean/overall": 0.5, "quality/mean/x": 0.7, "quality/band_low": 0.4}))
    bests.take(Record(Kind.STEP, 1, {"loss/total": 0.5}))
    assert bests.scalars() == {"best/quality/mean/overall": 0.5}


def test_a_resumed_run_goes_on_from_its_run_json(run: RunDirectory) -> None:
    assert Bests.of(run).scalars() == {}
    summary = {"val/loss/total": {"best": 0.5}, "val/accuracy": {"best": None}}
    run.run_json.write_bytes(orjson.dumps({"summary": summary}))
    bests = Bests.of(run)
    bests.take(evaluation(9, val_loss_total=2.0, val_accuracy=0.25))
    assert bests.scalars() == {"best/val/loss/total": 0.5, "best/val/accuracy": 0.25}


def test_the_names_kept_are_limited() -> None:
    bests = Bests()
    bests.take(Record(Kind.EVAL, 1, {f"val/loss/{number}": 1.0 for number in range(3 * MOST)}))
    assert len(bests.seen) == MOST
