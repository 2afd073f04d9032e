"""Follows the event log of a run that is going on, from one segment to the next."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from aurl.errors import RecordError
from aurl.record import Record
from aurl.runs.codec import decode
from aurl.runs.eventlog import segments

CHUNK_BYTES = 1 << 20


class LogTail:
    """Reads what was appended since the last look. Lines that are no records are left out, as other readers do.

    Args:
        events: the run's `events/` folder.
        begin: None for all segments from the first one on, or a place in the live segment, in bytes.
    """

    def __init__(self, events: Path, begin: int | None = None) -> None:
        self._events = events
        self._live = events / "records.jsonl"
        self._fd = -1
        self._begin = begin
        self._torn = b""

    def read(self) -> list[Record]:
        """The next records, at most about a megabyte of them; empty where nothing new is there."""
        if self._fd < 0 and not self._open_first():
            return []
        data = os.read(self._fd, CHUNK_BYTES)
        while not data and self._open_next():
            data = os.read(self._fd, CHUNK_BYTES)
        return self._records(data) if data else []

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_first(self) -> bool:
        files = segments(self._events) if self._begin is None else [self._live]
        try:
            self._fd = os.open(files[0], os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, IndexError):
            return False
        if self._begin:
            os.lseek(self._fd, self._begin, os.SEEK_SET)
        return True

    def _open_next(self) -> bool:
        """Go on with the segment after the one that is open, where it was closed and is read to its end."""
        ours = os.fstat(self._fd)
        files = segments(self._events)
        places = [number for number, file in enumerate(files) if _is_same(file, ours)]
        if not places or places[0] + 1 >= len(files) or ours.st_size > os.lseek(self._fd, 0, os.SEEK_CUR):
            return False
        self.close()
        self._torn = b""
        self._fd = os.open(files[places[0] + 1], os.O_RDONLY | os.O_CLOEXEC)
        return True

    def _records(self, data: bytes) -> list[Record]:
        *lines, self._torn = (self._torn + data).split(b"\n")
        found = []
        for line in lines:
            try:
                found.append(decode(line))
            except RecordError:  # a torn line that a resume ended, or foreign text
                continue
        return found


def _is_same(file: Path, known: os.stat_result) -> bool:
    try:
        return os.path.samestat(file.stat(), known)
    except FileNotFoundError:  # just renamed: the next look finds it
        return False
