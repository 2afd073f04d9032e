"""What a sink is. A new one is one class in one file and one yaml in `conf/logging/`."""

from __future__ import annotations

from abc import ABC, abstractmethod

from aurl.record import Record
from aurl.rundir import RunDirectory


class Sink(ABC):
    """Writes records somewhere: a file, a tracker, the terminal.

    All methods are called from the Monitor's one sink thread, in the order open, write..., flush, close, so a sink
    needs no locks. A method may raise: the Monitor records the failure as a NOTE, and after three failures in a row
    it switches this sink off; training goes on.
    """

    def open(self, run: RunDirectory) -> None:  # noqa: B027  a sink that needs no set-up leaves it out
        """Get ready to write beside this run. Called once; again with the same run when it is resumed."""

    @abstractmethod
    def write(self, record: Record) -> None:
        """Take one record. Must keep whatever it needs: the record is not shown again."""

    def flush(self) -> None:  # noqa: B027
        """Make visible what was written. Called a few times a second, also when nothing new came."""

    def close(self) -> None:  # noqa: B027
        """Write what is left and let go of files and threads. Always called, also after a failed run."""
