"""What a sink is. A new one is one class in one file and one yaml in `conf/logging/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from aurl.record import Record
from aurl.runs.rundir import RunDirectory


class Sink(ABC):
    """Writes records somewhere: a file, a tracker, the terminal.

    All methods are called from the Monitor's one sink thread, in the order open, write..., flush, close, so a sink
    needs no locks. A method may raise: the Monitor records the failure as a NOTE, and after three failures in a row
    it switches this sink off; training goes on.

    Attributes:
        apart: the sink is slow, or waits for a server: it gets a process of its own, which reads the run's event log,
            see `aurl.sinks.worker`. Such a sink must be picklable before it is opened.
        whole_log: the sink knows what it has of a run already, see `aurl.sinks.high_water`. When it is apart it is
            shown the log from its beginning each time, otherwise what comes after its run was opened.
        finish_seconds: how long a sink that is apart may stand still at the end of a run; then its process is ended.
        goes_on_alone: the sink is apart and may have much left to show at the end of a run: as long as it gets on, the
            run waits for it 15 seconds at most, and its process goes on alone.
        listener: takes what the sink tells; set by whoever runs it, before `open`.
    """

    apart: ClassVar[bool] = False
    whole_log: ClassVar[bool] = False
    goes_on_alone: ClassVar[bool] = False
    finish_seconds: float = 60.0
    listener: Callable[[str, str], None] | None = None

    @property
    def name(self) -> str:
        """What the sink is called in notes about it."""
        return type(self).__name__

    def open(self, run: RunDirectory) -> None:  # noqa: B027  a sink that needs no set-up leaves it out
        """Get ready to write beside this run. Called once; again with the same run when it is resumed."""

    @abstractmethod
    def write(self, record: Record) -> None:
        """Take one record. Must keep whatever it needs: the record is not shown again."""

    def flush(self) -> None:  # noqa: B027
        """Make visible what was written. Called a few times a second, also when nothing new came."""

    def close(self) -> None:  # noqa: B027
        """Write what is left and let go of files and threads. Always called, also after a failed run."""

    def tell(self, message: str, level: str = "info") -> None:
        """Say something to the people who watch the run: it becomes a NOTE record. For what is no failure."""
        if self.listener is not None:
            self.listener(message, level)
