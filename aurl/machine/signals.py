"""Stopping in good order: the first signal asks, the second one insists."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")  # the last on Windows, for Ctrl-Break
CAUGHT = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class StopRequested(BaseException):
    """A signal came in the middle of work that may be left half done. No error: what catches those lets it pass."""


class StopSignal:
    """A context in which SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 set `received` instead of ending the process.

    SLURM sends SIGUSR1 or SIGTERM before it takes a node away, submitit SIGUSR2, a person types Ctrl-C, a terminal
    that is closed sends SIGHUP. A second signal of any kind ends the process at once by that signal's default action,
    but for SIGHUP, which a terminal and its shell send one each. A signal that was ignored before stays ignored, as
    SIGHUP is under `nohup`. Those that a system lacks are passed over. The handlers of before are put back on leaving.
    Outside the main thread, where Python allows no handlers, nothing is caught.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._interrupts = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            heeded = [number for number in CAUGHT if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._catch) for number in heeded}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Within it the first signal ends what is being done at once. For long work that a resumed run does again.

        Raises:
            StopRequested: a signal comes, or came before.
        """
        self._interrupts = True
        try:
            self.check()
            yield
        finally:
            self._interrupts = False

    def check(self) -> None:
        """Go on only if nobody wants the run to end.

        Raises:
            StopRequested: a signal came.
        """
        if self.received is not None:
            raise StopRequested(self.received)

    def _catch(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None and number != getattr(signal, "SIGHUP", None):
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.received = self.received or signal.Signals(number).name
        if self._interrupts:
            self._interrupts = False  # the unwinding is left in peace
            raise StopRequested(self.received)
