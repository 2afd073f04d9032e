"""aurl in a Lightning Trainer: `Trainer(callbacks=[AurlCallback("outputs/mine")])`."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from aurl.errors import ConfigError
from aurl.integrations.own_run import OwnRun
from aurl.monitor import Monitor
from aurl.record import Json, Kind
from aurl.sinks.base import Sink

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback
else:

    def _callback_class() -> type:
        """That of the package which the program uses: `lightning` and `pytorch_lightning` are the same, twice."""
        packages = ("lightning.pytorch", "pytorch_lightning")
        for package in sorted(packages, key=lambda name: name not in sys.modules):
            try:
                return import_module(f"{package}.callbacks").Callback
            except ModuleNotFoundError:
                continue
        raise ConfigError("aurl.integrations.lightning needs Lightning: pip install lightning")

    Callback = _callback_class()

_HELD_OUT = {
    "val": frozenset({"loss", "val_loss", "val/loss", "valid_loss", "validation_loss"}),
    "test": frozenset({"loss", "test_loss", "test/loss"}),
}


class AurlCallback(Callback):
    """Writes what a Trainer does as an aurl run, in the process of rank 0.

    Each optimiser step is a STEP record with the loss that `training_step` returned, everything that the module logged
    at that step, the norm of the gradient before clipping, and the learning rate; it is written when the next batch
    begins, for hooks that run after this one may still log. What is logged with `on_epoch=True` is in the EPOCH
    record of its epoch, each validation is an EVAL record; so are `validate()` and `test()` after the training. Under
    the policy `stop` a critical alert stops the Trainer with the batch that follows. The detectors' memory is part of
    Lightning's checkpoints.

    Args:
        path: the run directory itself. It is gone on with where the Trainer resumes from a checkpoint; a training that
            starts anew beside a run that lies there gets `path_2`, and a warning says so.
        logging, anomaly, config, tags: as in `aurl.Monitor.open`.

    Raises:
        ConfigError: Lightning is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        logging: str | Sequence[str | Sink] = ("tensorboard",),
        anomaly: str | Mapping[str, Any] = "default",
        config: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._run = OwnRun(path, logging=logging, anomaly=anomaly, config=config, tags=tags)
        self._state: Mapping[str, Any] = {}
        self._logged = _Logged()
        self._measured: dict[str, Any] = {}
        self._step: _Ended | None = None
        self._epoch: _Ended | None = None
        self._trainer: Any = None
        self._last_step = 0
        self._turned = 0.0

    @property
    def monitor(self) -> Monitor | None:
        """The Monitor while a run is open, on rank 0."""
        return self._run.monitor

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._trainer, self._measured, self._step, self._epoch = trainer, {}, None, None
        self._last_step, self._turned = trainer.global_step, time.perf_counter()
        if not trainer.is_global_zero:
            return
        planned = trainer.estimated_stepping_batches
        monitor = self._run.begin(
            step=trainer.global_step,
            config=dict(pl_module.hparams),
            steps=int(planned) if math.isfinite(planned) else None,
            epochs=trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None,
            batches=trainer.num_training_batches if math.isfinite(trainer.num_training_batches) else None,
            model=type(pl_module).__name__,
            parameters=sum(parameter.numel() for parameter in pl_module.parameters()),
            device=str(pl_module.device),
            precision=str(trainer.precision),
        )
        if self._state and trainer.global_step:
            monitor.load_state_dict(self._state)
        self._logged.take(trainer)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._write_ended()
        if self._run.watched:
            self._stop_where_asked(trainer)
        self._measured["time/data"] = self._measured.get("time/data", 0.0) + time.perf_counter() - self._turned

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if gradients and self.monitor is not None:
            self._measured["grad/norm"] = torch.stack(torch._foreach_norm(gradients)).norm()
            self._measured["lr"] = float(optimizer.param_groups[0]["lr"])

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        now, step = time.perf_counter(), trainer.global_step
        self._measured["time/step"] = self._measured.get("time/step", 0.0) + now - self._turned
        self._turned = now
        if step > self._last_step:  # not while gradients are still being accumulated
            loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
            if isinstance(loss, torch.Tensor):
                self._measured["loss/total"] = loss.detach()
            self._step = _Ended(step, {"epoch": trainer.current_epoch + 1, "batch": batch_idx + 1}, self._measured)
            self._last_step, self._measured = step, {}

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._write_ended()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._write_ended()
        self._epoch = _Ended(trainer.global_step, {"epoch": trainer.current_epoch + 1})
        self._turned = time.perf_counter()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._write_ended()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self._begin_evaluation(trainer)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self._end_evaluation(trainer, "val")

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        self._begin_evaluation(trainer)

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        self._end_evaluation(trainer, "test")

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._write_ended(ask=True)
        stopped = isinstance(exception, KeyboardInterrupt)
        self._end("stopped" if stopped else "failed", f"{type(exception).__name__}: {exception}")

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        self._end()
        self._trainer = None

    def state_dict(self) -> dict[str, Any]:
        self._write_ended(ask=True)  # what a checkpoint holds is written before it
        return self.monitor.state_dict() if self.monitor is not None else dict(self._state)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._state = state_dict

    def _begin_evaluation(self, trainer: Any) -> None:
        self._trainer = trainer
        self._write_ended()
        self._logged.take(trainer)

    def _end_evaluation(self, trainer: Any, stage: str) -> None:
        scalars = self._logged.take(trainer)
        if scalars and not trainer.sanity_checking and trainer.is_global_zero:
            # Between two trainings `current_epoch` is the number of finished ones.
            epoch = trainer.current_epoch + 1 if self.monitor is not None else trainer.current_epoch or None
            named = {_held_out(name, stage): value for name, value in scalars.items()}
            self._run.reopen(trainer.global_step).eval(trainer.global_step, named, epoch=epoch)
        self._turned = time.perf_counter()

    def _write_ended(self, *, ask: bool = False) -> None:
        """Write the step or the epoch that has ended, with all that was logged in its hooks.

        Args:
            ask: Lightning has not yet collected what its own later hooks log.
        """
        for ended, epoch in ((self._step, False), (self._epoch, True)):
            if ended is not None:
                logged = self._logged.take(self._trainer, ask=ask)
                if self.monitor is None:
                    continue
                if epoch:
                    scalars = {name: float(value) for name, value in logged.items()}
                    self.monitor.say(Kind.EPOCH, ended.step, scalars, **ended.fields)
                else:
                    self.monitor.step(ended.step, logged | ended.scalars, **ended.fields)
        self._step = self._epoch = None

    def _end(self, status: str | None = None, message: str = "") -> None:
        if self.monitor is not None:
            self._state = self.monitor.state_dict()
        self._run.end(status, message)

    def _stop_where_asked(self, trainer: Any) -> None:
        asked = self.monitor is not None and self.monitor.stop_reason is not None
        if trainer.strategy.reduce_boolean_decision(asked, all=False):
            trainer.should_stop = True


