"""A log file that is rotated by size into gzip backups, without losing a line when killed at any moment.

`train.log` is renamed to `train.log.1`, packed in the background into `train.log.1.gz.tmp`, which is renamed to
`train.log.1.gz`; only then the plain copy goes. Whatever step a kill interrupts, the next start finishes it.
"""

from __future__ import annotations

import gzip
import os
import shutil
import threading
from pathlib import Path

from aurl.machine.portable import RENAMES_OPEN_FILES
from aurl.sinks.append_file import AppendFile

COPY_BYTES = 1 << 20


class RotatingFile:
    """Appends to a file of bounded size; older parts lie beside it, `.1.gz` the youngest.

    Args:
        path: the live file; an existing one is gone on with.
        max_bytes: size that the live file does not exceed (unless one message alone does).
        backups: packed files to keep, at least 1.

    Raises:
        OSError: the file cannot be opened for writing.
    """

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._packer: threading.Thread | None = None
        self._failure: OSError | None = None
        self._finish_interrupted_rotation()
        self._file = AppendFile(path)
        self._file.end_torn_line()

    def write(self, data: bytes) -> None:
        """Append one message with one system call, rotating first where it would not fit.

        Raises:
            OSError: the disk refuses; the message is kept and written before the next one.
        """
        try:
            if self._file.size + len(data) > self._max_bytes and self._file.size:
                self._rotate()
        finally:
            self._file.write(data)

    def rotate(self) -> None:
        """Close the live file as the youngest backup and begin a new one; an empty one is gone on with.

        Raises:
            OSError: the disk refuses; the file that is open is gone on with.
        """
        if self._file.size:
            self._rotate()

    def check(self) -> None:
        """Tell about a backup that could not be packed; it is tried again at the next rotation or start.

        Raises:
            OSError: what went wrong, once.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Wait for the packing, close the file."""
        self._wait()
        self._file.close()

    def _rotate(self) -> None:
        self._file.write(b"")  # what the disk refused belongs in this file
        self._wait()
        full = self._path.with_name(f"{self._path.name}.1")
        if full.exists():
            pack(full)
        self._shift()
        if RENAMES_OPEN_FILES:
            self._begin_anew(full)
        else:
            self._close_and_begin_anew(full)
        self._pack_in_background(full)

    def _begin_anew(self, full: Path) -> None:
        self._path.rename(full)
        try:
            fresh = AppendFile(self._path)
        except OSError:
            full.rename(self._path)  # out of file handles: go on with the file that is open
            raise
        filled, self._file = self._file, fresh
        filled.close(moved=True)

    def _close_and_begin_anew(self, full: Path) -> None:
        self._file.close()
        try:
            self._path.rename(full)  # refused while somebody reads it
        finally:
            self._file = AppendFile(self._path)

    def _shift(self) -> None:
        numbers = range(1, self._backups + 1)
        packed = [self._path.with_name(f"{self._path.name}.{number}.gz") for number in numbers]
        free = next((place for place, file in enumerate(packed) if not file.exists()), self._backups - 1)
        for place in range(free, 0, -1):
            packed[place - 1].replace(packed[place])
        packed[0].unlink(missing_ok=True)  # a single backup has nowhere to move

    def _finish_interrupted_rotation(self) -> None:
        full = self._path.with_name(f"{self._path.name}.1")
        if full.exists():
            self._pack_in_background(full)

    def _pack_in_background(self, full: Path) -> None:
        self._packer = threading.Thread(target=self._pack, args=(full,), name="aurl-log-pack", daemon=True)
        self._packer.start()

    def _pack(self, full: Path) -> None:
        try:
            pack(full)
        except OSError as error:
            self._failure = error

    def _wait(self) -> None:
        if self._packer is not None:
            self._packer.join()
            self._packer = None


def pack(plain: Path) -> None:
    """Replace a file by its `.gz`, so that at every moment one of the two is complete.

    Raises:
        OSError: the disk refuses; the plain file is still there.
    """
    packed = plain.with_name(f"{plain.name}.gz")
    partial = packed.with_name(f"{packed.name}.tmp")
    with partial.open("wb") as raw:
        with plain.open("rb") as source, gzip.GzipFile(plain.name, "wb", 6, raw) as target:
            shutil.copyfileobj(source, target, COPY_BYTES)
        raw.flush()
        os.fsync(raw.fileno())
    partial.replace(packed)
    plain.unlink()
