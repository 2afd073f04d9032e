"""A file that only grows: one unbuffered write a message, and nothing lost when the disk is full for a while.

A file that is removed or replaced while it is written is noticed within a second of writing, and made again whole.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from pathlib import Path

from aurl.machine.portable import open_fd, read_at
from aurl.runs.keeper import is_in_place, make_again

LOOK_SECONDS = 1.0


class AppendFile:
    """Appends bytes with one `write` system call each; what the disk refused goes first next time.

    Args:
        path: created where missing; its folder must exist.

    Attributes:
        size: bytes in the file, counted rather than asked for.

    Raises:
        OSError: the file cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._fd = open_fd(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self.size = os.fstat(self._fd).st_size
        self._unwritten = b""

    def write(self, data: bytes) -> None:
        """Append; when this returns, the bytes survive a kill of this process.

        Raises:
            OSError: the disk took none or only a part; the rest is kept and written before the next message.
        """
        self._unwritten = self._unwritten + data if self._unwritten else data
        while self._unwritten:
            done = os.write(self._fd, self._unwritten)
            self.size += done
            self._unwritten = self._unwritten[done:]
        if time.monotonic() >= self._look_at:
            self._restore()

    def end_torn_line(self) -> None:
        """End a last line that a crash of the machine left without its newline."""
        if self.size and read_at(self._fd, 1, self.size - 1) != b"\n":
            self.write(b"\n")

    def close(self, *, moved: bool = False) -> None:
        """Write what was refused before, where the disk takes it now, and let go of the file.

        Args:
            moved: its owner gave it another name, so that it is not missing.

        Raises:
            OSError: the disk still refuses.
        """
        try:
            self._look_at = math.inf if moved else 0.0
            self.write(b"")
        finally:
            os.close(self._fd)

    def _restore(self) -> None:
        self._look_at = time.monotonic() + LOOK_SECONDS
        if not is_in_place(self._path, self._fd):
            with suppress(OSError):  # tried again a second later; what comes goes on into the open file
                fresh = make_again(self._path, self._fd)
                os.close(self._fd)
                self._fd = fresh
