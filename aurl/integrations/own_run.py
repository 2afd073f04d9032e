"""The run directory that a trainer's callback writes to: one for each training, whatever the program does."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aurl.monitor import Monitor
from aurl.record import Json
from aurl.runs.listing import is_run
from aurl.sinks.base import Sink


class OwnRun:
    """Opens, ends and opens again the Monitor of a callback.

    A training that starts from nothing gets a directory of its own: `path`, or where that holds a run already
    `path_2`, `path_3`, ... One that goes on from a checkpoint, and an evaluation after the training, go on with the
    directory that is there.

    Args:
        path: the run directory itself.
        logging, anomaly, config, tags: as in `aurl.Monitor.open`.
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
        self.folder: Path | None = None
        self.watched = anomaly != "off"
        self._path = Path(path).expanduser()
        self._given = self._config = config
        self._options: dict[str, Any] = {"logging": logging, "anomaly": anomaly, "tags": tags}

    def begin(self, *, step: int, config: Mapping[str, Any] | None = None, **start: Json) -> Monitor:
        """Open the run of a training that begins now, at this step; one that was left open is ended as stopped.

        Args:
            step: steps that the training has behind it; 0 begins anew.
            config: the trainer's own configuration, where the user gave none.
            start: further fields of the START record.
        """
        self.end("stopped", "interrupted: another training was begun in this program")
        self.folder = self._last() if step else self._free()
        self._config = config = self._given if self._given is not None else config
        options: dict[str, Any] = {**self._options, **start, "config": config, "resumed_from": step or None}
        self.monitor = Monitor.open(self.folder, **options)
        return self.monitor

    def reopen(self, step: int) -> Monitor:
        """The open Monitor; or the run opened again, for what is measured after its training."""
        if self.monitor is None:
            self.folder = self.folder or self._free()
            resumed = step if is_run(self.folder) else None
            self.monitor = Monitor.open(self.folder, **self._options, config=self._config, resumed_from=resumed)
        return self.monitor

    def end(self, status: str | None = None, message: str = "") -> None:
        """End the run, as `done` (or `stopped` by an alert) where no status is given; nothing where none is open."""
        monitor, self.monitor = self.monitor, None
        if monitor is not None:
            monitor.close(status or ("stopped" if monitor.stop_reason else "done"), message)

    def _last(self) -> Path:
        """The directory of the training before: this program's, or the last one that lies there."""
        if self.folder is not None:
            return self.folder
        folder, number = self._path, 2
        while is_run(after := self._numbered(number)):
            folder, number = after, number + 1
        return folder

    def _free(self) -> Path:
        if not is_run(self._path):
            return self._path
        number = 2
        while is_run(folder := self._numbered(number)):
            number += 1
        warnings.warn(f"{self._path} holds a run already; this training is written to {folder}", stacklevel=2)
        return folder

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}_{number}")
