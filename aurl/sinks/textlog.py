"""The text log: `logs/train.log` in a fixed format, always on.

    [2026-11-23 14:05:12.345] [INFO] [train] Step 225: learning rate 0.0003, gradient norm 1.2
      - Epoch: 5/100, Batch: 25/50
      - Files processed: 800 (300 augmented)
      - Losses: {total: 0.57, recon: 0.45, kl: 0.12}
      - Memory: GPU 3.20GB/4.00GB, RAM: 8.50GB
      - Samples saved: samples/000400_0.mid
      - ETA: 2h 15min

Times are local. The sub-lines are these, in this order, each only where it applies. Every line matches an entry of
`LINE`; line breaks and control characters in values are escaped, so no value can forge a line.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping

from aurl.errors import ConfigError
from aurl.record import Json, Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.headlines import LEVELS, headline, level
from aurl.show.wording import eta, losses, memory, printable, whole
from aurl.sinks.base import Sink
from aurl.sinks.rotating_file import RotatingFile

_NUMBER = r"(?:-?\d+(?:\.\d+)?(?:e[+-]\d+)?|-?inf|nan)"
_LOSS = rf"[\w./-]+: {_NUMBER}"
LINE: Mapping[str, re.Pattern[str]] = {
    "header": re.compile(
        r"\[(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\] "
        rf"\[(?P<level>{'|'.join(LEVELS)})\] \[(?P<module>[\w.-]+)\] (?P<message>.+)"
    ),
    "epoch": re.compile(r"  - Epoch: (?P<epoch>\d+)/(?P<epochs>\d+), Batch: (?P<batch>\d+)/(?P<batches>\d+)"),
    "files": re.compile(r"  - Files processed: (?P<files>\d+) \((?P<augmented>\d+) augmented\)"),
    "losses": re.compile(rf"  - Losses: \{{(?P<losses>{_LOSS}(?:, {_LOSS})*)\}}"),
    "memory": re.compile(
        r"  - Memory: (?:GPU (?P<gpu>\d+\.\d\d)GB/(?P<gpu_total>\d+\.\d\d)GB, )?RAM: (?P<ram>\d+\.\d\d)GB"
    ),
    "samples": re.compile(r"  - Samples saved: (?P<path>.+)"),
    "eta": re.compile(r"  - ETA: (?P<eta>\d+s|\d+min|\d+h(?: \d+min)?|\d+d(?: \d+h)?)"),
}

_MODULES: dict[str, str] = {
    Kind.START: "run",
    Kind.STEP: "train",
    Kind.EVAL: "eval",
    Kind.EPOCH: "train",
    Kind.DATA: "data",
    Kind.SAMPLE: "sample",
    Kind.QUALITY: "quality",
    Kind.ALERT: "anomaly",
    Kind.CHECKPOINT: "checkpoint",
    Kind.NOTE: "note",
    Kind.END: "run",
}
LATEST = 253_370_764_800  # 9999-01-01, in seconds since 1970
_NOT_A_MODULE = re.compile(r"[^\w.-]+")


class TextLog(Sink):
    """Writes the text log; one message is one unbuffered write, so a kill loses none.

    Args:
        every: of the STEP records each n-th is written, and the first and the last of an epoch.
        max_bytes: size at which the log is rotated.
        backups: gzip backups to keep, `train.log.1.gz` the youngest.
        daily: rotate at midnight, local time, too.

    Raises:
        ConfigError: a value below 1.
    """

    def __init__(self, every: int = 10, max_bytes: int = 100_000_000, backups: int = 5, *, daily: bool = False) -> None:
        for name, value in (("every", every), ("max_bytes", max_bytes), ("backups", backups)):
            if value < 1:
                raise ConfigError(f"text log: {name}={value}: needs at least 1")
        self._every = every
        self._max_bytes = max_bytes
        self._backups = backups
        self._daily = daily
        self._tomorrow = math.inf
        self._file: RotatingFile | None = None
        self._messages = Messages()

    def open(self, run: RunDirectory) -> None:
        self.close()
        run.logs.mkdir(parents=True, exist_ok=True)
        written = run.train_log.stat().st_mtime if run.train_log.exists() else time.time()
        self._file = RotatingFile(run.train_log, self._max_bytes, self._backups)
        self._tomorrow = _midnight_after(written) if self._daily else math.inf

    def write(self, record: Record) -> None:
        self._messages.remember(record)
        if self._file is not None and (record.kind is not Kind.STEP or self._is_due(record)):
            message = self._messages.render(record)
            if message:
                self._turn_the_day(record.time)
                self._file.write(message.encode())

    def flush(self) -> None:
        if self._file is not None:
            self._file.check()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _turn_the_day(self, moment: float) -> None:
        if moment >= self._tomorrow and self._file is not None:
            self._tomorrow = _midnight_after(moment)  # first: a rotation that fails is not tried for every message
            self._file.rotate()

    def _is_due(self, record: Record) -> bool:
        batch = record.fields.get("batch")
        return record.step % self._every == 0 or batch in (1, record.fields.get("batches", 1))


def _midnight_after(moment: float) -> float:
    """Seconds since 1970 of the next local midnight; days of 23 and 25 hours are what they are."""
    day = time.localtime(moment)
    return time.mktime((day.tm_year, day.tm_mon, day.tm_mday + 1, 0, 0, 0, 0, 0, -1))


class Messages:
    """Renders records in the fixed format; remembers what later messages repeat: the memory and the batch."""

    def __init__(self) -> None:
        self._memory = ""
        self._batch: Mapping[str, Json] = {}
        self._second = (-1, "")

    def remember(self, record: Record) -> None:
        """Keep what a later message needs. Call it for every record, also those that are not rendered."""
        if record.kind is Kind.STEP:
            self._batch = record.fields
        elif record.kind is Kind.SYSTEM:
            self._memory = memory(record.scalars)

    def render(self, record: Record) -> str:
        """The message with its sub-lines, each with its newline; empty for a kind that is not written."""
        message = headline(record)
        if not message:
            return ""
        module = _MODULES.get(record.kind, "run")
        if record.kind is Kind.NOTE:
            module = _NOT_A_MODULE.sub("_", str(record.fields.get("module") or module))
        lines = [f"[{self._clock(record.time)}] [{level(record)}] [{module}] {message}"]
        if record.kind in _WITH_PROGRESS:
            self._add_progress(lines, record)
        elif record.kind is Kind.DATA:
            lines += _files(record.fields)
        elif record.kind is Kind.SAMPLE and record.fields.get("path"):
            lines.append(f"  - Samples saved: {printable(str(record.fields['path']))}")
        lines.append("")
        return "\n".join(lines)

    def _add_progress(self, lines: list[str], record: Record) -> None:
        lines += _epoch(self._batch)
        lines += _files(record.fields)
        if text := losses(record):
            lines.append(f"  - Losses: {{{text}}}")
        if self._memory:
            lines.append(f"  - Memory: {self._memory}")
        if text := eta(self._batch):
            lines.append(f"  - ETA: {text}")

    def _clock(self, seconds: float) -> str:
        if not 0 <= seconds < LATEST:
            seconds = 0.0  # no date of four digits: a damaged record, or one without a time
        second = int(seconds)
        if second != self._second[0]:
            self._second = (second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)))
        return f"{self._second[1]}.{int((seconds - second) * 1000):03d}"


_WITH_PROGRESS = frozenset({Kind.STEP, Kind.EPOCH, Kind.EVAL})


def _epoch(fields: Mapping[str, Json]) -> list[str]:
    place = [fields.get("epoch"), fields.get("epochs"), fields.get("batch"), fields.get("batches")]
    if any(whole(value) is None for value in place):
        return []
    return ["  - Epoch: {}/{}, Batch: {}/{}".format(*place)]


def _files(fields: Mapping[str, Json]) -> list[str]:
    files, augmented = whole(fields.get("files")), whole(fields.get("augmented"))
    return [] if files is None else [f"  - Files processed: {files} ({augmented or 0} augmented)"]
