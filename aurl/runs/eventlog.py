"""The event log: one JSON line and one unbuffered write per record, and the reader that trusts no tail.

The promise: a record whose `append` has returned survives SIGKILL and the out-of-memory killer, for it is in the
kernel's page cache. Power loss can take what was written since the last `sync` (epoch, checkpoint, critical alert).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from aurl.errors import EventLogError, RecordError, RunError
from aurl.record import Record
from aurl.runs.codec import decode, encode

SEGMENT_BYTES = 256 * 2**20
BACKLOG_RECORDS = 100_000
_CLOSED_SEGMENT = re.compile(r"records\.(\d{6})\.jsonl")


class EventLog:
    """Appends records to `events/records.jsonl`; not thread-safe, the Monitor holds its lock around it.

    A disk that takes no more (full, read-only, failing) loses nothing: records wait in memory, in order, and every
    further append tries again. Above `backlog` waiting records, or at `close`, they are spilled to a file in the
    temporary folder, which the error names.

    Args:
        path: the live segment.
        segment_bytes: size at which it is closed as `records.000001.jsonl` and a new one begun.
        backlog: records held in memory while the disk refuses.

    Raises:
        RunError: the file cannot be opened, or another process writes to this run.
    """

    def __init__(self, path: Path, *, segment_bytes: int = SEGMENT_BYTES, backlog: int = BACKLOG_RECORDS) -> None:
        self.path = path
        self.failure: OSError | None = None
        self._segment_bytes = segment_bytes
        self._backlog = backlog
        self._waiting: deque[bytes] = deque()
        self._fd = self._open()
        self._size = os.fstat(self._fd).st_size
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
        self._waiting.append(encode(record))
        if not self._drain() and len(self._waiting) > self._backlog:
            raise EventLogError(self._spill())
        if self._size >= self._segment_bytes:
            self._rotate()

    def sync(self) -> None:
        """Ask the disk to keep what was written, against power loss."""
        with contextlib.suppress(OSError):
            os.fsync(self._fd)

    def close(self, patience: float = 2.0) -> None:
        """Write what waits, sync, close.

        Raises:
            EventLogError: the disk still refuses; the message names the file that holds the waiting records.
        """
        deadline = time.monotonic() + patience
        while not self._drain() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.sync()
        os.close(self._fd)
        if self._waiting:
            raise EventLogError(self._spill())

    def _open(self) -> int:
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot write the event log ({error.strerror}); "
                "free space or choose another folder with paths.outputs=DIR"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise RunError(
                f"{self.path}: another process writes to this run; stop it first, or start a new run"
            ) from None
        except OSError:
            pass  # a network file system without locks: go on without this protection
        return fd

    def _terminate_torn_line(self) -> None:
        if self._size and os.pread(self._fd, 1, self._size - 1) != b"\n":
            self._waiting.append(b"\n")
            self._drain()

    def _drain(self) -> bool:
        while self._waiting:
            line = self._waiting[0]
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                self.failure = error
                return False
            self._size += written
            if written == len(line):
                self._waiting.popleft()
            else:  # a nearly full disk took only the beginning; the next write tells why
                self._waiting[0] = line[written:]
        self.failure = None
        return True

    def _rotate(self) -> None:
        numbers = [
            int(match[1]) for file in self.path.parent.iterdir() if (match := _CLOSED_SEGMENT.fullmatch(file.name))
        ]
        try:
            self.path.rename(self.path.with_name(f"records.{max(numbers, default=0) + 1:06d}.jsonl"))
            fresh = self._open()
        except (OSError, RunError):
            return  # keep appending to what is open: a large segment loses nothing
        self.sync()
        os.close(self._fd)
        self._fd, self._size = fresh, 0

    def _spill(self) -> str:
        target = Path(tempfile.gettempdir()) / f"aurl-{self.path.parent.parent.name}-{os.getpid()}-records.jsonl"
        count = len(self._waiting)
        reason = self.failure.strerror if self.failure else "unknown reason"
        try:
            with target.open("ab") as file:
                file.writelines(self._waiting)
        except OSError as error:
            return f"{self.path}: {reason}, and {target}: {error.strerror}; the last {count} records are lost"
        self._waiting.clear()
        return (
            f"{self.path}: {reason}; the last {count} records are in {target}. "
            f"Free space, then append them: cat {target} >> {self.path}"
        )


def segments(events: Path) -> list[Path]:
    """The log files of a run's `events/` folder, oldest first, the live one last."""
    closed = sorted(file for file in events.glob("records.*.jsonl") if _CLOSED_SEGMENT.fullmatch(file.name))
    live = events / "records.jsonl"
    return [*closed, live] if live.exists() else closed


def read_records(run: Path, *, on_skip: Callable[[Path, int, str], None] | None = None) -> Iterator[Record]:
    """The records of a run directory, in the order they were written; safe on a live or killed run.

    A last line without its newline is torn or still being written, and is left out. Lines that are not records
    (a torn line that a resume terminated, foreign text) are skipped and reported to `on_skip(file, line, reason)`.

    Raises:
        RunError: the directory holds no event log.
    """
    files = segments(run / "events")
    if not files:
        raise RunError(f"{run}: no event log (events/records.jsonl); give a run directory")
    for path in files:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    yield decode(line)
                except RecordError as error:
                    if on_skip:
                        on_skip(path, number, str(error))
