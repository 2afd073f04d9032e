"""aurl in the `fit` of Keras 3: `model.fit(..., callbacks=[AurlCallback("outputs/mine")])`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aurl.errors import ConfigError
from aurl.integrations import names
from aurl.integrations.numbers import Numbers
from aurl.integrations.own_run import OwnRun
from aurl.monitor import Monitor
from aurl.record import Kind
from aurl.sinks.base import Sink

try:
    from keras.callbacks import Callback
except ModuleNotFoundError as error:
    raise ConfigError("aurl.integrations.keras needs Keras 3: pip install keras") from error


class AurlCallback(Callback):  # type: ignore[misc]  # Keras has no types
    """Writes what `fit` does as an aurl run, whatever backend Keras runs on.

    Each batch is a STEP record with what Keras shows for it: loss and metrics as means over the epoch so far, for
    Keras gives callbacks nothing else. Each epoch is an EPOCH record, and its validation an EVAL record. A second
    `fit` of the same model goes on with the run. Under the policy `stop` a critical alert stops `fit`.

    Args:
        path: the run directory itself. It is gone on with where the optimiser has steps behind it; the training of a
            new model beside a run that lies there gets `path_2`, and a warning says so.
        logging, anomaly, config, tags: as in `aurl.Monitor.open`.

    Raises:
        ConfigError: Keras is not installed.
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
        self._numbers = Numbers()
        self._training = False
        self._step = 0
        self._batch = -1
        self._epoch = 0
        self._begun = 0.0

    @property
    def monitor(self) -> Monitor | None:
        """The Monitor while a run is open."""
        return self._run.monitor

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._step, self._training = int(self.model.optimizer.iterations), True
        steps, epochs = self.params.get("steps"), self.params.get("epochs")
        self._run.begin(
            step=self._step,
            config=_config(self.model.optimizer),
            epochs=epochs,
            batches=steps,
            steps=steps * epochs if steps and epochs else None,
            model=type(self.model).__name__,
            parameters=int(self.model.count_params()) if self.model.built else None,
        )

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch, self._batch = epoch + 1, -1

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        done, self._batch = batch - self._batch, batch  # more than one where `steps_per_execution` is
        self._step += done
        if self.monitor is not None:
            scalars = self._told(logs or {}, self.monitor)
            scalars["time/step"] = (time.perf_counter() - self._begun) / max(done, 1)
            self.monitor.step(self._step, scalars, epoch=self._epoch, batch=batch + 1)
            if self.monitor.stop_reason is not None:
                self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.monitor is None:
            return
        told = dict(logs or {})
        held_out = {names.held_out(name): told.pop(name) for name in list(told) if name.startswith("val_")}
        if scalars := self._numbers.of(held_out, self.monitor):
            self.monitor.eval(self._step, scalars, epoch=epoch + 1)
        self.monitor.say(Kind.EPOCH, self._step, self._told(told, self.monitor), epoch=epoch + 1)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if self._training or not logs:
            return  # the validation of an epoch is told when the epoch ends
        monitor = self._run.reopen(self._step)
        held_out = {names.held_out(name): value for name, value in logs.items()}
        monitor.eval(self._step, self._numbers.of(held_out, monitor), epoch=self._epoch or None)
        self._run.end()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._training = False
        self._run.end()

    def _told(self, logs: Mapping[str, Any], monitor: Monitor) -> dict[str, float]:
        return {names.own(name): value for name, value in self._numbers.of(logs, monitor).items()}


def _config(optimizer: Any) -> dict[str, Any]:
    """The optimiser's plain settings."""
    settings = optimizer.get_config()
    return {name: value for name, value in settings.items() if isinstance(value, (bool, int, float, str))}
