"""Tables and artifacts are written on a thread of their own: the package asks a server about them, and waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from aurl.machine.secrets import mask_text

Work = Callable[[], None]


class MediaThread:
    """Does one thing after the other; after one that failed, nothing more.

    Args:
        tell: hears of the failure, once; called on this thread.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._fails = False
        self._thread = threading.Thread(target=self._work, name="aurl-wandb-media", daemon=True)
        self._thread.start()

    def put(self, work: Work) -> None:
        """Do this when all before it is done."""
        self._queue.put(work)

    def finish(self, timeout: float) -> None:
        """Wait until all is done, at most so many seconds; what is not done then is left out."""
        self._queue.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._tell("wandb: the server does not answer; tables and artifacts are left out", "warning")

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            if not self._fails:
                self._attempt(work)

    def _attempt(self, work: Work) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  whatever a server answers: the scalars go on without these
            self._fails = True
            reason = mask_text(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
            self._tell(f"wandb: tables and artifacts are left out from here on ({reason})", "warning")
