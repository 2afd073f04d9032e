"""aurl in a Hugging Face Trainer: `Trainer(..., callbacks=[AurlCallback("outputs/mine")])`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aurl.errors import ConfigError
from aurl.monitor import Monitor
from aurl.record import Kind
from aurl.sinks.base import Sink

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    raise ConfigError("aurl.integrations.transformers needs transformers: pip install transformers") from error

_NAMES = {"loss": "loss/total", "grad_norm": "grad/norm", "learning_rate": "lr", "eval_loss": "val/loss/total"}
_LEFT_OUT = ("train_", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "epoch")
"""`train_runtime`, `train_loss`, ... are means over the whole run, told once at its end."""


class AurlCallback(TrainerCallback):
    """Writes what a Trainer does as an aurl run, in the process of rank 0.

    The Trainer reports loss, gradient norm and learning rate every `logging_steps` steps; with `logging_steps=1` the
    detectors see each of them. Each evaluation is an EVAL record, each saved checkpoint a CHECKPOINT record. Under the
    policy `stop` a critical alert stops the Trainer after the step.

    Args:
        path: the run directory itself; made, or gone on with where the Trainer resumes from a checkpoint.
        logging, anomaly, config, tags: as in `aurl.Monitor.open`; the configuration is the Trainer's own by default.

    Raises:
        ConfigError: transformers is not installed.
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
        self.monitor: Monitor | None = None
        self._path = path
        self._options: dict[str, Any] = {"logging": logging, "anomaly": anomaly, "config": config, "tags": tags}
        self._begun = 0.0
        self._times: list[float] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        start: dict[str, Any] = {
            "steps": state.max_steps,
            "epochs": state.num_train_epochs,
            "model": type(model).__name__,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "device": str(args.device),
            "resumed_from": state.global_step or None,
        }
        options = dict(self._options)
        options["config"] = options["config"] or _plain(args.to_dict())
        self.monitor = Monitor.open(self._path, **options, **start)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._begun = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._times.append(time.perf_counter() - self._begun)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        scalars = _numbers(logs or {})
        if self.monitor is None or not scalars:
            return
        if any(name.startswith("eval_") for name in logs or {}):
            self.monitor.eval(state.global_step, scalars, **_epoch(state))
        elif "loss/total" in scalars:
            if self._times:
                scalars["time/step"] = sum(self._times) / len(self._times)
                self._times = []
            self.monitor.step(state.global_step, scalars, **_epoch(state))
        if self.monitor.stop_reason is not None:
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.monitor is not None:
            path = os.fspath(Path(args.output_dir) / f"checkpoint-{state.global_step}")
            best = state.best_model_checkpoint == path
            self.monitor.say(Kind.CHECKPOINT, state.global_step, path=path, best=best, reason="interval")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.monitor is not None:
            self.monitor.close("stopped" if self.monitor.stop_reason else "done")
            self.monitor = None


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for name, value in logs.items():
        if isinstance(value, (int, float)) and not name.startswith(_LEFT_OUT):
            found[_NAMES.get(name) or name.replace("eval_", "val/", 1)] = float(value)
    return found


def _epoch(state: Any) -> dict[str, int]:
    epochs = int(state.num_train_epochs)
    return {"epoch": min(int(state.epoch or 0) + 1, epochs), "epochs": epochs}


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that JSON takes; where models or tokens lie on this disk stays out."""
    return {name: value for name, value in config.items() if isinstance(value, (bool, int, float, str)) and value != ""}
