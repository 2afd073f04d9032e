"""Reads what is new in a run's event log: by byte offset, over rotations, and noticing when it is another log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aurl.runs.eventlog import segments

BLOCK_BYTES = 4 * 2**20
LONGEST_LINE = 64 * 2**20
_MARK = 128


class LogReplacedError(Exception):
    """The log is not the one that was read so far: shorter, rewritten, or gone."""


@dataclass(slots=True)
class Place:
    """How far one segment was read.

    Attributes:
        inode: which file it is, whatever its name is by now.
        offset: bytes that were read, whole lines.
        head: its first bytes, by which another log under the same inode is told.
        mark: the bytes before `offset`, for the same reason.
    """

    inode: int
    offset: int = 0
    head: bytes = b""
    mark: bytes = b""


class LogTail:
    """Follows `events/` of one run; holds no file open between reads.

    Attributes:
        places: the segments read so far, oldest first; the last is the one to go on with.
        skipped: lines that were too long to be read.
    """

    def __init__(self, events: Path, places: list[Place] | None = None) -> None:
        self._events = events
        self._live = events / "records.jsonl"
        self.places = places or []
        self.skipped = 0

    def size(self) -> int:
        """Bytes in all segments; 0 where there are none."""
        return sum(_size(path) for path in segments(self._events))

    def read(self) -> int:
        """Bytes that were read."""
        return sum(place.offset for place in self.places)

    def changed(self) -> bool:
        """Whether there may be something new: one stat."""
        try:
            status = self._live.stat()
        except OSError:
            return bool(self.places)
        if not self.places:
            return True
        place = self.places[-1]
        return status.st_ino != place.inode or status.st_size != place.offset

    def holds(self) -> bool:
        """Whether what was read is still what the log begins with."""
        files = dict(self._files())
        for place in self.places:
            try:
                fd = os.open(files.get(place.inode, ""), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError:
                return False
            try:
                if os.fstat(fd).st_size < place.offset or not _same(fd, place):
                    return False
            finally:
                os.close(fd)
        return list(files)[: len(self.places)] == [place.inode for place in self.places]

    def blocks(self) -> Iterator[bytes]:
        """Whole lines that were not read yet, in blocks of about 4 MiB; a line without its newline stays for later.

        Raises:
            LogReplacedError: what was read is no longer what the log begins with; begin anew with a new `LogTail`.
        """
        files = self._files()
        known = [place.inode for place in self.places]
        if [inode for inode, _ in files][: len(known)] != known:
            raise LogReplacedError(str(self._events))
        for number, (inode, path) in enumerate(files):
            if number == len(self.places):
                self.places.append(Place(inode))
            if number >= len(known) - 1:
                yield from self._blocks_of(path, self.places[number])

    def _files(self) -> list[tuple[int, Path]]:
        found = []
        for path in segments(self._events):
            try:
                found.append((path.stat().st_ino, path))
            except OSError:
                continue  # renamed meanwhile; the next look finds it
        return found

    def _blocks_of(self, path: Path, place: Place) -> Iterator[bytes]:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            status = os.fstat(fd)
            if status.st_ino != place.inode:
                return  # rotated between the listing and now
            if status.st_size < place.offset or not _same(fd, place):
                raise LogReplacedError(str(path))
            while (block := self._next(fd, place, status.st_size)) is not None:
                place.offset += len(block)
                place.mark = os.pread(fd, min(_MARK, place.offset), max(0, place.offset - _MARK))
                place.head = place.head or os.pread(fd, min(_MARK, place.offset), 0)
                yield block
        finally:
            os.close(fd)

    def _next(self, fd: int, place: Place, size: int) -> bytes | None:
        length = min(BLOCK_BYTES, size - place.offset)
        while length > 0:
            block = os.pread(fd, length, place.offset)
            end = block.rfind(b"\n") + 1
            if end:
                return block[:end]
            if len(block) < length or length == size - place.offset:
                return None
            if length >= LONGEST_LINE:
                place.offset += length  # its rest looks like a line that is no record, and is skipped as one
                self.skipped += 1
                length = min(BLOCK_BYTES, size - place.offset)
            else:
                length = min(length * 2, size - place.offset, LONGEST_LINE)
        return None


def _same(fd: int, place: Place) -> bool:
    start = max(0, place.offset - len(place.mark))
    return os.pread(fd, len(place.mark), start) == place.mark and os.pread(fd, len(place.head), 0) == place.head


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
