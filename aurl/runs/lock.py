"""One writer a run: a lock that is held before anything is written into a run's directory.

The lock is a POSIX record lock on `events/.lock`. It belongs to the process: a child made by fork does not inherit it,
and it goes with the process however that ends. (`flock` would stay with a living worker of a killed training.)
Closing any other handle of the file would drop it, so nothing else ever opens that file.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from aurl.errors import RunError
from aurl.machine.portable import after_fork_in_child, lock, open_fd
from aurl.runs.rundir import RunDirectory

_HELD: dict[str, RunLock] = {}
"""By the real path of `events/`: what this very process holds, which a POSIX lock would not refuse to it again."""


class RunLock:
    """Held by the one process that writes to a run; made by `acquire`.

    Attributes:
        in_use: an event log writes under it. A lock that is held and not in use waits for its log.
        since: when it was taken, in seconds since 1970.
    """

    def __init__(self, events: Path, fd: int) -> None:
        self.events = events
        self.in_use = False
        self.since = time.time()
        self._fd = fd

    def renew(self) -> None:
        """Lock the file anew where it, or its folder, was removed or replaced meanwhile.

        Raises:
            RunError: another process has taken the new one.
            OSError: it cannot be made.
        """
        path = self.events / ".lock"
        try:
            if os.path.samestat(path.stat(), os.fstat(self._fd)):
                return
        except FileNotFoundError:
            pass
        fresh = _lock(path)
        os.close(self._fd)
        self._fd = fresh

    def release(self) -> None:
        """Let others write to the run; a second call does nothing."""
        if _HELD.get(key := _key(self.events)) is self:
            del _HELD[key]
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def begin(run: RunDirectory, *, resume: bool, how: str = "resume={path}") -> RunLock:
    """Make a run's folders and lock it, before anything else is written there.

    Args:
        resume: going on with the run that is there was asked for.
        how: how to ask for that, for the error.

    Raises:
        RunError: the directory holds a run and `resume` is false, somebody writes to it, or it cannot be made.
    """
    try:
        run.create()
    except OSError as error:
        raise RunError(
            f"{run.path}: cannot be written ({error.strerror}); choose another folder with paths.outputs=DIR"
        ) from error
    lock = acquire(run.events)
    if not resume and holds_run(run):
        lock.release()
        raise RunError(f"{run.path}: holds a run; go on with it by {how.format(path=run.path)}, or choose another path")
    return lock


def acquire(events: Path) -> RunLock:
    """The lock of the run with this `events/` folder; one that this process holds and nobody uses yet is given out.

    Raises:
        RunError: a process writes to the run, perhaps this very one; or the folder cannot be written.
    """
    held = _HELD.get(key := _key(events))
    if held is not None and not held.in_use:
        return held
    if held is not None:
        opened = time.strftime("%H:%M:%S", time.localtime(held.since))
        raise RunError(
            f"{events.parent}: this very process writes to this run, through a Monitor opened at {opened}. Close it "
            "(aurl.Monitor.opened() lists those that are open), or take the run over with resume='takeover'"
        )
    try:
        fd = _lock(events / ".lock")
    except OSError as error:
        raise RunError(
            f"{events}: cannot write the event log ({error.strerror}); "
            "free space or choose another folder with paths.outputs=DIR"
        ) from error
    lock = _HELD[key] = RunLock(events, fd)
    return lock


def holds_run(run: RunDirectory) -> bool:
    """Whether something was logged or saved there."""
    logged = any(log.stat().st_size for log in run.events.glob("records*.jsonl"))
    return logged or any(run.checkpoints.glob("step_*"))


def _lock(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = open_fd(path, os.O_RDWR | os.O_CREAT)
    try:
        is_ours = lock(fd)
    except OSError:  # a network file system without locks: go on without this protection
        is_ours = True
    if not is_ours:
        os.close(fd)
        raise RunError(f"{path.parent.parent}: another process writes to this run; stop it first, or start a new run")
    return fd


def _key(events: Path) -> str:
    return os.path.realpath(events)


def _forget_in_child() -> None:
    """A child made by fork holds nothing: the locks are its parent's."""
    _HELD.clear()


after_fork_in_child(_forget_in_child)
