from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.config.signatures import signature_of
from aurl.config.validate import Fault, check, validate
from aurl.errors import ConfigError
from tests.config.parts import NODES, PROVIDED, Model

MODEL = {"_target_": "tests.config.parts.Model", "width": 4}
GOOD: dict[str, Any] = {
    "name": "x",
    "seed": 1,
    "tags": ["a"],
    "model": MODEL,
    "trainer": {"epochs": None, "lr": 1, "precision": "bf16", "early": {"metrics": {"val/loss": "min"}}},
    "logging": {"console": {"_target_": "tests.config.parts.Console"}},
}


def faults(config: dict[str, Any]) -> list[str]:
    return [fault.key for fault in validate(config, PROVIDED, NODES)]


def test_a_sound_config_has_no_faults() -> None:
    assert faults(GOOD) == []
    check(GOOD, PROVIDED, NODES)


def test_all_faults_come_at_once_and_in_order() -> None:
    config = {
        **GOOD,
        "seed": "x",
        "model": {**MODEL, "width": None, "widht": 1},
        "trainer": {"epoch": 1, "early": {"patience": "long"}},
        "logging": {"console": {"_target_": "tests.config.parts.Consol"}},
    }
    assert faults(config) == [
        "seed",
        "model.width",
        "model.widht",
        "trainer.epoch",
        "trainer.early.patience",
        "logging.console._target_",
    ]
    with pytest.raises(ConfigError, match=r"^6 faults in the config:\n  1\. seed=x"):
        check(config, PROVIDED, NODES)


def test_a_fault_prints_as_its_message() -> None:
    assert str(Fault("a.b", "a.b: is wrong.")) == "a.b: is wrong."


def test_nested_nodes_and_lists_of_nodes_are_checked() -> None:
    open_node = {"_target_": "tests.config.parts.Open", "inner": [{"deep": {**MODEL, "width": "x"}}]}
    assert [fault.key for fault in validate({"data": open_node}, {"data.inner[[]0].deep": ["vocab_size"]})] == [
        "data.inner[0].deep.width"
    ]


def test_what_is_provided_is_found_by_path_pattern_and_target() -> None:
    config = {"nets": {"one": MODEL, "two": MODEL}}
    assert [fault.key for fault in validate(config)] == ["nets.one.vocab_size", "nets.two.vocab_size"]
    assert validate(config, {"nets.*": ["vocab_size"]}) == []
    assert validate(config, {"tests.config.parts.Model": ["vocab_size"]}) == []


def test_a_partial_may_lack_arguments_but_not_misname_them() -> None:
    node = {"_target_": "tests.config.parts.Model", "_partial_": True}
    assert validate({"model": node}) == []
    assert [fault.key for fault in validate({"model": {**node, "widht": 3}})] == ["model.widht"]


def test_keys_of_hydra_instantiate_that_aurl_does_not_know_are_refused() -> None:
    node = {"_target_": "tests.config.parts.Open", "_recursive_": False, "_args_": [1]}
    assert [fault.key for fault in validate({"x": node})] == ["x._recursive_", "x._args_"]


def test_a_class_of_torch_is_checked_too() -> None:
    node = {"_target_": "torch.optim.AdamW", "lr": 1e-3, "beta": [0.9, 0.95], "amsgrad": "yes"}
    assert [fault.key for fault in validate({"optim": node}, {"optim": ["params"]})] == ["optim.beta", "optim.amsgrad"]


def test_without_a_table_other_keys_are_left_alone() -> None:
    assert validate({"trainer": {"whatever": 3}, "model": MODEL}, PROVIDED) == []


def test_annotations_for_type_checkers_only_are_skipped() -> None:
    signature = signature_of(Model)
    assert signature is not None
    assert signature.annotations["unknown"] is Any
    assert signature.annotations["width"] is int
    assert signature.required == {"vocab_size", "width"}


def test_the_parameters_of_an_inherited_constructor_resolve_in_its_own_module() -> None:
    class Child(Model):
        pass

    signature = signature_of(Child)
    assert signature is not None
    assert signature.annotations["note"] == (str | None)


def test_a_callable_without_a_signature_is_not_checked() -> None:
    assert signature_of(torch.relu) is None or signature_of(torch.relu)
    assert validate({"f": {"_target_": "torch.relu", "anything": 1}}) == []


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["_target_", "model", "width", "trainer", "early", "metrics", "seed", ""]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_plain_config_gives_faults_and_no_crash(config: object) -> None:
    for fault in validate({"model": MODEL, "trainer": config, "seed": config}, PROVIDED, NODES):
        assert fault.key.split(".")[0].split("[")[0] in {"model", "trainer", "seed", "name"}
        assert fault.problem.startswith(fault.key)
