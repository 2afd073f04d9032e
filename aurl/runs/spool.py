"""Where records wait that a run's disk refuses: private files elsewhere, which the next session takes up."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

from aurl.machine.portable import is_private, open_fd

_LINE = b'{"v":'
_HEAD = 80  # bytes that no two records share at their beginning


class Spool:
    """The spilled records of one event log, oldest first.

    Files are made with `O_EXCL` and `O_NOFOLLOW` and may be read by their owner only; files that are not exactly so are
    somebody else's, and left alone.

    Args:
        log: the live segment of the event log.

    Attributes:
        files: those that were not taken back yet, in the order of their records.
    """

    def __init__(self, log: Path) -> None:
        digest = blake2b(os.fsencode(os.path.realpath(log)), digest_size=8).hexdigest()
        self._prefix = f"aurl-{log.parent.parent.name[:60]}-{digest}-"
        self.files = sorted(self._left(), key=lambda path: path.name)

    def add(self, lines: Iterable[bytes]) -> Path:
        """Write lines into a new file.

        Raises:
            OSError: no place takes them.
        """
        data = b"".join(lines)
        failure: OSError | None = None
        for place in _places():
            try:
                path = self._write(place, data)
            except OSError as error:
                failure = failure or error
            else:
                self.files.append(path)
                return path
        raise failure or FileNotFoundError(2, "no folder for temporary files")

    def read(self) -> bytes:
        """What the oldest file holds; empty where it is gone."""
        try:
            fd = open_fd(self.files[0], os.O_RDONLY, follow=False)
        except OSError:
            return b""
        with os.fdopen(fd, "rb") as file:
            return file.read() if _is_ours(os.fstat(fd)) else b""

    def drop(self) -> None:
        """Remove the oldest file: the log holds its records."""
        self.files.pop(0).unlink(missing_ok=True)

    def _write(self, place: Path, data: bytes) -> Path:
        path = place / f"{self._prefix}{time.time_ns():020d}-records.jsonl"
        fd = open_fd(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, follow=False)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def _left(self) -> Iterator[Path]:
        for place in _places():
            try:
                found = [Path(entry.path) for entry in os.scandir(place) if entry.name.startswith(self._prefix)]
            except OSError:
                continue
            yield from (path for path in found if _is_ours(path.lstat()))


def missing_part(data: bytes, tail: bytes) -> bytes:
    """What of `data` does not stand at the end of a log yet, whose last bytes are `tail`.

    A kill may come between writing spilled records back and removing their file; they must not stand there twice.
    """
    head = data[:_HEAD]
    at = tail.find(head)
    while at >= 0:
        if data.startswith(tail[at:]):
            return data[len(tail) - at :]
        at = tail.find(head, at + 1)
    torn = tail[tail.rfind(b"\n") + 1 :]
    return data[len(torn) :] if torn and torn[:5] == _LINE[: len(torn)] and data.startswith(torn) else data


def _places() -> list[Path]:
    places = (tempfile.gettempdir(), "/var/tmp", "/dev/shm", os.environ.get("HOME", "/"))
    return [place for place in map(Path, dict.fromkeys(places)) if place.is_dir()]


def _is_ours(state: os.stat_result) -> bool:
    return stat.S_ISREG(state.st_mode) and is_private(state) and state.st_nlink <= 1
