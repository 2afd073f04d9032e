"""What operating systems do differently: nothing else in aurl asks which one it runs on.

Linux and macOS have all of it. What Windows lacks has its nearest equal here, or is left out where nothing depends on
it; `docs/install.md` tells users what differs. tests/test_other_systems.py runs aurl with the calls of the one system
hidden that the other has not.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

RENAMES_OPEN_FILES = sys.platform != "win32"
"""Whether a file may get another name, or go, while somebody has it open."""
READS_PIPES_AT_ONCE = hasattr(os, "set_blocking")
"""Whether a pipe can be asked for what it holds without waiting; what works in a process of its own needs that."""
_RENAME_TRIES, _RENAME_SECONDS = 50, 0.01
_AS_BYTES = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_place = threading.Lock()  # of files that are read where they were not left


def open_fd(path: str | os.PathLike[str], flags: int, mode: int = 0o644, *, follow: bool = True) -> int:
    """`os.open` for bytes, in a handle that no started process inherits, and that waits for no pipe.

    Args:
        flags: of those that every system has.
        mode: of a new file.
        follow: open what a link leads to; else a link is refused.

    Raises:
        OSError: as `os.open`; ELOOP for a link that is not to be followed.
    """
    if not flags & (os.O_WRONLY | os.O_RDWR):
        flags |= getattr(os, "O_NONBLOCK", 0)  # reading from a pipe would wait for whoever writes to it
    if not follow and not hasattr(os, "O_NOFOLLOW") and Path(path).is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
    return os.open(path, flags | _AS_BYTES | (0 if follow else getattr(os, "O_NOFOLLOW", 0)), mode)


def read_at(fd: int, size: int, offset: int) -> bytes:
    """At most `size` bytes from a place in a file. A file that is written must be open for appending."""
    if hasattr(os, "pread"):
        return os.pread(fd, size, offset)
    with _place:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, size)


def lock(fd: int, *, by_process: bool = True) -> bool:
    """Lock an open file against other processes; the lock goes with the process, however that ends.

    Args:
        by_process: the lock is this process's alone and not that of children made by fork; closing any handle of the
            file drops it. Else it belongs to the open file.

    Returns:
        Whether it is locked; False where somebody else has locked it.

    Raises:
        OSError: the file system knows no locks.
    """
    try:
        import fcntl
    except ImportError:
        return _lock_region(fd)
    try:
        (fcntl.lockf if by_process else fcntl.flock)(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _lock_region(fd: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    except PermissionError:
        return False
    return True


def after_fork_in_child(function: Callable[[], None]) -> None:
    """Have it called in each child that this process makes by fork, where there is such a thing."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def is_private(status: os.stat_result) -> bool:
    """Whether a file is this user's and closed to others; where files tell no owner, the folder has to see to it."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077


def is_root() -> bool:
    """Whether this process may do everything."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def lower_priority(steps: int) -> None:
    """Let other processes go first."""
    if hasattr(os, "nice"):
        os.nice(steps)


def rename_over(source: Path, target: Path) -> None:
    """Give a file the name of another, which goes; where a reader of that one stands in the way, wait for it.

    Raises:
        OSError: it cannot be renamed, or a reader stayed for half a second.
    """
    for _ in range(0 if RENAMES_OPEN_FILES else _RENAME_TRIES):
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(_RENAME_SECONDS)
        else:
            return
    source.replace(target)


def link_or_copy(source: Path, target: Path) -> None:
    """Have a file or folder appear under another name too, by the cheapest way that this system allows to anybody.

    Raises:
        OSError: it cannot be made.
    """
    with suppress(OSError):  # Windows asks for a privilege
        target.symlink_to(source)
        return
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_hard_link)
    else:
        _hard_link(source, target)


def _hard_link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
