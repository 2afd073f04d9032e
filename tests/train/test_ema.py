from __future__ import annotations

from typing import Any

import pytest
import torch

from aurl.errors import ConfigError
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.train import checkpoint
from aurl.train.ema import EMA
from tests.conftest import Trainer


class Engine:
    def __init__(self) -> None:
        self.model = torch.nn.Linear(1, 1, bias=False)


class Training:
    def __init__(self) -> None:
        self.engine, self.step = Engine(), 0


def begun(decay: float) -> tuple[EMA, Any]:
    training: Any = Training()
    part = EMA(decay=decay)
    torch.nn.init.constant_(training.engine.model.weight, 0.0)
    part.begin(training)
    return part, training


def test_the_average_follows_its_formula() -> None:
    part, training = begun(0.5)
    expected = 0.0
    for step, value in enumerate([1.0, 4.0, 2.0], 1):
        torch.nn.init.constant_(training.engine.model.weight, value)
        training.step = step
        part.after_step({})
        decay = min(0.5, (1 + step) / (10 + step))
        expected += (1 - decay) * (value - expected)
    assert float(part.tensors()["weight"]) == pytest.approx(expected)


def test_the_average_stands_in_while_the_model_is_judged_and_only_then() -> None:
    part, training = begun(0.9)
    weight = training.engine.model.weight
    torch.nn.init.constant_(weight, 8.0)
    training.step = 1
    part.after_step({})
    average = float(part.tensors()["weight"])
    with pytest.raises(RuntimeError, match="broken"), part.evaluating():
        assert float(weight) == pytest.approx(average)
        raise RuntimeError("broken")
    assert float(weight) == 8.0
    assert float(part.tensors()["weight"]) == pytest.approx(average)


@pytest.mark.parametrize("decay", [0.0, 1.0, -1.0, float("nan")])
def test_a_decay_out_of_range(decay: float) -> None:
    with pytest.raises(ConfigError, match=r"parts\.ema\.decay"):
        EMA(decay=decay)


def scalars(outcome: Any, kind: Kind) -> list[dict[str, float]]:
    return [dict(record.scalars) for record in read_records(outcome.folder) if record.kind is kind]


def test_a_run_with_an_average_trains_as_one_without_and_resumes_to_the_same(train: Trainer) -> None:
    plan = ("model=transformer", "trainer.steps=8", "trainer.eval_every=4")
    plain, averaged = train("plain", *plan), train("averaged", *plan, "parts=ema")
    losses = [[step["loss/total"] for step in scalars(run, Kind.STEP)] for run in (plain, averaged)]
    assert losses[0] == losses[1]
    judged = [[one["val/loss/total"] for one in scalars(run, Kind.EVAL)] for run in (plain, averaged)]
    assert judged[0] != judged[1]
    first = averaged.folder / "checkpoints" / "step_00000004"
    assert checkpoint.read_state(first)["step"] == 4
    again = train("averaged", *plan, "parts=ema", f"resume='{first}'")
    assert scalars(again, Kind.EVAL)[-1]["val/loss/total"] == judged[1][-1]
