"""aurl's own models, trained by aurl's own loop on made-up music, with a fault put in between."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import aurl.run
import aurl.train.loop
from aurl.config.build import build
from aurl.config.preflight import preflight
from aurl.config.resolvers import register
from aurl.data.batch import Batch
from aurl.data.loader import TrainLoader
from aurl.data.sources import Source
from aurl.models.base import Losses
from aurl.train.engine import Engine
from benchmarks.injection import music_quality
from benchmarks.injection.bench import EVAL_EVERY, Bench, ProbedMonitor, Training
from benchmarks.injection.fault import Fault

SYNTHETIC = ("data=synthetic", "data.source.pieces=64", "data.source.bars=8")
SMALL = (
    "data.bars=1",
    "data.seq_len=48",
    "data.batch_size=8",
    "optim.decay_embeddings=true",
    "data.eval_batch_size=32",
    "model/size=tiny",
    "model.d_model=32",
    "model.n_layers=1",
    "optim.warmup_steps=20",
    "trainer.epochs=null",
    f"trainer.eval_every={EVAL_EVERY}",
    "trainer.eval_batches=1",
    "checkpoint.every=100000",
    "report=false",
    "sample.audio=false",
    "sample.image=false",
    "sample.count=0",
    "sample.continuations=0",
    "logging=[]",
    "quality=off",
    "anomaly=off",
    "probe_seconds=0",
    "name=benchmark",
)
_BY_MODEL = {
    "transformer": ("optim.lr=2e-3",),
    "vae": ("optim.lr=2e-3", "model.encoder_layers=1", "model.d_latent=16", "model.beta_warmup_steps=100"),
    "vae_gan": (
        "optim.lr=2e-3",
        "model.encoder_layers=1",
        "model.d_latent=16",
        "model.beta_warmup_steps=100",
        "model.adversarial_warmup_steps=100",
        "model.adversarial_length=8",
        "model.discriminator_width=16",
        "model.discriminator_layers=1",
    ),
}


def own(model: str, *overrides: str, judge: bool = False, copies: bool = False, interrupted: bool = False) -> Training:
    """A training of `transformer`, `vae` or `vae_gan`, configured as on aurl's command line.

    Args:
        judge: follow each sample with a QUALITY record.
        copies: say there too how much of it is copied.
        interrupted: the fault ends the run by a signal, and it is taken up again.
    """
    return partial(_train, (*model_overrides(model), *overrides), judge, copies, interrupted)


def model_overrides(model: str) -> tuple[str, ...]:
    """Those that make a model of aurl's small enough."""
    return (f"model={model}", *_BY_MODEL[model])


def _train(overrides: Sequence[str], judge: bool, copies: bool, interrupted: bool, bench: Bench) -> None:
    torch.set_num_threads(1)
    config = configured(bench, *overrides)
    if judge:
        music_quality.install(build(config["data"]["source"], Source, "data.source").load().train if copies else ())
    tamper(bench.fault)
    outcome = aurl.run.execute(config, bench.folder, ["benchmark"])
    if interrupted:
        outcome = aurl.run.execute(config | {"resume": str(bench.folder)}, bench.folder, ["benchmark"])
    if outcome.status != "done":
        raise RuntimeError(f"the training ended {outcome.status}: {outcome.message}")


def configured(bench: Bench, *overrides: str) -> dict[str, Any]:
    """The config of a small run, as the command line would resolve it."""
    register()
    plan = (f"trainer.steps={bench.steps}", f"seed={bench.seed}", f"paths.outputs='{bench.folder.parent}'")
    data = () if any(override.startswith("data=") for override in overrides) else SYNTHETIC
    [config] = preflight([*data, *SMALL, *overrides, *plan])
    return config


class Preempted(Fault):
    """The scheduler wants the machine back once; no fault at all."""

    _sent = False

    def before(self, step: int, model: nn.Module, optimizers: Any) -> None:
        if step == self.onset and not self._sent:
            self._sent = True
            os.kill(os.getpid(), signal.SIGTERM)


def tamper(fault: Fault) -> None:
    """Put the hooks into aurl's classes; this process runs one training and ends."""
    place = [1]  # the step in hand; the hooks are called in different layers
    _put(aurl.train.loop, time=fault.clock)
    _put(aurl.run, Monitor=partial(ProbedMonitor, fault))
    _tamper_with_data(fault, place)
    _tamper_with_steps(fault, place)


def _put(owner: object, **parts: Any) -> None:
    for name, part in parts.items():
        setattr(owner, name, part)


def _tamper_with_data(fault: Fault, place: list[int]) -> None:
    clean = TrainLoader.epoch

    def epoch(loader: TrainLoader, epoch: int, start_batch: int = 0) -> Iterator[Batch]:
        for batch in clean(loader, epoch, start_batch):
            [tokens] = fault.load(place[0], [batch.tokens])
            yield replace(batch, tokens=tokens)

    _put(TrainLoader, epoch=epoch)


def _tamper_with_steps(fault: Fault, place: list[int]) -> None:
    clean_step, clean_phase = Engine.train_step, Engine._phase

    def train_step(engine: Engine, batches: Sequence[Tensor], step: int, total: int) -> dict[str, Any]:
        place[0] = step + 1
        fault.tick()
        if "forward" not in engine.model.__dict__:
            _tamper_with_objective(engine.model, fault, place)
        optimizers = {phase: one for phase, [one] in engine.optimizers.items()}
        fault.before(step + 1, engine.model, optimizers)
        metrics = clean_step(engine, batches, step, total)
        metrics["lr"] *= fault.rate(step + 1, "generator")
        fault.after(step + 1, engine.model, optimizers)
        place[0] = step + 2
        return metrics

    def phase(engine: Engine, name: str, batches: Sequence[Tensor], step: int, total: int) -> dict[str, Any]:
        planned = engine.lr_scale
        engine.lr_scale = planned * fault.rate(step + 1, name)
        metrics = clean_phase(engine, name, batches, step, total)
        engine.lr_scale = planned
        return metrics

    _put(Engine, train_step=train_step, _phase=phase)


def _tamper_with_objective(model: nn.Module, fault: Fault, place: list[int]) -> None:
    clean = model.forward

    def forward(tokens: Tensor, phase: str = "generator", step: int = 0) -> Losses:
        losses: Losses = clean(tokens, phase, step)
        if not model.training or phase != "generator":
            return losses
        return losses._replace(objective=fault.objective(place[0], losses.objective))

    _put(model, forward=forward)
