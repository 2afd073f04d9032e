"""The Monitor: what a training loop, or aurl's own, talks to."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aurl.anomaly.base import POLICIES
from aurl.anomaly.watch import Watch
from aurl.errors import CRASH, DONE, PREEMPTED, STOPPED, ConfigError
from aurl.machine.portable import after_fork_in_child
from aurl.monitor import opening
from aurl.monitor.recorder import Recorder
from aurl.record import Json, Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.runs.stamp import fresh_folder
from aurl.sinks.base import Sink

if TYPE_CHECKING:
    from aurl.machine.probe import SystemProbe

EXIT_CODES = {"done": DONE, "failed": CRASH, "stopped": STOPPED, "preempted": PREEMPTED}
_QUIET_SECONDS = 2.0  # a close that takes longer says what it does
_OPEN: list[Monitor] = []


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
        self.policy = policy
        self._closed = False
        self._opened = self._closing_since = time.monotonic()
        self._recorder = Recorder(run, sinks, watch or Watch({}), policy)
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
            name: what the run is called; the name of its directory by default. A run that is gone on with keeps its
                name, tags and config where none are given.
            logging: options of `conf/logging/`, such as `["console", "tensorboard"]`, or sinks of your own.
            notify: options of `conf/notify/`, such as `["webhook"]`.
            anomaly: a preset of `conf/anomaly/`, or a mapping of changes to the default one, `{"zscore": 3}`.
            config: what to remember as this run's configuration (secrets are masked).
            start: further fields of the START record, such as `epochs=10`.

        Raises:
            ConfigError: an unknown option; nothing was written then.
            RunError: the directory holds a run and going on was not asked for, or somebody writes to it.
        """
        opening.check_options(resume, start)
        run = RunDirectory(Path(path).expanduser().absolute())
        chosen = opening.prepare(
            run, name=name, logging=logging, notify=notify, anomaly=anomaly, config=config, tags=tags
        )
        if resume == "takeover":
            _close_those_of(run)
        opening.lock(run, resume, start)
        monitor = cls(run, sinks=chosen.sinks, watch=chosen.watch, policy=chosen.policy, probe_seconds=5.0)
        monitor.say(Kind.START, monitor.last_step, run=run.id, name=chosen.name, **start)
        return monitor

    @property
    def watch(self) -> Watch:
        """The detectors."""
        return self._recorder.watch

    @property
    def last_step(self) -> int:
        """The largest step so far; of the session before, until this one has its own."""
        return self._recorder.last_step

    @property
    def stop_reason(self) -> Record | None:
        """The alert that asks the loop to stop under the policy `stop`; the Monitor never stops a loop by itself."""
        return self._recorder.stop_reason

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
        self._recorder.write(record)

    def step(self, step: int, scalars: Mapping[str, Any], **fields: Json) -> None:
        """Write a STEP record; values are numbers, or tensors and arrays that hold one.

        Tensors on an accelerator are copied without blocking and written when the next step comes, so that reading
        them never makes the device wait.

        Args:
            step: optimiser steps finished, over the whole run; a whole number of any type.

        Raises:
            RecordError: the step is no whole number from 0 to 2^53, or a value no number; nothing was written.
        """
        self._recorder.step(step, scalars, fields)

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
        self._recorder.last_step = step

    def flush_deferred(self) -> None:
        """Write the step whose tensors were on their way to the host."""
        self._recorder.flush()

    def take_alerts(self) -> list[Record]:
        """The alerts since the last call, for a loop that acts on them; at most the last hundred."""
        return self._recorder.take_alerts()

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until every sink has shown what was written so far; False when `timeout` seconds were not enough."""
        return self._recorder.drain(timeout)

    def state_dict(self) -> dict[str, Json]:
        """The detectors' memory, as JSON values."""
        return self._recorder.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give the detectors their memory back; those that are new since then start empty."""
        if not self._recorder.load_state_dict(state):
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
            self._recorder.look_at_disk(last=True)
            self.say(Kind.END, self.last_step, {"time/total": time.monotonic() - self._opened}, **ending)
            self._recorder.sinks.close()
            self._write_table()
        finally:
            _OPEN.remove(self)
            self._recorder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.close("stopped" if self.stop_reason else "done")
        else:
            self.close("failed", f"{type(error).__name__}: {error}")

    def _write_table(self) -> None:
        def progress(done: int, of: int) -> None:
            if of > 1:
                self._tell_closing(f"scalars.parquet: segment {done + 1} of {of}")

        try:
            self._recorder.table.finish(self.run.scalars_parquet, progress)
        except OSError as error:
            message = f"{self.run.scalars_parquet} not written ({error}); `aurl export` writes it later"
            self._recorder.tell([("warning", message)])

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
        self._closed = True
        self._probe = None
        self._recorder.leave_to_parent()
        atexit.unregister(self._close_at_exit)


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


after_fork_in_child(_after_fork_in_child)
