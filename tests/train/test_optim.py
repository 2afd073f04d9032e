from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from aurl.errors import ConfigError
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.train import checkpoint
from aurl.train.engine import Engine
from aurl.train.optim import AdamW, Optimisation, Scheduled
from aurl.train.optim.groups import weights_of
from aurl.train.optim.muon import Muon
from aurl.train.optim.sgd import SGD
from aurl.train.optim.stepping import step_and_take_back
from aurl.train.optim.torch_class import TorchOptimizer
from tests.conftest import Trainer
from tests.train.optimisers import Small, tokens, weights

TORCH_ALONE = {"LBFGS", "SparseAdam", "Muon"}  # need a closure, sparse gradients, matrices only
TORCH = sorted(
    name
    for name, found in vars(torch.optim).items()
    if isinstance(found, type) and issubclass(found, torch.optim.Optimizer) and name not in {"Optimizer", *TORCH_ALONE}
)
ALL: Mapping[str, Callable[..., Scheduled]] = {
    "adamw": AdamW,
    "sgd": SGD,
    "muon": Muon,
    **{f"torch.{name}": partial(TorchOptimizer, optimizer=getattr(torch.optim, name)) for name in TORCH},
}


def ready(optim: Optimisation, **settings: Any) -> Engine:
    engine = Engine(accelerator="cpu", **{"probe_every": 0, **settings})
    engine.setup(Small(), optim)
    return engine


def trained(engine: Engine, steps: range) -> Engine:
    for step in steps:
        engine.train_step([tokens(step)], step, 20)
    return engine


