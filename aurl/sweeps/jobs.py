"""How the jobs of a sweep ended, in whatever process a launcher ran them, and signals for all of them."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from aurl.errors import PREEMPTED
from aurl.machine.portable import open_fd

NEVER = "never began"


class Ended(NamedTuple):
    """One job: how it ended, its exit code, its directory, and that of the sweep."""

    status: str
    exit_code: int
    folder: str
    sweep: str = ""


class SweepJobs:
    """A file to which each job adds a line when it ends; it travels to a launcher's processes as its path alone.

    Args:
        path: the file; it lies on this machine.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, ended: Ended) -> None:
        """Tell how a job ended.

        Raises:
            OSError: the file cannot be reached, as from another machine.
        """
        fd = open_fd(self._path, os.O_WRONLY | os.O_APPEND)  # never made anew: the sweep may be over
        try:
            os.write(fd, json.dumps(ended).encode() + b"\n")
        finally:
            os.close(fd)

    def all(self) -> list[Ended]:
        """The jobs that have ended, in that order."""
        try:
            return [Ended(*json.loads(line)) for line in self._path.read_text(encoding="utf-8").splitlines()]
        except OSError:
            return []

    def stop(self) -> None:
        """Let no further job begin."""
        with suppress(OSError):
            self.add(Ended("stopped before it began", PREEMPTED, ""))

    @property
    def stopped(self) -> bool:
        """Whether the machine is being taken away, or a person has said stop: no further job is to begin."""
        return any(one.exit_code == PREEMPTED for one in self.all())


@contextmanager
def sweep_jobs() -> Iterator[SweepJobs]:
    """The record of a sweep's jobs; a signal that comes while it is open reaches the jobs in processes of their own."""
    fd, name = tempfile.mkstemp(prefix="aurl-sweep-")
    os.close(fd)
    jobs, parent = SweepJobs(Path(name)), os.getpid()

    def forward(number: int, _frame: FrameType | None) -> None:
        if os.getpid() != parent:
            return
        signal.signal(number, before[signal.Signals(number)])  # a second one does what it always did
        jobs.stop()
        if number == signal.SIGTERM:  # Ctrl-C comes to all processes of a terminal by itself
            _tell_children(number)

    heeded = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in heeded}
    for number in heeded:
        signal.signal(number, forward)
    try:
        yield jobs
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        Path(name).unlink(missing_ok=True)


def _tell_children(number: int) -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.send_signal(number)
