"""aurl in a Lightning Trainer: `Trainer(callbacks=[AurlCallback("outputs/mine")])`."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from aurl.errors import ConfigError
from aurl.monitor import Monitor
from aurl.record import Kind
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


class AurlCallback(Callback):
    """Writes what a Trainer does as an aurl run, in the process of rank 0.

    Each optimiser step is a STEP record with the loss that `training_step` returned, everything that the module logged
    at that step, the norm of the gradient before clipping, and the learning rate; each validation is an EVAL record.
    Under the policy `stop` a critical alert stops the Trainer after the step. The detectors' memory is part of
    Lightning's checkpoints.

    Args:
        path: the run directory itself; made, or gone on with where the Trainer resumes from a checkpoint.
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
        self.monitor: Monitor | None = None
        self._path = path
        self._options: dict[str, Any] = {"logging": logging, "anomaly": anomaly, "config": config, "tags": tags}
        self._state: Mapping[str, Any] = {}
        self._seen: dict[str, Any] = {}
        self._of_steps: set[str] = set()
        self._measured: dict[str, Any] = {}
        self._last_step = 0
        self._turned = 0.0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.is_global_zero:
            return
        planned = trainer.estimated_stepping_batches
        start: dict[str, Any] = {
            "steps": int(planned) if math.isfinite(planned) else None,
            "epochs": trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None,
            "batches": trainer.num_training_batches if math.isfinite(trainer.num_training_batches) else None,
            "model": type(pl_module).__name__,
            "parameters": sum(parameter.numel() for parameter in pl_module.parameters()),
            "device": str(pl_module.device),
            "precision": str(trainer.precision),
            "resumed_from": trainer.global_step or None,
        }
        options = dict(self._options)
        options["config"] = options["config"] or dict(pl_module.hparams)
        self.monitor = Monitor.open(self._path, **options, **start)
        if self._state:
            self.monitor.load_state_dict(self._state)
        self._last_step = trainer.global_step
        self._seen = dict(trainer.callback_metrics)
        self._turned = time.perf_counter()

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
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
        if self.monitor is not None and step > self._last_step:  # not while gradients are still being accumulated
            loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
            logged = self._logged(trainer)
            self._of_steps.update(logged)
            scalars = logged | self._measured
            if isinstance(loss, torch.Tensor):
                scalars["loss/total"] = loss.detach()
            self.monitor.step(step, scalars, epoch=trainer.current_epoch + 1, batch=batch_idx + 1)
        if step > self._last_step:
            self._last_step, self._measured = step, {}
        if self._options["anomaly"] != "off":
            self._stop_where_asked(trainer)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if self.monitor is not None and not trainer.sanity_checking and (scalars := self._logged_since(trainer)):
            named = {_held_out(name): value for name, value in scalars.items()}
            self.monitor.eval(trainer.global_step, named, epoch=trainer.current_epoch + 1)
        self._turned = time.perf_counter()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if self.monitor is not None:
            scalars = {name: float(value) for name, value in self._logged_since(trainer).items()}
            self.monitor.say(Kind.EPOCH, trainer.global_step, scalars, epoch=trainer.current_epoch + 1)
        self._turned = time.perf_counter()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        if self.monitor is not None:
            stopped = isinstance(exception, KeyboardInterrupt)
            self.monitor.close("stopped" if stopped else "failed", f"{type(exception).__name__}: {exception}")

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if self.monitor is not None:
            self.monitor.close("stopped" if self.monitor.stop_reason else "done")
            self.monitor = None

    def state_dict(self) -> dict[str, Any]:
        return self.monitor.state_dict() if self.monitor is not None else dict(self._state)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._state = state_dict

    def _logged(self, trainer: Any) -> dict[str, Any]:
        """What was logged since the last look; Lightning keeps showing old values too, as the same objects."""
        metrics = dict(trainer.callback_metrics)
        fresh = {name: value for name, value in metrics.items() if self._seen.get(name) is not value}
        self._seen = metrics
        return fresh

    def _logged_since(self, trainer: Any) -> dict[str, Any]:
        """What was logged but not step by step."""
        return {name: value for name, value in self._logged(trainer).items() if name not in self._of_steps}

    def _stop_where_asked(self, trainer: Any) -> None:
        asked = self.monitor is not None and self.monitor.stop_reason is not None
        if trainer.strategy.reduce_boolean_decision(asked, all=False):
            trainer.should_stop = True


def _held_out(name: str) -> str:
    """`val_loss` to `val/loss/total`, as detectors and comparisons know it; other names stay as they are."""
    return "val/loss/total" if name in ("val_loss", "val/loss", "valid_loss", "validation_loss") else name
