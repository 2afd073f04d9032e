"""The event log: one JSON line and one unbuffered write per record, and the reader that trusts no tail.

The promise: a record whose `append` has returned survives SIGKILL and the out-of-memory killer, for it is in the
kernel's page cache. Power loss can take what was written since the last `sync` (epoch, checkpoint, critical alert).
"""

from __future__ import annotations

import math
import os
import re
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

from aurl.errors import EventLogError, RecordError, RunError
from aurl.machine.portable import RENAMES_OPEN_FILES, open_fd, read_at
from aurl.machine.untrusted import LONGEST_LINE, lines_of
from aurl.record import Kind, Record
from aurl.runs.codec import decode, encode
from aurl.runs.keeper import is_in_place, make_again
from aurl.runs.lock import RunLock, acquire
from aurl.runs.spool import Spool, missing_part

SEGMENT_BYTES = 64 * 2**20
BACKLOG_RECORDS = 100_000
_TAIL_BYTES = 1 << 16
_RETRY_SECONDS = 0.5
_MOST_OPEN = 256  # closed segments whose handles are kept
TOO_LONG = f"a line of more than {LONGEST_LINE // 2**20} MiB is no record"
_CLOSED_SEGMENT = re.compile(r"records\.(\d{6})\.jsonl")


class EventLog:
    """Appends records to `events/records.jsonl`; not thread-safe, the Monitor holds its lock around it.

    A disk that takes no more (full, read-only, failing) loses nothing: records wait in memory, in order, and every
    further append tries again. Above `backlog` waiting records, or at `close`, they are spilled to a private file,
    which the error names and the next session of this run takes up.

    Args:
        path: the live segment.
        segment_bytes: size at which it is closed as `records.000001.jsonl` and a new one begun.
        backlog: records held in memory while the disk refuses.

    Attributes:
        failure: why records wait; None while the disk takes them.
        sync_failure: why the last `sync` did not reach the disk; None where it did.
        goes_on: whether the log held something when it was opened.
        last_step: of the session before; 0 in a new log.

    Raises:
        RunError: the file cannot be opened, or somebody writes to this run, perhaps this very process.
    """

    def __init__(self, path: Path, *, segment_bytes: int = SEGMENT_BYTES, backlog: int = BACKLOG_RECORDS) -> None:
        self.path = path
        self.failure: OSError | None = None
        self.sync_failure: OSError | None = None
        # Where an open file cannot get another name, a session writes one segment, however long: it loses nothing.
        self._segment_bytes: float = segment_bytes if RENAMES_OPEN_FILES else math.inf
        self._backlog = backlog
        self._waiting: deque[bytes] = deque()
        self._writing: tuple[bytes, int] | None = None  # a line, and the size of the file before it
        self._retry = 0.0
        self._closed: dict[Path, int] = {}  # segments of before, open for reading
        self._lock: RunLock = acquire(path.parent)
        self._lock.in_use = True
        try:
            self._fd = self._open()
        except RunError:
            self._lock.release()
            raise
        self._spool = Spool(path)
        self._size = os.fstat(self._fd).st_size
        self._hold_closed_segments()
        self.goes_on = bool(self._size or self._closed or self._spool.files)
        self.last_step = self._read_last_step()
        if self._spool.files:
            self._drain()
        self._terminate_torn_line()

    @property
    def waiting(self) -> int:
        """Records that the disk has not taken yet."""
        return len(self._waiting)

    def append(self, record: Record) -> None:
        """Write one record; when this returns, the record survives a kill, or `failure` says why it waits.

        Raises:
            EventLogError: the disk has refused for so long that the backlog is full.
        """
        if self._size >= self._segment_bytes and not self._waiting:  # half a line that waits belongs into this segment
            self._rotate()
        self._waiting.append(encode(record))
        if not self._drain() and len(self._waiting) > self._backlog:
            raise EventLogError(self._spill())

    def finish(self, record: Record) -> None:
        """Write a record whose `append` was interrupted, by Ctrl-C for one, unless it was written by then."""
        line = encode(record)
        self._drain()
        waits = bool(self._waiting) and line.endswith(self._waiting[-1])
        if not waits and read_at(self._fd, len(line), max(0, self._size - len(line))) != line:
            self._waiting.append(line)
            self._drain()

    def sync(self) -> None:
        """Ask the disk to keep what was written, against power loss; `sync_failure` says why it could not."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            if error.errno is None:
                raise
            self.sync_failure = error
        else:
            self.sync_failure = None

    def restore(self) -> list[str]:
        """Where files of the log, or the folder, were removed or replaced, write them again from the open handles.

        Returns:
            The names of the files that were missing.

        Raises:
            OSError: they cannot be written; they are tried again at the next call.
            RunError: another process writes to the run by now.
        """
        missing = [path for path, fd in self._closed.items() if not is_in_place(path, fd)]
        if not is_in_place(self.path, self._fd):
            missing.append(self.path)
        if not missing or self._was_rotated():
            return []
        self._lock.renew()
        for path in missing:
            old = self._fd if path == self.path else self._closed[path]
            fresh = make_again(path, old)
            if path == self.path:
                self._fd = fresh
            else:
                self._closed[path] = fresh
            os.close(old)
        return [path.name for path in missing]

    def close(self, patience: float = 2.0) -> None:
        """Write what waits, sync, close, and let others write to the run.

        Raises:
            EventLogError: the disk still refuses, or the folder was removed and cannot be made; the message names the
                file that holds the records.
        """
        deadline = time.monotonic() + patience
        while not self._drain() and time.monotonic() < deadline:
            time.sleep(0.1)
        problem = self._spill() if self._waiting else self._rescue()
        self.sync()
        self.abandon()
        self._lock.release()
        if problem:
            raise EventLogError(problem)

    def abandon(self) -> None:
        """Let go of the files without a word; a second call does nothing. For a process that is not the writer."""
        fds, self._fd, self._closed = [self._fd, *self._closed.values()], -1, {}
        for fd in fds:
            with suppress(OSError):
                os.close(fd)

    def _open(self) -> int:
        try:
            return open_fd(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot write the event log ({error.strerror}); "
                "free space or choose another folder with paths.outputs=DIR"
            ) from error

    def _hold_closed_segments(self) -> None:
        for path in segments(self.path.parent)[:-1][-_MOST_OPEN:]:
            with suppress(OSError):
                self._closed[path] = open_fd(path, os.O_RDONLY)

    def _read_last_step(self) -> int:
        fd, size = self._fd, self._size
        if not size and self._closed:
            fd = list(self._closed.values())[-1]
            size = os.fstat(fd).st_size
        steps = [0]
        for line in read_at(fd, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).splitlines():
            with suppress(RecordError):
                steps.append(decode(line).step)
        return max(steps)

    def _terminate_torn_line(self) -> None:
        if not self._spool.files and self._size and read_at(self._fd, 1, self._size - 1) != b"\n":
            self._waiting.append(b"\n")
            self._drain()

    def _drain(self) -> bool:
        if self._writing is not None:
            self._take_stock(*self._writing)
        if self._spool.files and not self._write_back():
            return False
        while self._waiting:
            line = self._waiting[0]
            self._writing = (line, self._size)
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                if error.errno is None:
                    raise  # no word of the disk's: a TimeoutError of a signal handler, for one
                if self._fd < 0:
                    self._writing = None
                    self._waiting.clear()
                    raise EventLogError(
                        f"{self.path}: the run is closed, nothing can be logged to it any more"
                    ) from None
                self.failure = error
                return False
            self._size += written
            if written == len(line):
                self._waiting.popleft()
            else:  # a nearly full disk took only the beginning; the next write tells why
                self._waiting[0] = line[written:]
            self._writing = None
        self.failure = None
        return True

    def _take_stock(self, line: bytes, before: int) -> None:
        """An interrupt came between a write and its bookkeeping: the file itself says what was written."""
        self._writing = None
        self._size = os.fstat(self._fd).st_size
        added = read_at(self._fd, max(0, self._size - before), before)
        taken = len(line) if line in added else len(added) if added and line.startswith(added) else 0
        if self._waiting and self._waiting[0] is line:
            if taken == len(line):
                self._waiting.popleft()
            elif taken:
                self._waiting[0] = line[taken:]

    def _write_back(self) -> bool:
        """Put spilled records into the log, before whatever came after them."""
        if time.monotonic() < self._retry:
            return False  # the file may be large: a disk that refused it just now is left in peace for a moment
        while self._spool.files:
            data = self._spool.read()
            data = missing_part(data, read_at(self._fd, len(data), max(0, self._size - len(data))))
            try:
                while data:
                    written = os.write(self._fd, data)
                    self._size += written
                    data = data[written:]
            except OSError as error:
                self.failure = error
                self._retry = time.monotonic() + _RETRY_SECONDS
                return False
            self._spool.drop()
        return True

    def _rotate(self) -> None:
        try:
            full = self.path.with_name(f"records.{self._next_number():06d}.jsonl")
            if is_in_place(self.path, self._fd):  # not so where an interrupt came between this line and the next
                self.path.rename(full)
            elif (name := self._was_rotated()) is None:
                return  # removed or replaced by somebody: `restore` sees to it first
            else:
                full = name
            fresh = self._open()
        except (OSError, RunError) as error:
            if isinstance(error, OSError) and error.errno is None:
                raise
            return  # keep appending to what is open: a large segment loses nothing
        self.sync()
        self._closed[full], self._fd, self._size = self._fd, fresh, 0
        if len(self._closed) > _MOST_OPEN:
            os.close(self._closed.pop(next(iter(self._closed))))

    def _next_number(self) -> int:
        names = [_CLOSED_SEGMENT.fullmatch(file.name) for file in self.path.parent.iterdir()]
        return max((int(match[1]) for match in names if match), default=0) + 1

    def _was_rotated(self) -> Path | None:
        """The closed segment that the open file is by now, where a rotation was interrupted."""
        closed = segments(self.path.parent)
        return next((path for path in closed if path != self.path and is_in_place(path, self._fd)), None)

    def _rescue(self) -> str:
        """At the end, where the log's folder is gone and cannot be made again: keep what was acknowledged elsewhere."""
        try:
            self.restore()
        except (OSError, RunError) as error:
            size = os.fstat(self._fd).st_size
            kept = self._spool.add([read_at(self._fd, size, 0)])
            return f"{self.path}: was removed and cannot be written again ({error}); its records are in {kept}"
        return ""

    def _spill(self) -> str:
        count = len(self._waiting)
        reason = self.failure.strerror if self.failure else "unknown reason"
        try:
            target = self._spool.add(self._waiting)
        except OSError as error:
            return f"{self.path}: {reason}, and no other place takes them ({error}); the last {count} records are lost"
        self._waiting.clear()
        return (
            f"{self.path}: {reason}; the last {count} records are in {target}. Free space; going on with the run takes "
            f"them up by itself, or append them: cat {target} >> {self.path} && rm {target}"
        )


