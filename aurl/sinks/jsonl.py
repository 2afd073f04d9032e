"""The JSON lines sink: a copy of the event log anywhere that fsspec reaches, such as `s3://bucket/runs`."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import Any

from aurl.errors import ConfigError
from aurl.machine.secrets import mask_text
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.rundir import RunDirectory
from aurl.sinks import high_water as shown
from aurl.sinks.base import Sink
from aurl.sinks.high_water import Shown

_LONGEST_WAIT = 60.0


class JsonLinesSink(Sink):
    """Writes records as lines of `records-<when opened>-<number>.jsonl`, each file whole and never changed again.

    Stores like S3 cannot append, so what came in `every_seconds` is one file; their names sort by time. A store that
    does not answer is tried again, at longer and longer intervals; what it lacks waits in memory, and is in the event
    log anyway.

    Args:
        url: a folder, to which the run's name is added, local or with a protocol that fsspec knows; null for
            `events/jsonl` in the run directory.
        every_seconds: between two files.
        options: further arguments of the file system, as fsspec calls them.

    Raises:
        ConfigError: the protocol is not known or its package is missing, or a value is out of range.
    """

    apart = True
    whole_log = True

    def __init__(
        self,
        *,
        url: str | None = None,
        every_seconds: float = 30.0,
        finish_seconds: float = 60.0,
        options: dict[str, Any] | None = None,
    ) -> None:
        for name, value in (("every_seconds", every_seconds), ("finish_seconds", finish_seconds)):
            if not value > 0:
                raise ConfigError(f"jsonl: {name}={value}: needs more than 0")
        if url is not None:
            _check(url)
        self.finish_seconds = finish_seconds
        self._url = url
        self._every_seconds = every_seconds
        self._options = options or {}
        self._system: Any = None
        self._folder = ""
        self._stamp = 0
        self._number = 0
        self._lines: list[bytes] = []
        self._shown = Shown(None)
        self._shown_file = Path()
        self._last: Record | None = None
        self._due = 0.0
        self._failures = 0

    def open(self, run: RunDirectory) -> None:
        self._system, folder = import_module("fsspec.core").url_to_fs(
            self._url or str(run.events / "jsonl"), **self._options
        )
        self._folder = folder if self._url is None else f"{folder.rstrip('/')}/{_place(run)}"
        self._shown_file = run.events / "jsonl" / "shown"
        self._shown = shown.read(self._shown_file)
        self._stamp, self._number, self._failures = int(time.time()), 0, 0
        self._due = time.monotonic() + self._every_seconds

    def write(self, record: Record) -> None:
        if self._shown.has(record):
            return
        self._last = record
        self._lines.append(encode(record))
        if record.kind is Kind.END and not self._failures:
            self._due = 0.0

    def flush(self) -> None:
        if not self._lines or time.monotonic() < self._due:
            return
        try:
            self._put()
        except Exception as error:  # noqa: BLE001  each store has errors of its own; it is tried again
            self._failures += 1
            if self._failures == 1:
                self.tell(f"jsonl: {self._folder}: {type(error).__name__}: {error}; tried again", "warning")
            self._due = time.monotonic() + min(_LONGEST_WAIT, 2.0**self._failures)

    def close(self) -> None:
        if self._lines:
            self._put()

    def _put(self) -> None:
        self._system.makedirs(self._folder, exist_ok=True)
        path = f"{self._folder}/records-{self._stamp}-{self._number:06d}.jsonl"
        with self._system.open(path, "wb") as file:
            file.write(b"".join(self._lines))
        assert self._last is not None
        shown.write(self._shown_file, self._last)
        self._lines = []
        self._number += 1
        self._failures = 0
        self._due = time.monotonic() + self._every_seconds


def _check(url: str) -> None:
    fsspec = import_module("fsspec")
    try:
        fsspec.get_filesystem_class(fsspec.utils.get_protocol(url))
    except (ImportError, ValueError) as error:
        advice = "give a folder or a URL such as s3://bucket/runs"
        raise ConfigError(f"jsonl: url={mask_text(url)}: {error}; {advice}") from error


def _place(run: RunDirectory) -> str:
    """The run's name, and for a job of a sweep the sweep's before it."""
    is_job = run.path.parent.parent.name == "sweeps"
    return f"{run.path.parent.name}/{run.id}" if is_job else run.id
