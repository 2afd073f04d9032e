"""The Weights & Biases sink: the whole run, offline by default, online where a key is configured.

It works apart, see `aurl.sinks.worker`, and reads the run directory alone, so that it can be fed a log again: records
that an earlier session left in `events/wandb/` are skipped, and the run keeps its id.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aurl.errors import CRASH, ConfigError
from aurl.record import Json, Kind, Record, Severity
from aurl.runs.rundir import RunDirectory
from aurl.scalars import describe
from aurl.sinks.base import Sink
from aurl.sinks.high_water import Shown
from aurl.sinks.identity import Identity, identity
from aurl.sinks.wandb import session as wandb_session
from aurl.sinks.wandb.charts import Charts
from aurl.sinks.wandb.files import Checkpoints, log_corpus, save_diff
from aurl.sinks.wandb.media import MediaThread
from aurl.sinks.wandb.pictures import pictures
from aurl.sinks.wandb.samples import Round, SampleRounds, write_round
from aurl.sinks.wandb.session import Mode

if TYPE_CHECKING:
    import wandb

SUMMARIES = {"lower": "min,last", "higher": "max,last", "neither": "last"}
_LEVELS = {"info": "INFO", "warning": "WARN", "critical": "ERROR", "fatal": "ERROR"}
_LONGEST_TITLE = 63
_RESERVED = frozenset({"step", "_step", "_timestamp", "_runtime", "_wandb"})  # columns of W&B's own, or of aurl's rows
_SHARE_FOR_MEDIA, _SHARE_FOR_SERVER = 0.4, 0.4  # of finish_seconds: the rest is for telling what was not sent


class WandbSink(Sink):
    """Writes a run for Weights & Biases.

    Args:
        mode: `auto` is online where WANDB_API_KEY or ~/.netrc holds a key, and offline elsewhere; WANDB_MODE decides
            where it is set.
        project: null for the experiment's name.
        entity: the user or team; null for the key's own.
        group: null for one group a sweep, and none for a single run.
        samples: write generated pieces: a table of pictures, sound and quality, and an artifact with the MIDI files.
        audio: with their sound, which wandb copies.
        checkpoints: which become artifacts: `end` those that are there at the end (latest and best), `best` each one
            that is the best so far, `all`, or `none`. `best` and `all` keep files that the run deletes.
        alerts: the mildest severity that is sent as an alert; null for none.
        init_seconds: how long a server may take to answer; then the run is written offline.
        finish_seconds: how long the end of the run waits for the server.

    Raises:
        ConfigError: the package wandb is missing, or a value is out of range.
    """

    apart = True
    whole_log = True
    goes_on_alone = True

    def __init__(
        self,
        *,
        mode: Mode = "auto",
        project: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        samples: bool = True,
        audio: bool = True,
        checkpoints: Literal["end", "best", "all", "none"] = "end",
        alerts: Literal["info", "warning", "critical", "fatal"] | None = "warning",
        init_seconds: float = 30.0,
        finish_seconds: float = 60.0,
    ) -> None:
        if find_spec("wandb") is None:
            raise ConfigError(
                "logging=wandb needs the package wandb: pip install 'aurl[wandb]', or choose logging=tensorboard"
            )
        for name, value in (("init_seconds", init_seconds), ("finish_seconds", finish_seconds)):
            if not value > 0:
                raise ConfigError(f"wandb: {name}={value}: needs more than 0")
        self.finish_seconds = finish_seconds
        self._mode = mode
        self._init_seconds = init_seconds
        self._chosen: dict[str, Any] = {"project": project, "entity": entity, "group": group}
        self._alerts = None if alerts is None else Severity(alerts).rank
        self._checkpoints = Checkpoints(checkpoints)
        self._rounds = SampleRounds() if samples else None
        self._audio = audio
        self._charts = Charts()
        self._stack = ExitStack()
        self._directory: RunDirectory | None = None
        self._run: wandb.Run | None = None
        self._shown = Shown(None)
        self._first_row: int | None = 0
        self._media: MediaThread | None = None
        self._named: set[str] = set()
        self._last: Record | None = None
        self._end: Mapping[str, Json] | None = None

    def open(self, run: RunDirectory) -> None:
        self._directory = run
        last, self._first_row = wandb_session.reached(run.events)
        self._shown = Shown(last)

    def write(self, record: Record) -> None:
        if self._shown.has(record):
            return
        self._last = record
        run = self._run or self._begin()
        if values := self._taken(_values(record)):
            self._define(run, values)
            self._log(run, record, values)
        if record.kind is Kind.START:
            run.config["start"] = dict(record.fields)
        elif record.kind is Kind.ALERT:
            self._alert(run, record)
        elif record.kind is Kind.END:
            self._end = record.fields
        self._charts.take(record)
        self._add_media(run, record)

    def close(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            try:
                self._finish(run)
            finally:
                self._stack.close()

    def _add_media(self, run: wandb.Run, record: Record) -> None:
        assert self._directory is not None
        assert self._media is not None
        directory = self._directory
        if record.kind is Kind.DATA and "fingerprint" in record.fields:
            self._media.put(lambda: log_corpus(run, record.fields))
        elif record.kind is Kind.CHECKPOINT:
            if (make := self._checkpoints.take(directory, record)) is not None:
                self._media.put(partial(make, run))
        elif record.kind is Kind.NOTE and "artifact" in record.fields:
            self._media.put(lambda: self._log(run, record, pictures(directory, record)))
        for done in self._rounds.take(record) if self._rounds else ():
            self._add_round(run, record, done)

    def _add_round(self, run: wandb.Run, record: Record, done: Round) -> None:
        assert self._directory is not None
        assert self._media is not None
        directory = self._directory
        self._media.put(lambda: self._log(run, record, write_round(run, directory, done, self._audio)))

    def _begin(self) -> wandb.Run:
        assert self._directory is not None
        folder, known = self._directory.events, identity(self._directory)
        self._stack.enter_context(wandb_session.own_folders(folder))
        arguments: dict[str, Any] = {"id": known.id, "name": known.name, "tags": known.tags, "notes": known.notes}
        arguments |= {"project": known.project, "group": known.group, "config": known.config, "job_type": "train"}
        arguments |= {key: value for key, value in self._chosen.items() if value is not None}
        self._run = self._open_run(known, folder, _under_a_sweep(arguments))
        self._media = MediaThread(self.tell)
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step", step_sync=False)
        save_diff(self._run, self._directory)
        return self._run

    def _open_run(self, known: Identity, folder: Path, arguments: dict[str, Any]) -> wandb.Run:
        import wandb

        mode = wandb_session.chosen_mode(self._mode)
        try:
            run = wandb_session.begin(mode, known, folder, self._init_seconds, **arguments)
        except wandb.Error as error:
            reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            self.tell(f"wandb: {reason}; written offline. Send it later: {_sync_command(folder)}", "warning")
            return wandb_session.begin("offline", known, folder, self._init_seconds, **arguments)
        if mode == "online":
            self.tell(f"wandb: {run.url}")
        else:
            self.tell(f"wandb: offline, no key is configured or WANDB_MODE says so. Send it: {_sync_command(folder)}")
        return run

    def _taken(self, values: dict[str, float]) -> dict[str, float]:
        """Without the names that mean something else in a row of W&B: one must not cost the others."""
        for name in [name for name in values if name in _RESERVED or not name]:
            del values[name]
            if name not in self._named:
                self._named.add(name)
                self.tell(f"wandb: no metric can be called {name!r} there; only the event log has it", "warning")
        return values

    def _define(self, run: wandb.Run, values: Mapping[str, Any]) -> None:
        for name in values.keys() - self._named:
            self._named.add(name)
            if "*" in name:
                continue  # a pattern to W&B, which it takes as a name in rows alone
            if (better := describe(name.removeprefix("epoch/")).better) != "neither":
                run.define_metric(name, step_metric="step", step_sync=False, summary=SUMMARIES[better])

    def _log(self, run: wandb.Run, record: Record, values: Mapping[str, Any]) -> None:
        if values:
            place = {"epoch": epoch} if isinstance(epoch := record.fields.get("epoch"), int) else {}
            # Rows are counted by wandb, over the sessions of a run: told once where to begin.
            first, self._first_row = self._first_row, None
            run.log({"step": record.step, **place, "_timestamp": record.time, **values}, step=first, commit=True)

    def _alert(self, run: wandb.Run, record: Record) -> None:
        fields = record.fields
        severity = str(fields.get("severity", "warning"))
        if self._alerts is None or severity not in _LEVELS or Severity(severity).rank < self._alerts:
            return
        lines = [str(fields.get("message", ""))]
        if fields.get("cause"):
            lines.append(f"Cause: {fields['cause']}")
        suggestions = fields.get("suggestions")
        if isinstance(suggestions, Sequence) and not isinstance(suggestions, str):
            lines += [f"- {suggestion}" for suggestion in suggestions]
        title = f"{fields.get('type', 'alert')} at step {record.step}"[:_LONGEST_TITLE]
        run.alert(title, "\n".join(lines), level=_LEVELS[severity])

    def _add_last_media(self, run: wandb.Run, directory: RunDirectory, last: Record) -> None:
        assert self._media is not None
        for done in self._rounds.rest() if self._rounds else ():
            self._add_round(run, last, done)
        self._media.put(lambda: self._log(run, last, self._charts.draw()))
        self._media.put(lambda: self._checkpoints.finish(run, directory))
        self._media.finish(self.finish_seconds * _SHARE_FOR_MEDIA)

    def _finish(self, run: wandb.Run) -> None:
        assert self._directory is not None
        end = self._end or {"status": "crashed", "exit_code": CRASH, "message": "the process ended without saying how"}
        assert self._last is not None
        self._add_last_media(run, self._directory, self._last)
        run.summary.update({"status": end.get("status"), "message": end.get("message")})
        if end.get("status") == "preempted":
            run.mark_preempting()
        code = end.get("exit_code")
        if not wandb_session.finish(run, code if isinstance(code, int) else 0, self.finish_seconds * _SHARE_FOR_SERVER):
            folder = self._directory.events
            self.tell(f"wandb: the server did not take everything in time. Send it: {_sync_command(folder)}", "warning")


def _values(record: Record) -> dict[str, float]:
    """The history row of a record; samples one by one are in the table, and epochs repeat names of their steps."""
    if record.kind is Kind.SAMPLE or (record.kind is Kind.QUALITY and record.fields.get("scope") == "sample"):
        return {}
    if record.kind is Kind.EPOCH:
        return {f"epoch/{name}": value for name, value in record.scalars.items()}
    return dict(record.scalars)


def _under_a_sweep(arguments: dict[str, Any]) -> dict[str, Any]:
    """Of a run that `wandb agent` started the id is wandb's to choose: without it the sweep would not know the run."""
    if os.environ.get("WANDB_SWEEP_ID"):
        return {key: value for key, value in arguments.items() if key not in ("id", "project", "group")}
    return arguments


def _sync_command(folder: Path) -> str:
    return f"wandb sync {folder}/wandb/*run-*"
