"""Files that were removed or replaced while they are open for writing: noticed, and made again from the open handle."""

from __future__ import annotations

import os
from pathlib import Path

from aurl.machine.portable import open_fd, read_at

_CHUNK = 1 << 22


def is_in_place(path: Path, fd: int) -> bool:
    """Whether the path still leads to the file that is open."""
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except OSError:
        return False


def make_again(path: Path, fd: int) -> int:
    """Write the whole of an open file to its path again; a handle of the new file, for appending and reading.

    A foreign file that lies there now is kept beside it as `<name>.replaced`. Folders are made where they are missing.

    Raises:
        OSError: the place cannot be written; nothing has changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.again")
    fresh = open_fd(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    try:
        _copy(fd, fresh)
        os.fsync(fresh)
        if path.exists():
            path.replace(path.with_name(f"{path.name}.replaced"))
        partial.replace(path)
    except BaseException:
        os.close(fresh)
        partial.unlink(missing_ok=True)
        raise
    return fresh


def _copy(source: int, target: int) -> None:
    at = 0
    while data := read_at(source, _CHUNK, at):
        at += len(data)
        while data:
            data = data[os.write(target, data) :]
