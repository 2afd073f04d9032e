"""The records of a run that is still being written, each given once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from aurl.errors import RecordError
from aurl.record import Record
from aurl.runs.codec import decode
from aurl.runs.eventlog import segments

_CHUNK = 4 * 2**20


class Tail:
    """Reads on in a run's event log where it stopped the last time, through rotations.

    A file is known by its inode, so a segment that was renamed goes on where it was. A last line without its newline
    waits until it is whole; lines that are not records are passed over.

    Args:
        run: the run directory.
    """

    def __init__(self, run: Path) -> None:
        self._events = run / "events"
        self._offsets: dict[int, int] = {}

    def read(self) -> Iterator[Record]:
        """What was written since the last call; nothing while there is no log."""
        for path in segments(self._events):
            try:
                yield from self._read_file(path)
            except FileNotFoundError:
                return  # rotated between listing and opening: the next call finds it under its new name

    def _read_file(self, path: Path) -> Iterator[Record]:
        with path.open("rb") as file:
            status = path.stat()
            offset = self._offsets.get(status.st_ino, 0)
            file.seek(offset if offset <= status.st_size else 0)  # shorter than before: another file, from its start
            rest = b""
            while chunk := file.read(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                self._offsets[status.st_ino] = file.tell() - len(rest)
                for line in lines:
                    try:
                        yield decode(line)
                    except RecordError:
                        continue
