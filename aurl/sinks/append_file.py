"""A file that only grows: one unbuffered write a message, and nothing lost when the disk is full for a while."""

from __future__ import annotations

import os
from pathlib import Path


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
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
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

    def end_torn_line(self) -> None:
        """End a last line that a crash of the machine left without its newline."""
        if self.size and os.pread(self._fd, 1, self.size - 1) != b"\n":
            self.write(b"\n")

    def close(self) -> None:
        """Write what was refused before, where the disk takes it now, and let go of the file.

        Raises:
            OSError: the disk still refuses.
        """
        try:
            self.write(b"")
        finally:
            os.close(self._fd)
