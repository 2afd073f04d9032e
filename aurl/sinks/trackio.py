"""The Trackio sink: scalars and alerts into Trackio's local database, to be seen with `trackio show`."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from aurl.errors import ConfigError
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks import high_water as shown
from aurl.sinks.base import Sink
from aurl.sinks.high_water import Shown
from aurl.sinks.identity import identity

_LEVELS = {"info": "INFO", "warning": "WARN", "critical": "ERROR", "fatal": "ERROR"}


class TrackioSink(Sink):
    """Writes scalars at their steps, alerts, and the configuration with its secrets masked.

    Trackio dates the points itself, when it takes them. It works apart, see `aurl.sinks.worker`.

    Args:
        project: null for the experiment's name.
        folder: of the database; null for Trackio's own (TRACKIO_DIR, or below ~/.cache/huggingface).
        space: the id of a Hugging Face Space to write to; null to stay on this machine.
        finish_seconds: how long the end of a run waits.

    Raises:
        ConfigError: the package trackio is missing.
    """

    apart = True
    whole_log = True

    def __init__(
        self,
        *,
        project: str | None = None,
        folder: str | None = None,
        space: str | None = None,
        finish_seconds: float = 60.0,
    ) -> None:
        if find_spec("trackio") is None:
            raise ConfigError(
                "logging=trackio needs the package trackio: pip install 'aurl[trackio]', or choose logging=csv"
            )
        self.finish_seconds = finish_seconds
        self._project = project
        self._folder = folder
        self._space = space
        self._directory: RunDirectory | None = None
        self._shown = Shown(None)
        self._last: Record | None = None
        self._run: Any = None  # trackio.Run

    def open(self, run: RunDirectory) -> None:
        self._directory = run
        self._shown = shown.read(run.events / "trackio" / "shown")

    def write(self, record: Record) -> None:
        if self._shown.has(record):
            return
        if self._run is None:
            self._begin()
        self._last = record
        if record.kind is Kind.ALERT:
            self._alert(self._run, record)
        elif values := _values(record):
            self._run.log(values, step=record.step)

    def flush(self) -> None:
        if self._last is not None and self._directory is not None:
            shown.write(self._directory.events / "trackio" / "shown", self._last)
            self._last = None

    def close(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.finish()
            self.flush()

    def _begin(self) -> None:
        assert self._directory is not None
        if self._folder is not None:
            os.environ["TRACKIO_DIR"] = self._folder  # read when the package is imported
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import trackio

        known = identity(self._directory)
        self._run = trackio.init(
            project=self._project or known.project,
            name=known.name,
            group=known.group,
            config=known.config,
            space_id=self._space,
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def _alert(self, run: Any, record: Record) -> None:
        import trackio

        level = trackio.AlertLevel[_LEVELS.get(str(record.fields.get("severity")), "WARN")]
        title = f"{record.fields.get('type', 'alert')} at step {record.step}"
        run.alert(title=title, text=str(record.fields.get("message", "")), level=level, step=record.step)


def _values(record: Record) -> dict[str, Any]:
    """Epochs repeat the names of their steps, and the samples of a step each other's."""
    prefix, suffix = ("epoch/", "") if record.kind is Kind.EPOCH else ("", "")
    slot = record.fields.get("slot") if record.kind in (Kind.SAMPLE, Kind.QUALITY) else None
    if slot is not None:
        suffix = f"/{slot}"
    return {f"{prefix}{name}{suffix}": value for name, value in record.scalars.items()}