def groups_by_name(engine: Engine, phase: str = "generator") -> dict[str, dict[str, Any]]:
    """Of each parameter its group, and under `class` the optimiser's name."""
    names = {id(parameter): name for name, parameter in engine.model.named_parameters()}
    return {
        names[id(parameter)]: {**group, "class": type(optimizer).__name__}
        for optimizer in engine.optimizers[phase]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def made(name: str) -> Scheduled:
    return ALL[name](lr=0.05, weight_decay=0.0 if name == "torch.Rprop" else 0.01)


@pytest.mark.parametrize("name", ALL)
def test_every_optimiser_goes_on_from_its_checkpoint_bit_for_bit(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "step_00000003"
    whole = trained(ready(made(name)), range(3))
    checkpoint.save(folder, whole.model, whole.optimizers, {}, {})
    trained(whole, range(3, 6))
    again = ready(made(name))
    nn.init.zeros_(again.model.layer.weight)  # type: ignore[arg-type, union-attr]
    checkpoint.load(folder, again.model, again.optimizers)
    trained(again, range(3, 6))
    expected = weights(whole.model)
    assert all(torch.equal(expected[key], value) for key, value in weights(again.model).items())
    assert not torch.equal(expected["layer.weight"], torch.zeros(6, 4))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", ALL)
def test_every_optimiser_leaves_out_a_broken_step_of_its_phase_alone(name: str, precision: str, first: bool) -> None:
    engine = ready(made(name), precision=precision)
    engine.guard()
    trained(engine, range(0 if first else 2))
    before = weights(engine.model)
    broken = engine.model.layer.weight.register_hook(lambda gradient: gradient * float("nan"))  # type: ignore[union-attr, operator]
    metrics = engine.train_step([tokens(9)], 2, 20)
    broken.remove()
    after = weights(engine.model)
    assert (float(metrics["grad/skipped"]), float(metrics["grad/skipped_disc"])) == (1.0, 0.0)
    assert all(torch.equal(before[key], value) for key, value in after.items() if "critic" not in key)
    assert not torch.equal(before["critic.weight"], after["critic.weight"])
    trained(engine, range(3, 5))
    assert all(value.isfinite().all() for value in weights(engine.model).values())
    assert not torch.equal(after["layer.weight"], weights(engine.model)["layer.weight"])


@pytest.mark.parametrize("make", [SGD, Muon])
@pytest.mark.parametrize("first", [True, False])
def test_a_step_taken_back_on_the_device_is_as_if_it_had_not_been(make: type[Scheduled], first: bool) -> None:
    """What a GPU does with optimisers that do not read the verdict themselves."""
    one, other = ready(make(lr=0.05)), ready(make(lr=0.05))
    for engine in (one, other):
        trained(engine, range(0 if first else 2))
    optimizer = one.optimizers["generator"][0]
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.full_like(parameter, torch.nan)
    step_and_take_back(optimizer, torch.ones(()))
    trained(one, range(2, 5))
    trained(other, range(2, 5))
    expected = weights(other.model)
    assert all(torch.equal(expected[key], value) for key, value in weights(one.model).items())
    parameter = optimizer.param_groups[0]["params"][0]
    before, parameter.grad = parameter.clone(), torch.ones_like(parameter)
    step_and_take_back(optimizer, torch.zeros(()))
    assert not torch.equal(before, parameter)


def test_weight_decay_spares_biases_gains_and_embeddings() -> None:
    found = groups_by_name(ready(AdamW(weight_decay=0.5)))
    assert {name: group["weight_decay"] for name, group in found.items()} == {
        "table.weight": 0.0,
        "layer.weight": 0.5,
        "layer.bias": 0.0,
        "norm.weight": 0.0,
        "norm.bias": 0.0,
        "head.weight": 0.5,
        "head.bias": 0.0,
    }
    older = groups_by_name(ready(AdamW(weight_decay=0.5, decay_embeddings=True)))
    assert {name for name, group in older.items() if group["weight_decay"]} == {
        "table.weight",
        "layer.weight",
        "head.weight",
    }


def test_groups_take_their_options_from_the_first_pattern_in_the_name_and_their_rates_are_logged() -> None:
    groups = {r"^head\.": {"lr_scale": 0.1, "weight_decay": 0.3}, "head|table": {"lr_scale": 3.0}, "norm": {"eps": 1.0}}
    engine = ready(AdamW(lr=1.0, warmup_steps=0, schedule="constant", groups=groups))
    metrics = engine.train_step([tokens()], 0, 10)
    found = groups_by_name(engine)
    assert (found["head.bias"]["lr"], found["head.bias"]["weight_decay"]) == (pytest.approx(0.1), 0.3)
    assert (found["table.weight"]["lr"], found["layer.weight"]["lr"]) == (3.0, 1.0)
    assert (found["norm.weight"]["eps"], found["layer.bias"]["eps"]) == (1.0, 1e-8)
    rates = {name: value for name, value in metrics.items() if name.startswith("lr")}
    assert rates == {"lr": 1.0, "lr/head": pytest.approx(0.1), "lr/head_table": 3.0}


def test_muon_updates_the_matrices_of_layers_and_adamw_the_rest() -> None:
    engine = ready(Muon(lr=1.0, adamw_lr=0.01, warmup_steps=0, schedule="constant"))
    metrics = engine.train_step([tokens()], 0, 10)
    found = groups_by_name(engine)
    assert {name for name, group in found.items() if group["class"] == "Muon"} == {"layer.weight"}
    assert (found["layer.weight"]["lr"], found["head.weight"]["lr"]) == (1.0, pytest.approx(0.01))
    assert metrics["lr/adamw"] == pytest.approx(0.01)
    critic = groups_by_name(engine, "discriminator")
    assert {group["class"] for group in critic.values()} == {"AdamW"}
    assert {group["lr"] for group in critic.values()} == {1.0}


def test_tied_and_frozen_weights_come_once_and_not_at_all() -> None:
    model = Small()
    model.head = nn.Linear(4, 7, bias=False)
    model.head.weight = model.table.weight
    model.norm.weight.requires_grad_(False)
    found = {one.name: one.embedding for one in weights_of(model, "generator")}
    assert found == {"table.weight": True, "layer.weight": False, "layer.bias": False, "norm.bias": False}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"lr": 0.0}, r"optim\.lr=0\.0"),
        ({"discriminator_lr": -1.0}, r"optim\.discriminator_lr"),
        ({"betas": [0.9]}, r"optim\.betas"),
        ({"weight_decay": -1.0}, r"optim\.weight_decay"),
        ({"warmup_steps": -1}, r"optim\.warmup_steps"),
        ({"schedule": "sine"}, r"optim\.schedule=sine: allowed is cosine \| linear .* Did you mean 'cosine'|sine"),
        ({"min_lr_ratio": 2.0}, r"optim\.min_lr_ratio"),
        ({"decay_share": 0.0}, r"optim\.decay_share"),
        ({"decay_share": 0.5}, r"optim\.decay_share=0\.5: allowed is null with optim\.schedule=cosine"),
        ({"groups": {"(": {}}}, r"optim\.groups: '\(' is no regular expression"),
        ({"groups": {"head": {"lr_scale": -1}}}, r"optim\.groups\.head\.lr_scale=-1"),
    ],
)
def test_values_out_of_range_name_the_key(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        AdamW(**bad)


@pytest.mark.parametrize(
    ("optim", "said"),
    [
        (AdamW(groups={"attention": {}}), "optim.groups.attention: is in the name of no parameter .* table.weight"),
        (AdamW(groups={"head": {"momentum": 0.1}}), "optim.groups: AdamW takes no 'momentum'; allowed are .*betas"),
        (Muon(adamw_names=["."]), "optim=muon: none of the 7 parameters .* use optim=adamw"),
    ],
)
def test_what_does_not_fit_the_model_is_told(optim: Optimisation, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ready(optim)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("LBFGS", {}, "LBFGS needs a closure"),
        ("SparseAdam", {}, "SparseAdam needs sparse gradients"),
        ("Rprop", {"weight_decay": 0.1}, r"optim\.weight_decay=0\.1: .* Rprop has no weight decay"),
        ("RAdam", {"optimizer": partial(torch.optim.RAdam, betas=(2.0, 0.9))}, "optim.optimizer: Invalid beta"),
    ],
)
def test_an_optimiser_of_torch_that_cannot_serve_is_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TorchOptimizer(**{"optimizer": getattr(torch.optim, name), "weight_decay": 0.0, **options})