def segments(events: Path) -> list[Path]:
    """The log files of a run's `events/` folder, oldest first, the live one last."""
    closed = sorted(file for file in events.glob("records.*.jsonl") if _CLOSED_SEGMENT.fullmatch(file.name))
    return [file for file in (*closed, events / "records.jsonl") if file.is_file()]


def read_records(
    run: Path,
    *,
    only: Path | None = None,
    on_skip: Callable[[Path, int, str], None] | None = None,
    kinds: Collection[Kind] | None = None,
) -> Iterator[Record]:
    """The records of a run directory, in the order they were written; safe on a live or killed run.

    With `kinds`, those of these kinds alone; the others are not even decoded. A last line without its newline is torn
    or still being written, and is left out. Lines that are not records
    (a torn line that a resume terminated, foreign text) are skipped and reported to `on_skip(file, line, reason)`.

    Args:
        only: one segment of the run, where the others are not wanted.

    Raises:
        RunError: the directory holds no event log.
    """
    files = [only] if only else segments(run / "events")
    if not files:
        raise RunError(f"{run}: no event log (events/records.jsonl); give a run directory")
    marks = [f'"{kind}"'.encode() for kind in kinds or ()]  # what a line of this kind holds, however it was written
    for path in files:
        for number, line in lines_of(path):
            if line is None:
                if on_skip:
                    on_skip(path, number, TOO_LONG)
                continue
            if not line.endswith(b"\n"):
                break
            if marks and not any(mark in line for mark in marks):
                continue
            try:
                record = decode(line)
            except RecordError as error:
                if on_skip:
                    on_skip(path, number, str(error))
                continue
            if kinds is None or record.kind in kinds:
                yield record
