"""Trainings to compare: the same model, batches, optimiser and schedule in aurl, in bare PyTorch and in Lightning.

Each trains for ever, standing still after each epoch until it gets its next turn.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from aurl.config.build import build
from aurl.config.preflight import preflight
from aurl.config.resolvers import register
from aurl.data.batch import Batch
from aurl.data.loader import TrainLoader
from aurl.data.module import MusicData
from aurl.models.base import MusicModel
from aurl.record import Kind
from aurl.run.assembly import build_model
from aurl.run.execution import execute, seed_everything
from aurl.runs.eventlog import read_records
from aurl.train.checkpointer import Checkpointer
from aurl.train.loop import Loop
from aurl.train.optim import AdamW
from aurl.train.part import Training
from benchmarks.measure import cpu_seconds

STEPS = 1_000_000
"""Length of the learning-rate schedule; nobody gets that far."""
CLIP = 1.0


class Task(NamedTuple):
    """What a side is to train, and where.

    Attributes:
        overrides: of aurl's configuration.
        device: of torch.
        home: the side's own folder.
        pipe: by which it gets its turns.
    """

    overrides: list[str]
    device: str
    home: Path
    pipe: Connection


class Turn(NamedTuple):
    """What one side took for one epoch.

    Attributes:
        wall: seconds by the clock.
        cpu: CPU seconds of all threads.
        model: of these, those that the training thread spent on batches, forward, backward and update; NaN where that
            was not measured.
        loss: of the last step, told so that the sides can be seen to do the same.
    """

    wall: float
    cpu: float
    model: float
    loss: float


class Turns:
    """Stands still after each epoch, and says what the epoch took.

    Args:
        pipe: says how many tokens an epoch has, then takes a word and gives a turn, again and again.
        loader: whose epochs are the turns.
        settle: waits until everything that belongs to a turn is done.
        loss: of the last step.
        model: CPU seconds spent on the model so far.
    """

    def __init__(
        self,
        pipe: Connection,
        loader: TrainLoader,
        settle: Callable[[], object],
        loss: Callable[[], float],
        model: Callable[[], float] = lambda: math.nan,
    ) -> None:
        self._pipe, self._length = pipe, loader.batches(0)
        self._settle, self._loss, self._model = settle, loss, model
        self._steps = 0
        self._pipe.send(sum(batch.usage.tokens for batch in loader.epoch(0)))
        self._wait()

    def step(self) -> None:
        """Call after every optimiser step."""
        self._steps += 1
        if self._steps % self._length == 0:
            self._settle()
            wall, cpu = time.perf_counter() - self._began, cpu_seconds() - self._cpu
            self._pipe.send(Turn(wall, cpu, self._model() - self._modelled, self._loss()))
            self._wait()

    def _wait(self) -> None:
        self._pipe.recv()
        self._began, self._cpu, self._modelled = time.perf_counter(), cpu_seconds(), self._model()


def overrides(size: str, device: str) -> list[str]:
    """The configuration of all sides: a Transformer on the chorales, with neither evaluation nor samples."""
    return [
        "data=chorales",
        "data.batch_size=8",  # every epoch has as many steps
        "model=transformer",
        f"model/size={size}",
        "trainer.epochs=null",
        f"trainer.steps={STEPS}",
        f"trainer.eval_every={STEPS}",
        f"trainer.clip_norm={CLIP}",
        f"trainer.accelerator={device}",
        "sample.count=0",
        "sample.continuations=0",
        "name=overhead",
    ]


def train_aurl(task: Task) -> None:
    """`aurl train` without Hydra's own folder, its checkpoints replaced by the turns."""

    class TurningLoop(Loop):
        def __init__(self, training: Training) -> None:
            training.parts["checkpoints"] = _Turnstile(task.pipe)
            super().__init__(training)

    with mock.patch("aurl.run.assembly.Loop", TurningLoop):
        outcome = execute(_config(task), task.home / "run", ["benchmarks.overhead"])
    raise RuntimeError(outcome.message)


def train_bare(task: Task) -> None:
    """What one writes without a harness, and nothing that a harness adds."""
    loader, model, optim = _parts(task)
    [optimizer] = optim.build(model, "generator")
    schedule = LambdaLR(optimizer, partial(_factor, optim))
    loss = torch.zeros(())
    turns = Turns(task.pipe, loader, partial(_synchronize, task.device), lambda: float(loss))
    model.train()
    for step, batch in enumerate(_batches(loader)):
        optimizer.zero_grad(set_to_none=True)
        loss = model(batch.to(task.device), "generator", step).objective
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        turns.step()


