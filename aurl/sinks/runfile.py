"""`run.json`: what a run is and how it goes, small enough to list a thousand of them in a moment."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from aurl.errors import ConfigError, RunError
from aurl.machine import process
from aurl.machine.files import replace_file
from aurl.machine.secrets import mask, mask_argv
from aurl.record import Json, Kind, Record, Severity
from aurl.runs.codec import decode, encode
from aurl.runs.rundir import RunDirectory
from aurl.runs.standing import standing_records
from aurl.runs.summary import ScalarSummary, summary_of
from aurl.runs.table import resumed_from
from aurl.sinks.base import Sink

VERSION = 1
_FROM_START = ("model", "parameters", "device", "precision", "epochs", "batches", "steps", "resumed_from")
_HISTORY = ("started", "step", "epoch", "samples", "checkpoints", "resumes", "alerts")
_PROGRESS = frozenset({Kind.STEP, Kind.EVAL, Kind.EPOCH, Kind.CHECKPOINT, Kind.END})
_LONGEST_WAIT = 60.0


class RunFile(Sink):
    """Keeps `run.json` true: at open, every few seconds, and at once when the run ends.

    `updated` is the heartbeat by which others see that the run lives. The file is replaced whole, so a reader never
    sees half of it, and a full disk leaves the old one. On a resumed run the summary goes on and `started` stays.
    Where steps come again, after a resume or a rollback, what stands before them is counted anew from the event log.

    Args:
        info: what is known beforehand: `id`, `name`, `tags`, `argv`, `seed`, and what `aurl.machine.env.snapshot`
            gives. Secrets are masked.
        every: seconds between two heartbeats.

    Raises:
        ConfigError: `every` is negative.
    """

    def __init__(self, info: Mapping[str, Json], every: float = 3.0) -> None:
        if not every >= 0:
            raise ConfigError(f"run.json: every={every} seconds is below 0; give 3.0")
        # Through the codec and back: whatever JSON lacks, paths or numpy values, is made to fit.
        plain = dict(decode(encode(Record(Kind.START, 0, fields=info))).fields)
        if isinstance(argv := plain.get("argv"), list):
            plain["argv"] = mask_argv([str(argument) for argument in argv])
        masked = mask(plain)
        assert isinstance(masked, dict)
        self._info: dict[str, Any] = masked
        self._every = every
        self._path = Path()
        self._due = 0.0
        self._failures = 0
        self._document: dict[str, Any] = {}
        self._summary: dict[str, ScalarSummary] = {}
        self._stepwise: set[str] = set()

    def open(self, run: RunDirectory) -> None:
        """Begin the file, or take up the one that is there; an unreadable one is set aside as `run.json.unreadable`."""
        self._path = run.run_json
        before = self._load()
        self._document = _beginning(run, self._info, before)
        self._summary = {name: summary_of(name, saved) for name, saved in before.get("summary", {}).items()}
        self._stepwise = set()
        self._due = 0.0
        try:
            self._save()
        except OSError:
            self._due = 0.0  # the next flush tries again, and what it raises is reported; here it would end this sink

    def write(self, record: Record) -> None:
        """Take the record into the summary; START and END are written at once."""
        if (back := resumed_from(record)) is not None and back < self._document["step"]:
            self._count_anew(record)
        if record.scalars:
            self._summarise(record)
        if record.kind in _PROGRESS:
            self._document["step"] = record.step
            self._document["epoch"] = record.fields.get("epoch", self._document["epoch"])
        react = _REACTIONS.get(record.kind)
        if react is not None:
            react(self._document, record)
        if record.kind in (Kind.START, Kind.END):
            self._save()

    def flush(self) -> None:
        """Write the file when its time has come, whether or not anything is new.

        Raises:
            OSError: the disk is full or may not be written; the old file is whole, and later flushes try again.
        """
        if time.monotonic() >= self._due:
            self._save()

    def close(self) -> None:
        """Write the file a last time; a run that never said how it ended has failed."""
        if self._document.get("status") == "running":
            self._document |= {"status": "failed", "ended": time.time(), "message": "closed without an END record"}
        self._save()

    def _load(self) -> dict[str, Any]:
        try:
            before = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except orjson.JSONDecodeError:
            before = None
        if isinstance(before, dict) and before.get("v") == VERSION:
            return before
        self._path.replace(self._path.with_name("run.json.unreadable"))
        return {}

    def _count_anew(self, going_on: Record) -> None:
        """The summary and the samples from the event log, as far as this record that goes on from an earlier step.

        Alerts stay counted: what went wrong before a rollback did go wrong.
        """
        before = self._summary, self._stepwise, self._document["samples"]
        self._summary, self._stepwise, self._document["samples"] = {}, set(), 0
        try:
            for record in standing_records(self._path.parent, until=going_on):
                self._summarise(record)
                self._document["samples"] += record.kind is Kind.SAMPLE
        except (RunError, OSError):  # the log was moved away: better values that count twice than none
            self._summary, self._stepwise, self._document["samples"] = before

    def _summarise(self, record: Record) -> None:
        summary = self._summary
        if record.kind is Kind.STEP:
            self._stepwise.update(record.scalars)
        for name, value in record.scalars.items():
            # An epoch repeats the losses of its steps as means: they are in the summary already.
            if record.kind is Kind.EPOCH and name in self._stepwise:
                continue
            if name not in summary:
                summary[name] = summary_of(name)
            summary[name].add(value, record.step)

    def _save(self) -> None:
        self._document["updated"] = time.time()
        self._document["summary"] = {name: scalar.as_json() for name, scalar in sorted(self._summary.items())}
        self._failures += 1
        self._due = time.monotonic() + min(_LONGEST_WAIT, self._every * 2 ** min(self._failures - 1, 10))
        replace_file(self._path, orjson.dumps(self._document, option=orjson.OPT_INDENT_2, default=str))
        self._failures = 0


def _beginning(run: RunDirectory, info: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a run that begins, or goes on with the history that is there."""
    now, identity = time.time(), process.identity()
    document: dict[str, Any] = {"v": VERSION, "id": run.id, "name": run.id, "tags": [], **info}
    document |= {"status": "running", "started": now, "ended": None, "exit_code": None, "message": ""}
    document |= {"host": platform.node(), "pid": identity["pid"], "process": identity}
    document |= {"step": 0, "epoch": None, "samples": 0, "checkpoints": {"latest": None, "best": None}, "resumes": []}
    document["alerts"] = {severity.value: 0 for severity in Severity}
    if before:
        document |= {name: before[name] for name in (*_HISTORY, *_FROM_START) if name in before}
        resume = {"time": now, "step": None, "host": document["host"], "pid": document["pid"]}
        document["resumes"] = [*document["resumes"], resume]
    return document


