from __future__ import annotations

import math

import pytest

from aurl.errors import ConfigError
from aurl.train.early_stopping import EarlyStopping


def run(stopping: EarlyStopping, losses: list[float], name: str = "val/loss/total") -> list[bool]:
    return [stopping.update({name: loss}) is not None for loss in losses]


def test_stops_after_so_many_evaluations_without_improvement() -> None:
    stopping = EarlyStopping(metrics=["val/loss/total:min"], patience=2)
    assert run(stopping, [3, 2, 2.5, 1.9, 2.0, 1.95, 1.0]) == [False, False, False, False, False, True, False]


def test_nan_counts_as_no_improvement() -> None:
    stopping = EarlyStopping(metrics=["val/loss/total"], patience=2)
    assert run(stopping, [1.0, math.nan, math.nan]) == [False, False, True]


def test_any_of_several_metrics_keeps_the_run_alive() -> None:
    stopping = EarlyStopping(metrics=["val/loss/total", "quality/overall:max"], patience=1)
    assert stopping.update({"val/loss/total": 1.0, "quality/overall": 0.1}) is None
    assert stopping.update({"val/loss/total": 2.0, "quality/overall": 0.2}) is None
    reason = stopping.update({"val/loss/total": 2.0, "quality/overall": 0.15})
    assert reason == "no improvement in 1 evaluations (best: val/loss/total 1, quality/overall 0.2)"


def test_an_improvement_must_exceed_min_delta() -> None:
    stopping = EarlyStopping(metrics=["val/loss/total:min"], patience=1, min_delta=0.1)
    assert run(stopping, [1.0, 0.95]) == [False, True]


def test_without_patience_it_never_stops() -> None:
    assert not any(run(EarlyStopping(metrics=["val/loss/total:min"]), [1.0] * 50))


def test_memory_survives_a_resume() -> None:
    first = EarlyStopping(metrics=["val/loss/total:min"], patience=2)
    run(first, [1.0, 2.0])
    second = EarlyStopping(metrics=["val/loss/total:min"], patience=2)
    second.load_state_dict(first.state_dict())
    assert run(second, [2.0]) == [True]


@pytest.mark.parametrize("bad", [{"patience": 0}, {"min_delta": -1}, {"metrics": ["a:up"]}, {"metrics": ["lr"]}])
def test_values_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        EarlyStopping(**bad)  # type: ignore[arg-type]
