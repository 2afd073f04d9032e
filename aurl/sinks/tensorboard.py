"""The TensorBoard sink: `events/tensorboard/`, one event per record, read by TensorBoard itself and by `tbparse`.

Readers differ in two ways that shape what is written. TensorBoard's data server keeps, of each tag, only the last
point of a step: so epoch means get tags of their own (`epoch/loss/total`), the samples of one step are told apart by
their slot (`sample/notes/0`), and texts of one step are gathered. The Python readers drop points that a resume
supersedes only where a session start says so: so one is written whenever training goes back.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterable

from aurl.errors import ConfigError
from aurl.record import Kind, Record
from aurl.rundir import RunDirectory
from aurl.sinks import tfevents
from aurl.sinks.append_file import AppendFile
from aurl.sinks.base import Sink

BUFFER_BYTES = 1 << 20
_FREQUENT = frozenset({Kind.STEP, Kind.SYSTEM})
_EVENT_FILE = re.compile(r"events\.out\.tfevents\.(\d+)\..*")


class TensorBoardSink(Sink):
    """Writes scalars, alerts and notes for TensorBoard, in a new event file each time the run is opened.

    Args:
        flush_seconds: steps wait in memory for at most this long; a kill loses no more (`aurl replay` brings it
            back from the event log). Any other record is written at the next flush.

    Raises:
        ConfigError: `flush_seconds` is negative.
    """

    def __init__(self, flush_seconds: float = 2.0) -> None:
        if flush_seconds < 0:
            raise ConfigError(f"tensorboard: flush_seconds={flush_seconds}: needs at least 0")
        self._flush_seconds = flush_seconds
        self._file: AppendFile | None = None
        self._frames: list[bytes] = []
        self._bytes = 0
        self._due = 0.0
        self._resumed = False
        self._last_step: int | None = None
        self._texts: dict[str, tuple[int, str]] = {}

    def open(self, run: RunDirectory) -> None:
        self.close()
        folder = run.events / "tensorboard"
        folder.mkdir(parents=True, exist_ok=True)
        earlier = [int(match[1]) for file in folder.iterdir() if (match := _EVENT_FILE.fullmatch(file.name))]
        self._resumed = bool(earlier)
        self._last_step = None
        # Readers take the files in the order of their names, so a clock set back must not put this one first.
        stamp = max(int(time.time()), 1 + max(earlier, default=0))
        self._file = AppendFile(folder / f"events.out.tfevents.{stamp:010d}.{_host()}.{os.getpid()}.0")
        self._add(tfevents.file_version(time.time()))
        self._write()

    def write(self, record: Record) -> None:
        if record.kind in (Kind.START, Kind.STEP):
            self._mark_restart(record)
        if record.scalars:
            self._add(tfevents.scalars(record.time, record.step, _tagged(record)))
        if record.kind in (Kind.ALERT, Kind.NOTE):
            self._add_text(record)
        if record.kind not in _FREQUENT:
            self._due = 0.0

    def flush(self) -> None:
        if self._frames and (time.monotonic() >= self._due or self._bytes >= BUFFER_BYTES):
            self._write()

    def close(self) -> None:
        if self._file is not None:
            try:
                self._write()
            finally:
                file, self._file = self._file, None
                file.close()

    def _add(self, event: bytes) -> None:
        framed = tfevents.frame(event)
        self._frames.append(framed)
        self._bytes += len(framed)

    def _write(self) -> None:
        if self._file is None:
            return
        data = b"".join(self._frames)
        self._frames.clear()
        self._bytes = 0
        self._due = time.monotonic() + self._flush_seconds
        self._file.write(data)

    def _mark_restart(self, record: Record) -> None:
        """Say that later points are superseded, where this record shows that training continues from before them."""
        if record.kind is Kind.START:
            resumed_from = record.fields.get("resumed_from")
            if isinstance(resumed_from, int):
                self._restart_at(resumed_from + 1, record.time)
            return
        if self._resumed or (self._last_step is not None and record.step < self._last_step):
            self._restart_at(record.step, record.time)
        self._last_step = record.step

    def _restart_at(self, step: int, when: float) -> None:
        self._add(tfevents.session_start(when, step))
        self._resumed = False
        self._last_step = None

    def _add_text(self, record: Record) -> None:
        tag, markdown = _alert_text(record) if record.kind is Kind.ALERT else _note_text(record)
        step, before = self._texts.get(tag, (record.step, ""))
        if step == record.step and before:
            markdown = f"{before}\n\n{markdown}"
        self._texts[tag] = (record.step, markdown)
        self._add(tfevents.text(record.time, record.step, tag, markdown))


def _tagged(record: Record) -> Iterable[tuple[str, float]]:
    if record.kind is Kind.EPOCH:
        return [(f"epoch/{name}", value) for name, value in record.scalars.items()]
    slot = record.fields.get("slot") if record.kind in (Kind.SAMPLE, Kind.QUALITY) else None
    if slot is not None:
        return [(f"{name}/{slot}", value) for name, value in record.scalars.items()]
    return record.scalars.items()


def _alert_text(record: Record) -> tuple[str, str]:
    fields = record.fields
    lines = [f"**{fields.get('severity', 'warning')}**: {fields.get('message', '')}"]
    if fields.get("cause"):
        lines.append(f"Cause: {fields['cause']}")
    suggestions = fields.get("suggestions")
    if isinstance(suggestions, (list, tuple)) and suggestions:
        lines.append("\n".join(f"- {item}" for item in suggestions))
    return f"alerts/{fields.get('type', 'alert')}", "\n\n".join(lines)


def _note_text(record: Record) -> tuple[str, str]:
    fields = record.fields
    return f"notes/{fields.get('module', 'train')}", f"**{fields.get('level', 'info')}**: {fields.get('message', '')}"


def _host() -> str:
    return re.sub(r"[^\w.-]", "_", socket.gethostname()) or "host"