def _start(document: dict[str, Any], record: Record) -> None:
    if record.time and not document["resumes"]:
        document["started"] = min(document["started"], record.time)  # an imported run began long before its file
    document |= {name: record.fields[name] for name in _FROM_START if name in record.fields}
    document["step"] = record.step
    if document["resumes"]:
        document["resumes"][-1]["step"] = record.fields.get("resumed_from", record.step)


def _alert(document: dict[str, Any], record: Record) -> None:
    severity = str(record.fields.get("severity"))
    document["alerts"][severity] = document["alerts"].get(severity, 0) + 1


def _sample(document: dict[str, Any], record: Record) -> None:
    document["samples"] += 1


def _checkpoint(document: dict[str, Any], record: Record) -> None:
    document["checkpoints"]["latest"] = record.fields.get("path")
    if record.fields.get("best"):
        document["checkpoints"]["best"] = record.fields.get("path")


def _end(document: dict[str, Any], record: Record) -> None:
    document["status"] = str(record.fields.get("status", "done"))
    document["ended"] = record.time
    document |= {name: record.fields.get(name) for name in ("exit_code", "message")}


_REACTIONS: Mapping[str, Callable[[dict[str, Any], Record], None]] = {
    Kind.START: _start,
    Kind.ALERT: _alert,
    Kind.SAMPLE: _sample,
    Kind.CHECKPOINT: _checkpoint,
    Kind.END: _end,
}
