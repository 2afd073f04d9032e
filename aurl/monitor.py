"""The Monitor: says once what happened in a run, and everything else reads it.

Each record goes to the event log first (durable when the call returns), then to the detectors, whose alerts are
records too, and to the sinks on a background thread.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aurl.anomaly.base import POLICIES
from aurl.anomaly.watch import Watch
from aurl.errors import CRASH, DONE, PREEMPTED, STOPPED, ConfigError
from aurl.machine.deferred import Deferred
from aurl.record import Json, Kind, Record, Severity
from aurl.runs.eventlog import EventLog
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.thread import SinkThread
from aurl.sinks.worker import Apart

if TYPE_CHECKING:
    from aurl.machine.probe import SystemProbe

EXIT_CODES = {"done": DONE, "failed": CRASH, "stopped": STOPPED, "preempted": PREEMPTED}
_SYNCED = frozenset({Kind.EPOCH, Kind.CHECKPOINT, Kind.START, Kind.END})
_ALERTS_HELD = 100
_URGENT = frozenset({Severity.CRITICAL.value, Severity.FATAL.value})


class Monitor:
    """Writes the records of one run; safe to call from several threads.

    Args:
        run: the run's directory, already created.
        sinks: shown every record on one background thread; a failing one is switched off, see `aurl.sinks.base`.
        watch: the detectors; shown every record on the calling thread. None watches nothing.
        policy: what alerts may do: `observe` and `warn` only tell; `stop` asks the loop to stop at a critical or fatal
            one, see `stop_reason`; under `recover` the loop acts on them itself, see `take_alerts`.
        probe_seconds: how often memory, CPU and GPU are sampled on a thread of their own; 0 for never.

    Raises:
        ConfigError: an unknown policy.
        RunError: the run's directory cannot be written, or another process writes to it.
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
        self.last_step = 0
        self._alerts: deque[Record] = deque(maxlen=_ALERTS_HELD)
        self._lock = threading.RLock()
        self._deferred: tuple[int, Deferred, dict[str, Json], float] | None = None
        self._disk_failing = False
        self._closed = False
        self._opened = time.monotonic()
        self._log = EventLog(run.records)
        placed = [Apart(sink, run, self.write) if sink.apart else sink for sink in sinks]
        self._sinks = SinkThread(run, placed, self.write)
        self._sinks.start()
        self._probe = _start_probe(self, probe_seconds) if probe_seconds > 0 else None
        atexit.register(self._close_at_exit)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        logging: str | Sequence[str | Sink] = ("tensorboard",),
        notify: str | Sequence[str | Sink] = (),
        anomaly: str | Mapping[str, Any] = "default",
        config: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        **start: Json,
    ) -> Monitor:
        """A Monitor for a loop of your own: makes the run directory, or goes on with the one that is there.

        The event log, `run.json` and the text log are always written; `logging` names what comes beside them.

        Args:
            path: the run directory itself.
            logging: options of `conf/logging/`, such as `["console", "tensorboard"]`, or sinks of your own.
            notify: options of `conf/notify/`, such as `["webhook"]`.
            anomaly: a preset of `conf/anomaly/`, or a mapping of changes to the default one, `{"zscore": 3}`.
            config: what to remember as this run's configuration (secrets are masked).
            start: further fields of the START record, such as `epochs=10`.
        """
        from aurl.anomaly.chosen import choose_watch
        from aurl.machine import env
        from aurl.sinks.chosen import choose_sinks
        from aurl.sinks.runfile import RunFile
        from aurl.sinks.textlog import TextLog

        run = RunDirectory(Path(path).absolute())
        watch, policy = choose_watch(anomaly, config)
        chosen = choose_sinks(logging) + choose_sinks(notify, "notify")
        run.create()
        info: dict[str, Json] = {"id": run.id, "name": run.id, "tags": list(tags), "config": dict(config or {})}
        info |= env.snapshot(Path.cwd())
        sinks = [TextLog(), RunFile(info), *chosen]
        monitor = cls(run, sinks=sinks, watch=watch, policy=policy, probe_seconds=5.0)
        monitor.say(Kind.START, 0, run=run.id, name=run.id, **start)
        return monitor

    def write(self, record: Record) -> None:
        """Write any record; when this returns it is in the event log, and the detectors have seen it."""
        self._sinks.wait_for_room()
        with self._lock:
            self._take(record)
            if record.kind is Kind.ALERT:
                self._judge(record)
                return
            for found in self.watch.observe(record):
                self._take(found)
                self._judge(found)

    def step(self, step: int, scalars: Mapping[str, Any], **fields: Json) -> None:
        """Write a STEP record; values are floats or tensors.

        Tensors on an accelerator are copied without blocking and written when the next step comes, so that reading
        them never makes the device wait.

        Args:
            step: optimiser steps finished, over the whole run.
        """
        now = time.time()
        self.flush_deferred()
        if all(type(value) is float for value in scalars.values()):
            self.write(Record(Kind.STEP, step, scalars, fields, now))
            return
        deferred = Deferred(scalars)
        if deferred.on_host:
            self.write(Record(Kind.STEP, step, deferred.read(), fields, now))
        else:
            self._deferred = (step, deferred, fields, now)

    def eval(self, step: int, scalars: Mapping[str, Any], **fields: Json) -> None:
        """Write an EVAL record: metrics on held-out data."""
        self.say(Kind.EVAL, step, Deferred(scalars).read(), **fields)

    def note(self, message: str, *, level: str = "info", module: str = "train", **fields: Json) -> None:
        """Write a NOTE record: a sentence for people, at the current step."""
        self.say(Kind.NOTE, self.last_step, message=message, level=level, module=module, **fields)

    def say(self, kind: Kind, step: int, scalars: Mapping[str, float] | None = None, /, **fields: Json) -> None:
        """Write a record of any kind, dated now, after the step that may still be waiting for its device."""
        self.flush_deferred()
        self.write(Record(kind, step, scalars or {}, fields, time.time()))

    def rewind(self, step: int) -> None:
        """The run stands at this earlier step again, after a rollback: notes and system records are dated so."""
        self.flush_deferred()
        self.last_step = step

    def flush_deferred(self) -> None:
        """Write the step whose tensors were on their way to the host."""
        if self._deferred is not None:
            (step, deferred, fields, now), self._deferred = self._deferred, None
            self.write(Record(Kind.STEP, step, deferred.read(), fields, now))

    def take_alerts(self) -> list[Record]:
        """The alerts since the last call, for a loop that acts on them; at most the last hundred."""
        with self._lock:
            alerts, self._alerts = list(self._alerts), deque(maxlen=_ALERTS_HELD)
        return alerts

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until every sink has shown what was written so far; False when `timeout` seconds were not enough."""
        return self._sinks.drain(timeout)

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

    def close(self, status: str = "done", message: str = "", **fields: Json) -> None:
        """Write the END record, let every sink finish, sync the log. A second call does nothing.

        Args:
            status: done, failed, stopped or preempted.

        Raises:
            EventLogError: the disk refused the last records; the message names the file that holds them.
        """
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self._close_at_exit)
        if self._probe is not None:
            self._probe.stop()
        ending = {"status": status, "exit_code": EXIT_CODES[status], "message": message, **fields}
        self.say(Kind.END, self.last_step, {"time/total": time.monotonic() - self._opened}, **ending)
        self._sinks.close()
        try:
            self._write_table()
        finally:
            with self._lock:
                self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close("stopped" if self.stop_reason else "done")
        else:
            self.close("failed", f"{type(error).__name__}: {error}")

    def _take(self, record: Record) -> None:
        self._log.append(record)
        self._sinks.put(record)
        self.last_step = max(self.last_step, record.step)
        if record.kind in _SYNCED or (record.kind is Kind.ALERT and record.fields.get("severity") in _URGENT):
            self._log.sync()
        if (self._log.failure is not None) != self._disk_failing:
            self._tell_disk_state()

    def _judge(self, found: Record) -> None:
        severity = found.fields.get("severity")
        self._alerts.append(found)
        if self.policy == "stop" and severity in _URGENT and self.stop_reason is None:
            self.stop_reason = found

    def _tell_disk_state(self) -> None:
        failure = self._log.failure
        self._disk_failing = failure is not None
        if failure is not None:
            message = (
                f"event log: {failure.strerror} at {self._log.path}; records wait in memory and are retried with "
                "every new one. Free space on this disk"
            )
        else:
            message = "event log: the disk takes records again, none was lost"
        fields = {"message": message, "level": "critical" if failure else "warning", "module": "monitor"}
        self._take(Record(Kind.NOTE, self.last_step, fields=fields, time=time.time()))

    def _write_table(self) -> None:
        from aurl.runs.table import write_parquet

        try:
            write_parquet(self.run.path, self.run.scalars_parquet)
        except OSError as error:
            message = f"{self.run.scalars_parquet} not written ({error}); `aurl export` writes it later"
            fields = {"message": message, "level": "warning", "module": "monitor"}
            self._take(Record(Kind.NOTE, self.last_step, fields=fields, time=time.time()))

    def _close_at_exit(self) -> None:
        with contextlib.suppress(Exception):
            self.close("failed", "the program ended without closing its Monitor")


def _start_probe(monitor: Monitor, seconds: float) -> SystemProbe:
    from aurl.machine.probe import SystemProbe

    probe = SystemProbe(monitor.write, lambda: monitor.last_step, every=seconds, outputs=monitor.run.path)
    probe.start()
    return probe
