"""aurl as a tracker of Accelerate: `Accelerator(log_with=AurlTracker("outputs/mine"))`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurl.errors import ConfigError
from aurl.integrations import names
from aurl.integrations.numbers import Numbers
from aurl.integrations.own_run import OwnRun
from aurl.monitor import Monitor
from aurl.sinks.base import Sink

try:
    from accelerate import PartialState
    from accelerate.tracking import GeneralTracker
except ModuleNotFoundError as error:
    raise ConfigError("aurl.integrations.accelerate needs Accelerate: pip install accelerate") from error


class AurlTracker(GeneralTracker):  # type: ignore[misc]  # Accelerate has no types
    """Writes what `accelerator.log` is given as an aurl run, in the main process.

    Names that say `val`, `eval`, `test` and the like are an EVAL record, all others a STEP record. The run begins with
    the first values and ends with `accelerator.end_training()`. Accelerate leaves the loop to the program, so it is
    the program that stops where `tracker.stop_reason` is set.

    Args:
        path: the run directory itself. Where a run lies there already the new one gets `path_2`, and a warning says so.
        resume: go on with the run that lies there; steps after the first one that is logged are superseded.
        logging, anomaly, config, tags: as in `aurl.Monitor.open`; the configuration is what `init_trackers` was given
            by default.

    Raises:
        ConfigError: Accelerate is not installed.
    """

    name = "aurl"
    requires_logging_directory = False

    def __init__(
        self,
        path: str | Path,
        *,
        resume: bool = False,
        logging: str | Sequence[str | Sink] = ("tensorboard",),
        anomaly: str | Mapping[str, Any] = "default",
        config: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._run = OwnRun(path, logging=logging, anomaly=anomaly, config=config, tags=tags)
        self._resume = resume
        self._config: Mapping[str, Any] | None = None
        self._numbers = Numbers()

    if TYPE_CHECKING:
        tracker: Monitor | None
    else:

        @property
        def tracker(self) -> Monitor | None:
            """The Monitor while the run is open, for `accelerator.get_tracker("aurl", unwrap=True)`."""
            return self._run.monitor

    @property
    def stop_reason(self) -> object | None:
        """The alert that asks the loop to stop under the policy `stop`, else None."""
        return None if self._run.monitor is None else self._run.monitor.stop_reason

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Remember the configuration for the run that the first values begin."""
        self._config = dict(values)

    def log(self, values: Mapping[str, Any], step: int | None = None, **fields: Any) -> None:
        """Write a STEP record, an EVAL record, or one of each.

        Args:
            values: numbers of Python, numpy or torch by name; others are left out, and noted once.
            step: optimiser steps finished; the one after the last by default.
            fields: further fields of the record, `epoch=3`.
        """
        if not PartialState().is_main_process:
            return
        monitor = self._run.monitor
        if monitor is None:
            behind = max(int(step or 1) - 1, 1) if self._resume else 0
            monitor = self._run.begin(step=behind, config=self._config)
        scalars = self._numbers.of(values, monitor)
        held_out = {names.evaluated(name): value for name, value in scalars.items() if names.is_held_out(name)}
        training = {names.own(name): value for name, value in scalars.items() if not names.is_held_out(name)}
        if training:
            monitor.step(monitor.last_step + 1 if step is None else step, training, **fields)
        if held_out:
            monitor.eval(monitor.last_step if step is None else step, held_out, **fields)

    def finish(self) -> None:
        """End the run, as `done` or, where an alert asked for it, as `stopped`."""
        self._run.end()