@dataclass(frozen=True, slots=True)
class _Ended:
    """A step or an epoch that is over but for the hooks that still run."""

    step: int
    fields: dict[str, Json]
    scalars: dict[str, Any] = field(default_factory=dict)


class _Logged:
    """What was logged since the last look.

    Lightning goes on showing what was logged before, in a new tensor each time, but one on the same memory. That
    memory is held here, so what lies elsewhere was logged anew.
    """

    def __init__(self) -> None:
        self._seen: dict[str, torch.Tensor] = {}

    def take(self, trainer: Any, *, ask: bool = False) -> dict[str, torch.Tensor]:
        """Values by name, once each: under `loss_step`, `loss_epoch` where Lightning shows them as `loss` besides.

        Args:
            ask: have Lightning collect them now; else what it collected when the last batch or epoch ended.
        """
        collected = None if ask else getattr(trainer._logger_connector, "_callback_metrics", None)
        now = dict(trainer.callback_metrics if collected is None else collected)
        fresh = {name: value for name, value in now.items() if not _same(value, self._seen.get(name))}
        self._seen = now
        return {name: value for name, value in fresh.items() if not _shown_twice(name, fresh)}


def _same(value: torch.Tensor, other: torch.Tensor | None) -> bool:
    return other is not None and value.data_ptr() == other.data_ptr()


def _shown_twice(name: str, values: Mapping[str, torch.Tensor]) -> bool:
    return any(_same(values[name], values.get(f"{name}_{suffix}")) for suffix in ("step", "epoch"))


def _held_out(name: str, stage: str) -> str:
    """`val_loss` to `val/loss/total`, as detectors and comparisons know it; other names stay as they are."""
    return f"{stage}/loss/total" if name.removesuffix("_epoch") in _HELD_OUT[stage] else name
