from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.config.validate import Fault, check, validate
from aurl.errors import ConfigError
from aurl.machine.signatures import signature_of
from tests.config.parts import Model, Root

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
    return [fault.key for fault in validate(config, Root)]


def test_a_sound_config_has_no_faults() -> None:
    assert faults(GOOD) == []
    check(GOOD, Root)


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
        check(config, Root)


def test_a_fault_prints_as_its_message() -> None:
    assert str(Fault("a.b", "a.b: is wrong.")) == "a.b: is wrong."


def found(**nodes: Any) -> list[str]:
    return faults({"name": "x", **nodes})


def test_nested_nodes_and_lists_of_nodes_are_checked() -> None:
    inner = {"_target_": "tests.config.parts.Console", "colour": "x"}
    assert found(data={"_target_": "tests.config.parts.Open", "inner": [inner]}) == ["data.inner[0].colour"]
    nested = {"_target_": "tests.config.parts.Data", "source": {"_target_": "tests.config.parts.Open", "_args_": 1}}
    assert found(data=nested) == ["data.source._args_"]


def test_what_aurl_passes_itself_must_not_be_in_the_config() -> None:
    [fault] = validate({"name": "x", "model": {**MODEL, "vocab_size": 3}}, Root)
    assert str(fault) == "model.vocab_size: is set by aurl itself when it builds model; remove it."


def test_a_partial_may_lack_arguments_but_not_misname_them() -> None:
    node = {"_target_": "torch.optim.SGD", "_partial_": True}
    assert found(optim=node) == []
    assert found(optim={**node, "widht": 3}) == ["optim.widht"]


def test_keys_of_hydra_instantiate_that_aurl_does_not_know_are_refused() -> None:
    node = {"_target_": "tests.config.parts.Open", "_recursive_": None, "_args_": None}
    assert found(data=node) == ["data._recursive_", "data._args_"]


def test_a_class_of_torch_is_checked_where_its_kind_is_expected() -> None:
    node = {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 1e-3, "beta": [0.9, 0.95], "amsgrad": "yes"}
    assert found(optim=node) == ["optim.beta", "optim.amsgrad"]
    assert found(model={"_target_": "torch.optim.AdamW"}) == ["model._target_"]


def test_a_node_without_a_target_is_of_the_class_that_its_place_expects() -> None:
    assert found(trainer={"epochs": 3}) == []
    assert found(logging={"mine": {"colour": True}}) == ["logging.mine._target_"]  # a Sink is abstract


GADGETS = [
    "torch.utils.collect_env.run",
    "torch.hub.load",
    "torch.load",
    "torch.serialization.load",
    "torch.utils.cpp_extension.load",
    "torch._inductor.codecache.run_command_and_check",
    "torch.jit.load",
    "torch.distributed.run.main",
    "aurl.cli.main",
    "aurl.machine.git.subprocess.run",
    "aurl.machine.env.subprocess.Popen",
    "aurl.config.build.build",
    "aurl.sinks.worker.Apart.open",
    "os.system",
    "subprocess.Popen",
    "builtins.exec",
]


@pytest.mark.parametrize("target", GADGETS)
def test_nothing_but_the_expected_kind_may_be_named_anywhere(target: str) -> None:
    node = {"_target_": target, "command": "touch /nowhere"}
    places = {
        "logging.x._target_": {"logging": {"x": node}},
        "model._target_": {"model": node},
        "model.width._target_": {"model": {**MODEL, "width": node}},
        "data._target_": {"data": node},
        "data.source._target_": {"data": {"_target_": "tests.config.parts.Data", "source": node}},
        "data.splits[0]._target_": {"data": {"_target_": "tests.config.parts.Data", "source": "", "splits": [node]}},
        "optim._target_": {"optim": node},
        "trainer.lr._target_": {"trainer": {"lr": node}},
        "trainer.early.metrics.x._target_": {"trainer": {"early": {"metrics": {"x": node}}}},
        "name._target_": {"name": node},
    }
    for key, config in places.items():
        assert key in faults({"name": "x", **config}), key


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
    for fault in validate({"model": MODEL, "trainer": config, "seed": config}, Root):
        assert fault.key.split(".")[0].split("[")[0] in {"model", "trainer", "seed", "name"}
        assert fault.problem.startswith(fault.key)
