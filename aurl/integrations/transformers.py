"""aurl in a Hugging Face Trainer: `Trainer(..., callbacks=[AurlCallback("outputs/mine")])`."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aurl.errors import ConfigError
from aurl.integrations import names
from aurl.integrations.numbers import Numbers
from aurl.integrations.own_run import OwnRun
from aurl.monitor import Monitor
from aurl.record import Json, Kind
from aurl.sinks.base import Sink

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    raise ConfigError("aurl.integrations.transformers needs transformers: pip install transformers") from error

_SPEED = ("_runtime", "_samples_per_second", "_steps_per_second", "_model_preparation_time")
_OF_TRAINING = frozenset(f"train{ending}" for ending in _SPEED) | {"epoch"}
_MEANS = frozenset({"train_loss", "total_flos"})  # over the whole run, told once at its end
_JUST_BELOW = 1e-6  # an epoch of 2.9999999 is over


class AurlCallback(TrainerCallback):
    """Writes what a Trainer does as an aurl run, in the process of rank 0.

    The Trainer reports loss, gradient norm and learning rate every `logging_steps` steps; with `logging_steps=1` the
    detectors see each of them. What a subclass gives to `self.log` besides is in the record of its step. Each
    evaluation and prediction is an EVAL record, also after the training; each saved checkpoint a CHECKPOINT record.
    Under the policy `stop` a critical alert stops the Trainer after the step.

    Args:
        path: the run directory itself. It is gone on with where the Trainer resumes from a checkpoint; a training that
            starts anew beside a run that lies there gets `path_2`, and a warning says so.
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
        self._run = OwnRun(path, logging=logging, anomaly=anomaly, config=config, tags=tags)
        self._numbers = Numbers()
        self._training = False
        self._begun = 0.0
        self._times: list[float] = []
        self._epoch = 0
        self._waiting: dict[str, Any] = {}

    @property
    def monitor(self) -> Monitor | None:
        """The Monitor while a run is open, on rank 0."""
        return self._run.monitor

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        self._times, self._waiting, self._training = [], {}, True
        self._run.begin(
            step=state.global_step,
            config=_plain(args.to_dict()),
            steps=state.max_steps,
            epochs=math.ceil(state.num_train_epochs),
            model=type(model).__name__,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            device=str(args.device),
        )

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._epoch = int((state.epoch or 0) + _JUST_BELOW) + 1

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._write_waiting(state, control)
        self._begun = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._times.append(time.perf_counter() - self._begun)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        if not state.is_world_process_zero or not logs or _evaluated(logs) is not None:
            return  # an evaluation is told by its own hook
        held_out = {name: value for name, value in logs.items() if name.startswith("eval_")}
        if held_out:
            self._write_eval(state, held_out, "eval")
        left_out = _OF_TRAINING | held_out.keys() | (_MEANS if "total_flos" in logs else frozenset())
        self._waiting |= {names.own(name): value for name, value in logs.items() if name not in left_out}
        if "loss" in logs:
            self._write_waiting(state, control)

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        self._write_waiting(state, control)
        self._evaluation_ended(state, metrics or {})

    def on_predict(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        self._write_waiting(state, control)
        self._evaluation_ended(state, metrics or {})

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._write_waiting(state, control)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._write_waiting(state, control)
        if self.monitor is not None:
            path = os.fspath(Path(args.output_dir) / f"checkpoint-{state.global_step}")
            best = state.best_model_checkpoint == path
            self.monitor.say(Kind.CHECKPOINT, state.global_step, path=path, best=best, reason="interval")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._write_waiting(state, control)
        self._training = False
        self._run.end()

    def _write_waiting(self, state: Any, control: Any) -> None:
        """Write what was logged since the last step, a loss or not, and stop the Trainer where an alert asks for it."""
        if self.monitor is None:
            self._waiting = {}
            return
        if self._waiting and (scalars := self._numbers.of(self._waiting, self.monitor)):
            if self._times:
                scalars["time/step"] = sum(self._times) / len(self._times)
            self.monitor.step(state.global_step, scalars, **self._where(state))
            self._times = []
        self._waiting = {}
        if self.monitor.stop_reason is not None:
            control.should_training_stop = True

    def _evaluation_ended(self, state: Any, metrics: Mapping[str, Any]) -> None:
        prefix = _evaluated(metrics) or "eval"
        self._write_eval(state, metrics, prefix)

    def _write_eval(self, state: Any, metrics: Mapping[str, Any], prefix: str) -> None:
        if not state.is_world_process_zero:
            return
        first = prefix.split("_", maxsplit=1)[0]  # of several evaluation sets each is told as `eval_NAME`
        group = "val" if first == "eval" else first
        told = {name: value for name, value in metrics.items() if not _is_cost(name, prefix)}
        kept = {names.held_out(name, first, group): value for name, value in told.items()}
        if not kept:
            return
        monitor = self._run.reopen(state.global_step)
        if scalars := self._numbers.of(kept, monitor):
            monitor.eval(state.global_step, scalars, **self._where(state))
        if not self._training:
            self._run.end()

    def _where(self, state: Any) -> dict[str, Json]:
        epochs = math.ceil(state.num_train_epochs or 0)
        return {"epoch": min(self._epoch, epochs), "epochs": epochs} if self._epoch and epochs else {}


def _evaluated(metrics: Mapping[str, Any]) -> str | None:
    """The prefix of these metrics where they are those of an evaluation, which tells how long it took."""
    for prefix in (name.removesuffix("_runtime") for name in metrics if name.endswith("_runtime")):
        # The Trainer tells so of the whole training too, and of each step where it counts tokens.
        if prefix != "train" or ("train_loss" in metrics and "total_flos" not in metrics):
            return prefix
    return None


def _is_cost(name: str, prefix: str) -> bool:
    return name == "epoch" or name in {f"{prefix}{ending}" for ending in _SPEED}


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that JSON takes; where models or tokens lie on this disk stays out."""
    return {name: value for name, value in config.items() if isinstance(value, (bool, int, float, str)) and value != ""}
