"""`anomaly.policy=recover` in real small trainings with real faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from aurl.models.base import Losses
from aurl.models.transformer import Transformer
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.runs.table import scalar_table
from aurl.train.engine import Engine
from aurl.train.gate import GradientGate
from tests.conftest import Trainer

PLAN = (
    "model=transformer",
    "anomaly.policy=recover",
    "data.source.pieces=24",
    "trainer.epochs=null",
    "trainer.steps=150",
    "trainer.eval_every=50",
    "checkpoint.every=10",
    "optim.lr=3e-3",
    "sample.count=0",
    "sample.continuations=0",
)


def actions(run: Path) -> list[tuple[str, int]]:
    found = [r for r in read_records(run) if r.kind == Kind.NOTE and r.fields.get("module") == "recovery"]
    return [(str(r.fields["action"]), r.step) for r in found]


def last_validation(run: Path) -> float:
    return [r.scalars["val/loss/total"] for r in read_records(run) if r.kind == Kind.EVAL][-1]


@pytest.mark.slow
def test_a_healthy_run_sees_no_intervention(train: Trainer) -> None:
    outcome = train("run", *PLAN)
    assert outcome.status == "done"
    assert actions(outcome.folder) == []


@pytest.mark.slow
def test_a_batch_that_gives_nan_is_skipped_and_costs_next_to_nothing(
    train: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = last_validation(train("clean", *PLAN).folder)
    forward = Transformer.forward

    def broken(self: Transformer, tokens: torch.Tensor, phase: str = "generator", step: int = 0) -> Losses:
        losses = forward(self, tokens, phase, step)
        return Losses(losses.objective * (float("nan") if step == 80 and self.training else 1.0), losses.metrics)

    monkeypatch.setattr(Transformer, "forward", broken)
    outcome = train("run", *PLAN)
    assert outcome.status == "done"
    assert [action for action, _ in actions(outcome.folder)] == ["skip"]
    assert last_validation(outcome.folder) == pytest.approx(clean, rel=0.05)
    skipped = scalar_table(outcome.folder).filter(pl.col("grad/skipped") > 0)["step"].to_list()
    assert skipped == [81]


@pytest.mark.slow
def test_a_learning_rate_glitch_is_rolled_back(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = last_validation(train("clean", *PLAN).folder)
    compute = Engine.train_step
    glitches = []

    def glitch(engine: Engine, batches: Any, step: int, total: int) -> dict[str, Any]:
        if step == 95 and not glitches:
            glitches.append(step)
            engine.lr_scale = 300.0
        return compute(engine, batches, step, total)

    monkeypatch.setattr(Engine, "train_step", glitch)
    outcome = train("run", *PLAN)
    assert outcome.status == "done", outcome.message
    assert ("rollback", 90) in actions(outcome.folder)
    assert last_validation(outcome.folder) == pytest.approx(clean, rel=0.05)
    steps = scalar_table(outcome.folder).filter(pl.col("kind") == "step")["step"].to_list()
    assert steps == list(range(1, 151)), "what was rolled back is superseded, nothing is missing"


@pytest.mark.slow
def test_what_no_rollback_mends_stops_with_exit_code_3(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    compute = Engine.train_step

    def ruined(engine: Engine, batches: Any, step: int, total: int) -> dict[str, Any]:
        if step >= 60:
            with torch.no_grad():
                next(engine.model.parameters()).fill_(float("nan"))
        return compute(engine, batches, step, total)

    monkeypatch.setattr(Engine, "train_step", ruined)
    outcome = train("run", *PLAN, "anomaly.recovery.max_rollbacks=2")
    assert (outcome.status, outcome.exit_code) == ("stopped", 3)
    assert [action for action, _ in actions(outcome.folder)].count("rollback") == 2
    assert "2 rollbacks did not help" in outcome.message
    assert (outcome.folder / "checkpoints" / "latest").resolve().is_dir()


def judged(gate: GradientGate, norms: list[float]) -> list[int]:
    return [step for step, norm in enumerate(norms) if float(gate.judge(torch.tensor(norm)))]


def gate(**settings: Any) -> GradientGate:
    return GradientGate(torch.device("cpu"), **settings)


def noisy(n: int, seed: int = 0) -> list[float]:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(n, generator=generator) * 0.3).exp().tolist()


def test_the_gate_lets_noise_pass_and_stops_outliers_and_what_is_not_finite() -> None:
    norms = noisy(300)
    assert judged(gate(), norms) == []
    norms[100], norms[200], norms[250] = 50.0, float("nan"), float("inf")
    assert judged(gate(), norms) == [100, 200, 250]


def test_before_the_warm_up_only_what_is_not_finite_is_left_out() -> None:
    norms = noisy(20)
    norms[5], norms[10] = 1000.0, float("inf")
    assert judged(gate(), norms) == [10]


def test_a_new_level_passes_after_a_few() -> None:
    norms = noisy(100) + [40.0 * norm for norm in noisy(100, seed=1)]
    assert judged(gate(most=3), norms) == [100, 101, 102]


def test_the_gates_memory_is_in_its_tensors() -> None:
    norms = noisy(200)
    norms[150] = 99.0
    first, second = gate(), gate()
    judged(first, norms[:150])
    for name, tensor in first.tensors().items():
        second.tensors()[name].copy_(tensor)
    assert judged(second, norms[150:]) == [0]
