"""Follows the event log of a run that is going on: by byte offset, over rotations, and noticing when it is another log.

There is one follower, for sinks, the dashboard and the terminal. Whoever can begin anew (the dashboard, the terminal)
takes a `LogTail` and does so when it raises; whoever cannot take back what it showed (a sink) takes a `Follower`.
Another log is told by its inode, its size, and 128 bytes at its beginning and before the place reached: reading all of
it at every look would cost too much, so a byte changed in the middle of a log goes unseen.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aurl.errors import RecordError
from aurl.machine.portable import read_at
from aurl.machine.untrusted import LONGEST_LINE, open_regular
from aurl.record import Record
from aurl.runs.codec import decode
from aurl.runs.eventlog import segments

BLOCK_BYTES = 4 * 2**20
_MARK = 128
_TRIES = 3


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

    def go_to(self, fd: int, offset: int) -> None:
        """All bytes of the file before `offset` are read."""
        self.offset = offset
        self.mark = read_at(fd, min(_MARK, offset), max(0, offset - _MARK))
        self.head = self.head or read_at(fd, min(_MARK, offset), 0)

    def is_in(self, fd: int) -> bool:
        """Whether the file still begins with what was read of it."""
        if os.fstat(fd).st_size < self.offset:
            return False
        start = max(0, self.offset - len(self.mark))
        return read_at(fd, len(self.mark), start) == self.mark and read_at(fd, len(self.head), 0) == self.head


class LogTail:
    """Follows `events/` of one run; holds no file open between reads.

    Args:
        events: the run's `events/` folder, which need not be there yet.
        places: how far each segment was read before, oldest first; none to begin at the beginning.
        trusted: False for a folder that may be a stranger's: links are not followed, and a file that cannot be opened
            counts as missing.

    Attributes:
        places: the segments read so far, oldest first; the last is the one to go on with.
        skipped: lines that were too long to be read.
    """

    def __init__(self, events: Path, places: list[Place] | None = None, *, trusted: bool = True) -> None:
        self._events = events
        self._live = events / "records.jsonl"
        self._trusted = trusted
        self._seen: tuple[int, int, int] | None = None
        self.places = places or []
        self.skipped = 0

    def size(self) -> int:
        """Bytes in all segments; 0 where there are none."""
        return sum(status.st_size for path in segments(self._events) if (status := _status(path)))

    def bytes_read(self) -> int:
        """Bytes of all segments that were read."""
        return sum(place.offset for place in self.places)

    def changed(self) -> bool:
        """Whether there may be something new: one stat."""
        status = _status(self._live)
        return bool(self.places) if status is None else _stamp(status) != self._seen

    def holds(self) -> bool:
        """Whether what was read is still what the log begins with."""
        files = dict(self._files())
        for place in self.places:
            fd = self._open(files[place.inode]) if place.inode in files else None
            if fd is None:
                return False
            try:
                if not place.is_in(fd):
                    return False
            finally:
                os.close(fd)
        return list(files)[: len(self.places)] == [place.inode for place in self.places]

    def skip_to_end(self) -> None:
        """Go on with what is written from now on."""
        for inode, path in self._files():
            fd = self._open(path)
            if fd is None:
                continue
            try:
                place = Place(inode)
                place.go_to(fd, os.fstat(fd).st_size)
                self.places.append(place)
            finally:
                os.close(fd)

    def records(self) -> Iterator[Record]:
        """The records that were not read yet; lines that are none are left out, as other readers do.

        Raises:
            LogReplacedError: as `blocks` does.
            OSError: the log cannot be read.
        """
        for block in self.blocks():
            yield from filter(None, map(_record, block.split(b"\n")[:-1]))

    def blocks(self) -> Iterator[bytes]:
        """Whole lines that were not read yet, in blocks of about 4 MiB; a line without its newline stays for later.

        Raises:
            LogReplacedError: what was read is no longer what the log begins with; begin anew with a new `LogTail`.
            OSError: the log cannot be read.
        """
        status = _status(self._live)
        files = self._files()
        known = [place.inode for place in self.places]
        if [inode for inode, _ in files][: len(known)] != known:
            raise LogReplacedError(str(self._events))
        for number, (inode, path) in enumerate(files):
            if number == len(self.places):
                self.places.append(Place(inode))
            if number >= len(known) - 1:
                yield from self._blocks_of(path, self.places[number])
        self._seen = _stamp(status) if status else None

    def _files(self) -> list[tuple[int, Path]]:
        """The segments by inode, as they were at one moment: a rotation between two looks at the folder shows."""
        paths = segments(self._events)
        while True:
            found = [(status.st_ino, path) for path in paths if (status := _status(path))]
            again = segments(self._events)
            if again == paths:
                return found
            paths = again

    def _open(self, path: Path) -> int | None:
        try:
            with open_regular(path, follow=self._trusted) as file:
                return os.dup(file.fileno())
        except FileNotFoundError:  # renamed meanwhile; the next look finds it
            return None
        except OSError:
            if self._trusted:
                raise
            return None

    def _blocks_of(self, path: Path, place: Place) -> Iterator[bytes]:
        fd = self._open(path)
        if fd is None:
            return
        try:
            status = os.fstat(fd)
            if status.st_ino != place.inode:
                return  # rotated between the listing and now
            if not place.is_in(fd):
                raise LogReplacedError(str(path))
            while (block := self._next(fd, place, status.st_size)) is not None:
                place.go_to(fd, place.offset + len(block))
                yield block
        finally:
            os.close(fd)

    def _next(self, fd: int, place: Place, size: int) -> bytes | None:
        length = min(BLOCK_BYTES, size - place.offset)
        while length > 0:
            block = read_at(fd, length, place.offset)
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


class Follower:
    """The records of a log, each given once whatever becomes of its files: for those who cannot take back a record.

    Where the log is found to be another one (put back from a backup, edited, cut short), it is read from its beginning
    and the lines that were given before are left out. That costs eight bytes of memory for each line.

    Args:
        events: the run's `events/` folder.
        places: what counts as given already, as `LogTail` has it; none to begin at the beginning.

    Attributes:
        replaced: how often the log was found to be another one.
    """

    def __init__(self, events: Path, places: Iterable[Place] = ()) -> None:
        self._events = events
        self._tail = LogTail(events)
        self._passed = {place.inode: place.offset for place in places}
        self._given = array("q")
        self._known: Counter[int] = Counter()
        self.replaced = 0

    def records(self) -> Iterator[Record]:
        """The next records; lines that are none are left out.

        Raises:
            OSError: the log cannot be read.
        """
        for _ in range(_TRIES):  # one that is replaced again and again is taken up at the next look
            try:
                yield from self._new()
            except LogReplacedError:
                self.replaced += 1
                self._tail = LogTail(self._events)
                self._passed.clear()
                self._known = Counter(self._given)
            else:
                return

    def _new(self) -> Iterator[Record]:
        for block in self._tail.blocks():
            place = self._tail.places[-1]
            at, passed = place.offset - len(block), self._passed.get(place.inode, 0)
            for line in block.split(b"\n")[:-1]:
                digest = hash(line)
                is_passed, at = at < passed, at + len(line) + 1
                if self._known[digest] > 0:
                    self._known[digest] -= 1
                    continue
                self._given.append(digest)
                if not is_passed and (record := _record(line)):
                    yield record


def _record(line: bytes) -> Record | None:
    try:
        return decode(line)
    except RecordError:  # a torn line that a resume ended, or foreign text
        return None


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    """What changes when a file does, also where it is rewritten with as many bytes as before."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