def scalars(outcome: Any, name: str) -> list[float]:
    return [one.scalars[name] for one in read_records(outcome.folder) if one.kind is Kind.STEP]


@pytest.mark.parametrize(
    "optim",
    [
        ("optim=muon", "optim.schedule=wsd", "optim.decay_share=0.5"),
        ("optim=sgd", "optim.schedule=one_cycle"),
        ("optim=torch", "optim.optimizer._target_=torch.optim.RAdam", "+optim.optimizer.betas=[0.8,0.9]"),
        (
            "optim.schedule={_target_:aurl.train.optim.schedules.TorchSchedule,scheduler:{_partial_:true,"
            "_target_:torch.optim.lr_scheduler.StepLR,step_size:2}}",
        ),
    ],
)
def test_a_run_takes_what_the_config_names(optim: tuple[str, ...], train: Trainer) -> None:
    outcome = train("named", "model=transformer", "trainer.steps=4", *optim)
    assert outcome.exit_code == 0
    assert len(scalars(outcome, "lr")) == 4


def test_options_typed_on_resume_count(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = ("model=transformer", "trainer.steps=4", "trainer.eval_every=2")
    first = train("again", *plan)
    seen: list[float] = []
    real = torch.optim.AdamW.step

    def watched(self: torch.optim.AdamW, *args: Any, **keywords: Any) -> Any:
        seen.extend(group["weight_decay"] for group in self.param_groups)
        return real(self, *args, **keywords)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    again = train(
        "again", *plan, "optim.weight_decay=0.25", f"resume='{first.folder / 'checkpoints' / 'step_00000002'}'"
    )
    assert again.message == "all 4 steps of the plan"
    assert set(seen) == {0.25, 0.0}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("optim.warmup_steps=9",), "optim.warmup_steps=9: the run has 4 steps"),
        (("optim.schedule=wsd", "optim.warmup_steps=2", "optim.decay_share=0.9"), "optim.decay_share=0.9: with the 2"),
        (("optim.groups={nothing:{lr_scale:2}}",), "optim.groups.nothing"),
    ],
)
def test_what_does_not_fit_the_run_ends_it_with_2(typed: tuple[str, ...], said: str, train: Trainer) -> None:
    outcome = train("long", "model=transformer", "trainer.steps=4", *typed)
    assert outcome.exit_code == 2
    assert said in outcome.message
