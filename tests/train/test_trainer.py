from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import yaml

from aurl.errors import ConfigError
from aurl.machine.conf import conf_dir
from aurl.train.early_stopping import EarlyStopping
from aurl.train.engine import Engine
from aurl.train.plan import Plan
from aurl.train.sampler import Sampler
from aurl.train.trainer import Trainer


def defaults(*classes: type) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in classes:
        parameters = inspect.signature(one).parameters.values()
        found |= {parameter.name: parameter.default for parameter in parameters}
    return found


def test_the_node_takes_what_plan_and_engine_take_with_their_defaults() -> None:
    assert defaults(Trainer) == defaults(Plan, Engine) | {"early_stopping": None}


@pytest.mark.parametrize(
    ("file", "made", "differs"), [("trainer", Trainer, {"epochs": 8, "early_stopping": ...}), ("sample", Sampler, {})]
)
def test_the_yaml_repeats_the_defaults_of_the_class(file: str, made: type, differs: dict[str, object]) -> None:
    content = yaml.safe_load((Path(conf_dir()) / file / "default.yaml").read_text())
    written = {key: value for key, value in content.items() if key != "_target_"}
    expected = defaults(made)
    assert written.keys() == expected.keys()
    assert {key for key, value in written.items() if value != expected[key]} == differs.keys()


def test_it_makes_plan_and_engine() -> None:
    trainer = Trainer(steps=7, accelerator="cpu", accumulate=3, early_stopping=EarlyStopping(patience=2))
    assert (trainer.plan.steps, trainer.engine.accumulate) == (7, 3)
    assert trainer.early_stopping is not None
    with pytest.raises(ConfigError, match=r"trainer\.epochs=null, trainer\.steps=null"):
        Trainer()
