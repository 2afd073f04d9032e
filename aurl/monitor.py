"""The Monitor: says once what happened in a run, and everything else reads it.

Each record goes to the event log first (durable when the call returns), then to the detectors, whose alerts are
records too, and to the sinks on a background thread.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from aurl.anomaly.base import POLICIES
from aurl.anomaly.watch import Watch
from aurl.errors import CRASH, DONE, PREEMPTED, STOPPED, ConfigError, EventLogError, RunError
from aurl.machine.deferred import Deferred
from aurl.machine.numbers import whole_step
from aurl.record import Json, Kind, Record, Severity
from aurl.runs.eventlog import EventLog
from aurl.runs.gate import Gate
from aurl.runs.health import LogHealth
from aurl.runs.lock import begin, holds_run
from aurl.runs.row_groups import RowGroups
from aurl.runs.rundir import RunDirectory
from aurl.runs.stamp import fresh_folder
from aurl.sinks.base import Sink
from aurl.sinks.forked import ForkedWriter
from aurl.sinks.thread import SinkThread
from aurl.sinks.worker import Apart

if TYPE_CHECKING:
    from aurl.machine.probe import SystemProbe

EXIT_CODES = {"done": DONE, "failed": CRASH, "stopped": STOPPED, "preempted": PREEMPTED}
RESUMES = (None, False, True, "never", "allow", "must", "takeover")
_SYNCED = frozenset({Kind.EPOCH, Kind.CHECKPOINT, Kind.START, Kind.END})
_OF_THE_LOOP = frozenset({Kind.STEP, Kind.EVAL, Kind.EPOCH, Kind.SAMPLE, Kind.QUALITY, Kind.CHECKPOINT})
_ALERTS_HELD = 100
_QUIET_SECONDS = 2.0  # a close that takes longer says what it does
_URGENT = frozenset({Severity.CRITICAL.value, Severity.FATAL.value})
_OPEN: list[Monitor] = []


class _Pending(NamedTuple):
    """A step whose tensors are on their way to the host."""

    step: int
    values: Deferred
    fields: Mapping[str, Json]
    time: float


class Monitor:
    """Writes the records of one run; safe to call from several threads.

    A child made by fork leaves the run alone: what it writes here goes to the event log and the text log, without
    detectors and other sinks, and its end is not the run's. An exception that comes in the middle of a call, such as
    KeyboardInterrupt, leaves a record written once.

    Args:
        run: the run's directory, already created.
        sinks: shown every record on one background thread; a failing one is switched off, see `aurl.sinks.base`.
        watch: the detectors; shown every record on the calling thread. None watches nothing.
        policy: what alerts may do: `observe` and `warn` only tell; `stop` asks the loop to stop at a critical or fatal
            one, see `stop_reason`; under `recover` the loop acts on them itself, see `take_alerts`.
        probe_seconds: how often memory, CPU and GPU are sampled on a thread of their own; 0 for never.

    Raises:
        ConfigError: an unknown policy.
        RunError: the run's directory cannot be written, or somebody writes to it, perhaps this very process.
    """

    def __init__(
        self,
        run: RunDirectory,
        *,
        sinks: Sequence[Sink] = (),
        watch: Watch | None = None,
        policy: str = "warn",
        probe_seconds: float = 0.0,
    ) -> None:
        if policy not in POLICIES:
            raise ConfigError(f"anomaly.policy={policy}: allowed are {', '.join(POLICIES)}")
        self.run = run
        self.watch = watch or Watch({})
        self.policy = policy
        self.stop_reason: Record | None = None
        self._alerts: deque[Record] = deque(maxlen=_ALERTS_HELD)
        self._lock = threading.RLock()
        self._gate = Gate()
        self._pending: _Pending | None = None
        self._admitted: Record | None = None  # the last record that log and sinks have, alerts apart
        self._forked: ForkedWriter | None = None
        self._closed = False
        self._opened = time.monotonic()
        self._log = EventLog(run.records)
        self._health = LogHealth(self._log)
        self._table = RowGroups(run)
        self.last_step = self._log.last_step
        self._before = self.last_step if self._log.goes_on else None  # until the loop says where it goes on from
        placed = [Apart(sink, run, self.write) if sink.apart else sink for sink in sinks]
        self._sinks = SinkThread(run, placed, self.write)
        self._sinks.start()
        self._probe = _start_probe(self, probe_seconds) if probe_seconds > 0 else None
        atexit.register(self._close_at_exit)
        _OPEN.append(self)

    @classmethod
    def start(cls, folder: str | Path, **options: Any) -> Monitor:
        """A Monitor for a new run in a folder of its own, `<folder>/<stamp>`: never goes on with another run.

        Args:
            folder: where the runs of one experiment lie; its name becomes the run's.
            options: those of `open`.
        """
        path = fresh_folder(Path(folder).expanduser().absolute())
        try:
            return cls.open(path, **{"name": path.parent.name, **options})
        except BaseException:
            with contextlib.suppress(OSError):
                path.rmdir()  # where nothing was written: a wrong option leaves no folder behind
            raise

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        resume: bool | str | None = None,
        name: str | None = None,
        logging: str | Sequence[str | Sink] = ("tensorboard",),
        notify: str | Sequence[str | Sink] = (),
        anomaly: str | Mapping[str, Any] = "default",
        config: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        **start: Json,
    ) -> Monitor:
        """A Monitor for a loop of your own, in this very directory; `start` makes a new one each time.

        The event log, `run.json` and the text log are always written; `logging` names what comes beside them.

        Args:
            path: the run directory itself.
            resume: what to do where it holds a run. None, False or "never" refuse; True or "allow" go on with it, and
                begin one where there is none; "must" refuses where there is none; "takeover" goes on too, and closes
                the Monitor that this process may have open there. From the first step that the loop logs, what the
                session before logged of that step and later ones is superseded. `resumed_from=STEP` asks for it too.
            name: what the run is called; the name of its directory by default.
            logging: options of `conf/logging/`, such as `["console", "tensorboard"]`, or sinks of your own.
            notify: options of `conf/notify/`, such as `["webhook"]`.
            anomaly: a preset of `conf/anomaly/`, or a mapping of changes to the default one, `{"zscore": 3}`.
            config: what to remember as this run's configuration (secrets are masked).
            start: further fields of the START record, such as `epochs=10`.

        Raises:
            ConfigError: an unknown option; nothing was written then.
            RunError: the directory holds a run and going on was not asked for, or somebody writes to it.
        """
        from aurl.anomaly.chosen import choose_watch
        from aurl.machine import env
        from aurl.sinks.chosen import choose_sinks
        from aurl.sinks.runfile import RunFile
        from aurl.sinks.textlog import TextLog

        if resume not in RESUMES or "run" in start:
            raise _wrong_option(resume)
        run = RunDirectory(Path(path).expanduser().absolute())
        watch, policy = choose_watch(anomaly, config)
        chosen = choose_sinks(logging) + choose_sinks(notify, "notify")
        if resume == "takeover":
            _close_those_of(run)
        if resume == "must" and not holds_run(run):
            raise RunError(f"{run.path}: holds no run to go on with (resume='must'); leave out resume to begin one")
        goes_on = resume not in (None, False, "never") or start.get("resumed_from") is not None
        begin(run, resume=goes_on, how="resume=True")
        info: dict[str, Json] = {"id": run.id, "name": name or run.id, "tags": list(tags), "config": dict(config or {})}
        info |= env.snapshot(Path.cwd())
        sinks = [TextLog(), RunFile(info), *chosen]
        monitor = cls(run, sinks=sinks, watch=watch, policy=policy, probe_seconds=5.0)
        monitor.say(Kind.START, monitor.last_step, run=run.id, name=name or run.id, **start)
        return monitor

    @staticmethod
    def opened() -> list[Monitor]:
        """The Monitors that are open in this process, oldest first; a notebook closes what it lost track of by it."""
        return list(_OPEN)

    def write(self, record: Record) -> None:
        """Write any record; when this returns it is in the event log, and the detectors have seen it.

        Raises:
            RecordError: a step, name, value or time that no record can hold; nothing was written.
            EventLogError: the disk refuses for too long, or this Monitor is closed.
        """
        self._put(self._gate.record(record))

    def step(self, step: int, scalars: Mapping[str, Any], **fields: Json) -> None:
        """Write a STEP record; values are numbers, or tensors and arrays that hold one.

        Tensors on an accelerator are copied without blocking and written when the next step comes, so that reading
        them never makes the device wait.

        Args:
            step: optimiser steps finished, over the whole run; a whole number of any type.

        Raises:
            RecordError: the step is no whole number from 0 to 2^53, or a value no number; nothing was written.
        """
        now = time.time()
        gate = self._gate
        if gate.is_plain(step, scalars, fields):
            self._put(Record(Kind.STEP, step, scalars.copy(), fields, now))  # type: ignore[attr-defined]
            return
        pending = _Pending(whole_step(step), gate.scalars(scalars), gate.fields(fields), now)
        if pending.values.on_host:
            self._put(_record_of(pending))
        else:
            with self._lock:
                self._flush()
                self._pending = pending

    def eval(self, step: int, scalars: Mapping[str, Any], **fields: Json) -> None:
        """Write an EVAL record: metrics on held-out data."""
        self.say(Kind.EVAL, step, scalars, **fields)

    def note(self, message: str, *, level: str = "info", module: str = "train", **fields: Json) -> None:
        """Write a NOTE record: a sentence for people, at the current step."""
        self.say(Kind.NOTE, self.last_step, message=message, level=level, module=module, **fields)

    def say(self, kind: Kind, step: int, scalars: Mapping[str, Any] | None = None, /, **fields: Json) -> None:
        """Write a record of any kind, dated now, after the step that may still be waiting for its device."""
        self.write(Record(kind, step, scalars or {}, fields, time.time()))

    def rewind(self, step: int) -> None:
        """The run stands at this earlier step again, after a rollback: notes and system records are dated so."""
        self.flush_deferred()
        self.last_step = step

    def flush_deferred(self) -> None:
        """Write the step whose tensors were on their way to the host."""
        if self._pending is not None:
            with self._lock:
                self._flush()

    def take_alerts(self) -> list[Record]:
        """The alerts since the last call, for a loop that acts on them; at most the last hundred."""
        with self._lock:
            alerts, self._alerts = list(self._alerts), deque(maxlen=_ALERTS_HELD)
        return alerts

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until every sink has shown what was written so far; False when `timeout` seconds were not enough."""
        return self._forked is not None or self._sinks.drain(timeout)

    def state_dict(self) -> dict[str, Json]:
        """The detectors' memory, as JSON values."""
        with self._lock:
            return self.watch.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give the detectors their memory back; those that are new since then start empty."""
        with self._lock:
            taken = self.watch.load_state_dict(state)
        if not taken:
            message = "the checkpoint is of an older aurl: the detectors begin anew and know nothing of earlier steps"
            self.note(message, level="warning", module="monitor")

    def judged(self, status: str, message: str = "") -> tuple[str, int, str]:
        """How a run that its loop ends like this really ended: status, exit code and message.

        One whose weights are NaN is `failed`, though all steps were made; `anomaly.exit_code` is that of one that
        finished while a critical alert was open.
        """
        found = self.watch.verdict() if status == "done" else None
        if found is None:
            return status, EXIT_CODES[status], message
        return found.status, found.exit_code, f"{message}; {found.message}" if message else found.message

    def close(self, status: str = "done", message: str = "", **fields: Json) -> None:
        """Write the END record, let every sink finish, sync the log. A second call does nothing.

        Args:
            status: done, failed, stopped or preempted.

        Raises:
            ConfigError: another status.
            EventLogError: the disk refused the last records; the message names the file that holds them.
        """
        if status not in EXIT_CODES:
            raise ConfigError(f"status={status!r}: a run ends as one of {', '.join(EXIT_CODES)}")
        if self._closed:
            return
        self._closed = True
        self._closing_since = time.monotonic()
        atexit.unregister(self._close_at_exit)
        self.flush_deferred()
        if "exit_code" not in fields:  # whoever knows it has asked `judged`
            status, fields["exit_code"], message = self.judged(status, message)
        ending = {"status": status, "message": message, **fields}
        try:
            if self._probe is not None:
                self._probe.stop()
            self._tell(self._health.look(last=True))
            self.say(Kind.END, self.last_step, {"time/total": time.monotonic() - self._opened}, **ending)
            self._sinks.close()
            self._write_table()
        finally:
            with self._lock:
                _OPEN.remove(self)
                self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.close("stopped" if self.stop_reason else "done")
        else:
            self.close("failed", f"{type(error).__name__}: {error}")

    def _put(self, record: Record) -> None:
        if self._forked is not None:
            self._forked.write(record)
            return
        self._sinks.wait_for_room()
        with self._lock:
            if self._pending is not None:
                self._flush()
            try:
                self._admit(record)
            except BaseException as error:
                self._finish(record, error)
                raise

    def _flush(self) -> None:
        pending = self._pending
        if pending is None:
            return
        record = _record_of(pending)
        try:
            self._admit(record)
        except BaseException as error:
            self._finish(record, error)
            raise
        finally:
            self._pending = None

    def _admit(self, record: Record) -> None:
        if self._before is not None and (record.kind in _OF_THE_LOOP or record.kind is Kind.START):
            self._go_on(record)
        self._take(record)
        self._admitted = record
        if record.kind is Kind.ALERT:
            self._judge(record)
        else:
            for found in self.watch.observe(record):
                alert = self._gate.record(found)
                self._take(alert)
                self._judge(alert)
        if self._health.due:
            self._tell(self._health.look())
            self._table.keep_up()

    def _take(self, record: Record) -> None:
        self._log.append(record)
        self._sinks.put(record)
        self.last_step = max(self.last_step, record.step)
        if record.kind in _SYNCED or (record.kind is Kind.ALERT and record.fields.get("severity") in _URGENT):
            self._log.sync()

    def _finish(self, record: Record, error: BaseException) -> None:
        """An exception of somebody else, Ctrl-C for one, came between two steps of taking a record: take it, once."""
        if self._admitted is not record and not isinstance(error, EventLogError):
            self._log.finish(record)
            self._sinks.put(record)  # the sinks overlook a record that comes twice
            self._admitted = record

    def _go_on(self, record: Record) -> None:
        """The first step of a session that goes on: what the one before logged from there on is superseded."""
        before = self._before
        if record.kind is Kind.START:
            if isinstance(record.fields.get("resumed_from"), int):
                self._before = None
            return
        self._before = None
        back = record.step - 1 if record.kind is Kind.STEP else record.step
        if before is not None and back < before:
            message = f"goes on after step {back}; what was logged of later steps before is superseded"
            fields: dict[str, Json] = {"message": message, "level": "info", "module": "monitor", "resumed_from": back}
            self.last_step = max(0, back)
            self._admit(Record(Kind.NOTE, self.last_step, fields=fields, time=record.time))

    def _judge(self, found: Record) -> None:
        severity = found.fields.get("severity")
        self._alerts.append(found)
        if self.policy == "stop" and severity in _URGENT and self.stop_reason is None:
            self.stop_reason = found

    def _tell(self, remarks: Sequence[tuple[str, str]]) -> None:
        for level, message in remarks:
            fields = {"message": message, "level": level, "module": "monitor"}
            self._take(Record(Kind.NOTE, self.last_step, fields=fields, time=time.time()))

    def _write_table(self) -> None:
        def progress(done: int, of: int) -> None:
            if of > 1:
                self._tell_closing(f"scalars.parquet: segment {done + 1} of {of}")

        try:
            self._table.finish(self.run.scalars_parquet, progress)
        except OSError as error:
            message = f"{self.run.scalars_parquet} not written ({error}); `aurl export` writes it later"
            with self._lock:
                self._tell([("warning", message)])

    def _tell_closing(self, what: str) -> None:
        """For who waits before a terminal: the sinks have ended by now."""
        if time.monotonic() - self._closing_since > _QUIET_SECONDS:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"aurl: closing {self.run.path}, {what}\n")

    def _close_at_exit(self) -> None:
        with contextlib.suppress(Exception):
            self.close("failed", "the program ended without closing its Monitor")

    def _leave_to_parent(self) -> None:
        """This process is a child made by fork: the run, its files, threads and its end are the parent's."""
        self._lock = threading.RLock()
        self._forked = ForkedWriter(self.run)
        self._closed = True
        self._pending = self._probe = None
        self._log.abandon()
        self._table.abandon()
        atexit.unregister(self._close_at_exit)


def _record_of(pending: _Pending) -> Record:
    return Record(Kind.STEP, pending.step, pending.values.read(), pending.fields, pending.time)


def _wrong_option(resume: object) -> ConfigError:
    if resume in RESUMES:
        return ConfigError("run=: is what the START record calls the run directory; name=TEXT names the run")
    allowed = ", ".join(map(repr, RESUMES))
    return ConfigError(f"resume={resume!r}: allowed are {allowed}")


def _close_those_of(run: RunDirectory) -> None:
    for monitor in Monitor.opened():
        if os.path.realpath(monitor.run.path) == os.path.realpath(run.path):
            monitor.close("stopped", "taken over by another Monitor of the same process")


def _start_probe(monitor: Monitor, seconds: float) -> SystemProbe:
    from aurl.machine.probe import SystemProbe

    probe = SystemProbe(monitor.write, lambda: monitor.last_step, every=seconds, outputs=monitor.run.path)
    probe.start()
    return probe


def _after_fork_in_child() -> None:
    for monitor in _OPEN:
        monitor._leave_to_parent()
    _OPEN.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
