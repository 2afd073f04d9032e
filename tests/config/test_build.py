from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from aurl.config.build import build, to_plain
from aurl.errors import ConfigError, DataError
from tests.config.parts import Console, Data, Fussy, Model, Open, Sink

MODEL = {"_target_": "tests.config.parts.Model", "width": 4}


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURL_TRUST", "tests")


def test_a_node_becomes_an_object_of_its_class() -> None:
    model = build(MODEL, Model, "model", vocab_size=7)
    assert isinstance(model, Model)
    assert model.arguments == {"vocab_size": 7, "width": 4, "dropout": 0.1, "positions": "rotary"}


def test_what_is_passed_at_run_time_wins() -> None:
    assert build({**MODEL, "dropout": 0.5}, Model, "model", vocab_size=7, dropout=0.2).arguments["dropout"] == 0.2


def test_nested_nodes_are_built_first() -> None:
    node: dict[str, Any] = {
        "_target_": "tests.config.parts.Open",
        "one": {"_target_": "tests.config.parts.Console", "colour": False},
        "many": [{"_target_": "tests.config.parts.Console"}, 3],
        "named": {"_target_": "tests.config.parts.Data", "source": {"_target_": "tests.config.parts.Open"}},
    }
    built = build(node, Open, "node").everything
    assert isinstance(built["one"], Console)
    assert built["one"].colour is False
    assert isinstance(built["many"][0], Console)
    assert isinstance(built["named"], Data)
    assert isinstance(built["named"].source, Open)


def test_containers_of_plain_values_stay_plain() -> None:
    node = {"_target_": "tests.config.parts.Data", "source": "", "extra": {"x": [1, {"y": None}]}}
    built = build(node, Data, "data").extra
    assert built == {"x": [1, {"y": None}]}
    assert type(built) is dict


def test_the_node_is_left_as_it_was() -> None:
    node = {"_target_": "tests.config.parts.Open", "inner": {"_target_": "tests.config.parts.Open"}}
    build(node, Open, "node")
    assert node == {"_target_": "tests.config.parts.Open", "inner": {"_target_": "tests.config.parts.Open"}}


def test_nodes_without_a_target_give_a_dict() -> None:
    built = build(
        {"console": {"_target_": "tests.config.parts.Console"}, "off": None}, Mapping[str, Sink | None], "logging"
    )
    assert isinstance(built["console"], Console)
    assert built["off"] is None
    with pytest.raises(ConfigError, match=r"^logging\.x\._target_: is missing; .* below tests\.config\.parts\.Sink"):
        build({"x": {"colour": True}}, Mapping[str, Sink | None], "logging")


def test_a_partial_waits_for_the_rest() -> None:
    node = {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.5}
    bound = build(node, Callable[..., torch.optim.Optimizer], "optim")
    assert isinstance(bound, partial)
    optimizer = bound([torch.nn.Parameter(torch.zeros(1))])
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_errors_name_the_dotted_path() -> None:
    fussy = {"_target_": "tests.config.parts.Fussy"}
    with pytest.raises(ConfigError, match=r"^data\.source\[1\]: .*Fussy refuses .* cannot have"):
        build({"_target_": "tests.config.parts.Open", "source": [1, fussy]}, Open, "data")
    with pytest.raises(ConfigError, match=r"^model: tests\.config\.parts\.Model refuses .*'widht'"):
        build({**MODEL, "widht": 3}, Model, "model", vocab_size=1)
    with pytest.raises(ConfigError, match=r"^model\._target_: 'os\.system' is not trusted"):
        build({"_target_": "os.system", "command": "true"}, Model, "model")


def test_a_message_that_names_the_path_already_stays_as_it_is() -> None:
    with pytest.raises(ConfigError, match=r"^model\.width=0: needs at least 1$"):
        build({**MODEL, "width": 0}, Model, "model", vocab_size=1)
    with pytest.raises(ConfigError, match=r"^encoder: model\.width=0: needs at least 1$"):
        build({**MODEL, "width": 0}, Model, "encoder", vocab_size=1)


def test_errors_of_other_kinds_pass() -> None:
    with pytest.raises(DataError, match="no such corpus"):
        build({"_target_": "tests.config.parts.Fussy", "how": "data"}, Fussy, "data")
    with pytest.raises(KeyError):
        build({"_target_": "tests.config.parts.Fussy", "how": "key"}, Fussy, "data")


def test_to_plain() -> None:
    config = OmegaConf.create({"a": {"b": [1, 2]}, "c": "${a.b}", "d": "${oc.env:HOME}"})
    plain = to_plain(config)
    assert plain["c"] == [1, 2]
    assert type(plain["c"]) is list
    assert type(plain["a"]) is dict
    with pytest.raises(ConfigError, match=r"c: Interpolation key 'a\.x' not found"):
        to_plain(OmegaConf.create({"a": {}, "c": "${a.x}"}))
    with pytest.raises(ConfigError, match="a"):
        to_plain(OmegaConf.create({"a": "???"}))
