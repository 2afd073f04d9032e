"""Takes the records of one run: into the log first, then to the sinks and the detectors, one after the other."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aurl.anomaly.watch import Watch
from aurl.errors import EventLogError
from aurl.machine.deferred import Deferred
from aurl.machine.numbers import whole_step
from aurl.machine.portable import READS_PIPES_AT_ONCE
from aurl.record import Json, Kind, Record, Severity
from aurl.runs.eventlog import EventLog
from aurl.runs.gate import Gate
from aurl.runs.health import LogHealth
from aurl.runs.row_groups import RowGroups
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.forked import ForkedWriter
from aurl.sinks.thread import SinkThread
from aurl.sinks.worker import Apart

_SYNCED = frozenset({Kind.EPOCH, Kind.CHECKPOINT, Kind.START, Kind.END})
_OF_THE_LOOP = frozenset({Kind.STEP, Kind.EVAL, Kind.EPOCH, Kind.SAMPLE, Kind.QUALITY, Kind.CHECKPOINT})
_ALERTS_HELD = 100
_URGENT = frozenset({Severity.CRITICAL.value, Severity.FATAL.value})


class _Pending(NamedTuple):
    """A step whose tensors are on their way to the host."""

    step: int
    values: Deferred
    fields: Mapping[str, Json]
    time: float


class Recorder:
    """The write path of a Monitor; every method may be called from several threads.

    Args:
        run: the run's directory, already created.
        sinks: unopened.
        watch: the detectors.
        policy: under `stop` the first critical or fatal alert becomes `stop_reason`.

    Attributes:
        last_step: the largest step so far; of the session before, until this one has its own.
        stop_reason: the alert that asks the loop to stop.

    Raises:
        RunError: the directory cannot be written, or somebody writes to it.
    """

    def __init__(self, run: RunDirectory, sinks: Sequence[Sink], watch: Watch, policy: str) -> None:
        self.watch = watch
        self.stop_reason: Record | None = None
        self._run, self._policy = run, policy
        self._alerts: deque[Record] = deque(maxlen=_ALERTS_HELD)
        self._lock = threading.RLock()
        self._gate = Gate()
        self._pending: _Pending | None = None
        self._admitted: Record | None = None  # the last record that log and sinks have, alerts apart
        self._forked: ForkedWriter | None = None
        self._log = EventLog(run.records)
        self._health = LogHealth(self._log)
        self.table = RowGroups(run)
        self.last_step = self._log.last_step
        self._before = self.last_step if self._log.goes_on else None  # until the loop says where it goes on from
        placed = [Apart(sink, run, self.write) if sink.apart and READS_PIPES_AT_ONCE else sink for sink in sinks]
        self.sinks = SinkThread(run, placed, self.write)
        self.sinks.start()

    def write(self, record: Record) -> None:
        """Write any record.

        Raises:
            RecordError: a step, name, value or time that no record can hold; nothing was written.
            EventLogError: the disk refuses for too long, or the run is closed.
        """
        self._put(self._gate.record(record))

    def step(self, step: Any, scalars: Mapping[str, Any], fields: Mapping[str, Json]) -> None:
        """Write a STEP record, or keep it until the next one where its tensors lie on an accelerator."""
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

    def flush(self) -> None:
        """Write the step whose tensors were on their way to the host."""
        if self._pending is not None:
            with self._lock:
                self._flush()

    def take_alerts(self) -> list[Record]:
        """The alerts since the last call; at most the last hundred."""
        with self._lock:
            alerts, self._alerts = list(self._alerts), deque(maxlen=_ALERTS_HELD)
        return alerts

    def state_dict(self) -> dict[str, Json]:
        """The detectors' memory, as JSON values."""
        with self._lock:
            return self.watch.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> bool:
        """Give the detectors their memory back; whether they could take it."""
        with self._lock:
            return self.watch.load_state_dict(state)

    def look_at_disk(self, *, last: bool = False) -> None:
        """Write a note for each trouble of the log's disk that is new, or over."""
        with self._lock:
            self.tell(self._health.look(last=last))

    def tell(self, remarks: Sequence[tuple[str, str]]) -> None:
        """Write notes of the Monitor itself: level and message of each."""
        with self._lock:
            for level, message in remarks:
                fields = {"message": message, "level": level, "module": "monitor"}
                self._take(Record(Kind.NOTE, self.last_step, fields=fields, time=time.time()))

    def close(self) -> None:
        """Let go of the log.

        Raises:
            EventLogError: the disk refused the last records; the message names the file that holds them.
        """
        with self._lock:
            self._log.close()

    def drain(self, timeout: float | None) -> bool:
        """Wait until every sink has shown what was written so far; False where `timeout` seconds were not enough."""
        return self._forked is not None or self.sinks.drain(timeout)

    def leave_to_parent(self) -> None:
        """This process is a child made by fork: files, threads and locks are its parent's."""
        self._lock = threading.RLock()
        self._forked = ForkedWriter(self._run)
        self._pending = None
        self._log.abandon()
        self.table.abandon()

    def _put(self, record: Record) -> None:
        if self._forked is not None:
            self._forked.write(record)
            return
        self.sinks.wait_for_room()
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
            self.tell(self._health.look())
            self.table.keep_up()

    def _take(self, record: Record) -> None:
        self._log.append(record)
        self.sinks.put(record)
        self.last_step = max(self.last_step, record.step)
        if record.kind in _SYNCED or (record.kind is Kind.ALERT and record.fields.get("severity") in _URGENT):
            self._log.sync()

    def _finish(self, record: Record, error: BaseException) -> None:
        """An exception of somebody else, Ctrl-C for one, came between two steps of taking a record: take it, once."""
        if self._admitted is not record and not isinstance(error, EventLogError):
            self._log.finish(record)
            self.sinks.put(record)  # the sinks overlook a record that comes twice
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
        if self._policy == "stop" and severity in _URGENT and self.stop_reason is None:
            self.stop_reason = found


def _record_of(pending: _Pending) -> Record:
    return Record(Kind.STEP, pending.step, pending.values.read(), pending.fields, pending.time)