def train_lightning(task: Task, every: int) -> None:
    """Lightning with the loggers and the progress bar that it has by default, logging every so many steps."""
    loader, model, optim = _parts(task)
    module = _LightningModule(model, optim)
    turns = Turns(task.pipe, loader, partial(_synchronize, task.device), lambda: float(module.loss))
    warnings.filterwarnings("ignore")
    trainer = Trainer(
        accelerator="gpu" if task.device == "cuda" else "cpu",
        devices=1,
        max_steps=STEPS,
        max_epochs=-1,
        gradient_clip_val=CLIP,
        log_every_n_steps=every,
        logger=[TensorBoardLogger(task.home), CSVLogger(task.home)],
        callbacks=[_LightningTurns(turns)],
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(module, _LightningBatches(loader, trainer))


SIDES: Mapping[str, Callable[[Task], None]] = {
    "aurl": train_aurl,
    "bare PyTorch": train_bare,
    "Lightning": partial(train_lightning, every=1),
    "Lightning, logging every 50": partial(train_lightning, every=50),
}


class _Turnstile(Checkpointer):
    """Is asked after every step whether to save: a good moment to stand still."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe
        self._spent = 0.0

    def begin(self, training: Training) -> None:
        super().begin(training)
        engine, loader = training.engine, training.loader
        self._turns = Turns(self._pipe, loader, self._settle, self._loss, lambda: self._spent)
        mock.patch.object(engine, "train_step", self._timed(engine.train_step)).start()
        epoch = loader.epoch
        mock.patch.object(loader, "epoch", lambda *place: self._timed_batches(epoch(*place))).start()

    def due(self, step: int, evaluated: bool) -> bool:
        self._turns.step()
        return False

    def _timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same, adding the CPU time that this thread spends on it."""

        def run(*args: object) -> Any:
            began = time.thread_time()
            try:
                return work(*args)
            finally:
                self._spent += time.thread_time() - began

        return run

    def _timed_batches(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        return iter(self._timed(partial(next, batches, None)), None)

    def _settle(self) -> None:
        _synchronize(self.training.engine.device.type)
        self.training.monitor.flush_deferred()
        self.training.monitor.drain()

    def _loss(self) -> float:
        steps = [record for record in read_records(self.training.monitor.run.path) if record.kind is Kind.STEP]
        return steps[-1].scalars["loss/total"]


class _LightningModule(LightningModule):
    def __init__(self, model: MusicModel, optim: AdamW) -> None:
        super().__init__()
        self.model, self.optim = model, optim
        self.loss = torch.zeros(())

    def training_step(self, tokens: Tensor, index: int) -> Tensor:
        losses = self.model(tokens, "generator", self.global_step)
        self.loss = losses.objective.detach()
        self.log_dict({**losses.metrics, "lr": self.trainer.optimizers[0].param_groups[0]["lr"]})
        return losses.objective  # type: ignore[no-any-return]

    def configure_optimizers(self) -> Any:
        [optimizer] = self.optim.build(self.model, "generator")
        schedule = LambdaLR(optimizer, partial(_factor, self.optim))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _LightningTurns(Callback):
    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def on_train_batch_end(self, *args: object) -> None:
        self._turns.step()


class _LightningBatches:
    """The epochs that the other sides have, for Lightning to iterate over."""

    def __init__(self, loader: TrainLoader, trainer: Trainer) -> None:
        self._loader, self._trainer = loader, trainer

    def __len__(self) -> int:
        return self._loader.batches(self._trainer.current_epoch)

    def __iter__(self) -> Iterator[Tensor]:
        return (batch.tokens for batch in self._loader.epoch(self._trainer.current_epoch))


def _config(task: Task) -> dict[str, Any]:
    register()
    [config] = preflight([*task.overrides, f"paths.outputs='{task.home}'"])
    return config


def _parts(task: Task) -> tuple[TrainLoader, MusicModel, AdamW]:
    """Data, model and optimiser in the order in which aurl makes them, so that the weights are the same."""
    config = _config(task)
    seed_everything(config["seed"])
    data: MusicData = build(config["data"], MusicData, "data")
    data.setup(config["seed"])
    model = build_model(config, data).to(task.device)
    return data.train_loader(config["seed"]), model, build(config["optim"], AdamW, "optim")


def _batches(loader: TrainLoader) -> Iterator[Tensor]:
    for epoch in count():
        yield from (batch.tokens for batch in loader.epoch(epoch))


def _factor(optim: AdamW, step: int) -> float:
    return optim.lr_at(step, STEPS) / optim.peaks["generator"]


def _synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
