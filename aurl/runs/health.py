"""What is to be told about the disk that an event log lies on: each trouble once, and its end once."""

from __future__ import annotations

import time
from collections.abc import Iterator

from aurl.errors import RunError
from aurl.machine.episode import Episode
from aurl.runs.eventlog import EventLog

LOOK_SECONDS = 1.0
Remark = tuple[str, str]
"""Level and message of a note."""


class LogHealth:
    """Looks after an event log: a full disk, one that does not sync, files that were removed under it.

    Args:
        log: looked at by the thread that holds its Monitor's lock.
        calm: seconds without a failure after which a trouble counts as over.
    """

    def __init__(self, log: EventLog, calm: float = 30.0) -> None:
        self._log = log
        self._writes, self._syncs, self._place = Episode(calm), Episode(calm), Episode(calm)
        self._due = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to look: once a second, and at once when the disk refuses."""
        return time.monotonic() >= self._due or self._log.failure is not None

    def look(self, *, last: bool = False) -> list[Remark]:
        """What is new since the last look.

        Args:
            last: nothing will follow, so that troubles which are over are told as such without waiting for calm.
        """
        self._due = time.monotonic() + LOOK_SECONDS
        return [*self._writing(last), *self._syncing(last), *self._standing(last)]

    def _writing(self, last: bool) -> Iterator[Remark]:
        failure = self._log.failure
        if failure is not None:
            if self._writes.fails():
                yield (
                    "critical",
                    f"event log: {failure.strerror} at {self._log.path}; records wait in memory and are retried with "
                    "every new one. Free space on this disk",
                )
        elif self._writes.ends(now=last):
            yield "warning", "event log: the disk takes records again, none was lost"

    def _syncing(self, last: bool) -> Iterator[Remark]:
        failure = self._log.sync_failure
        if failure is not None:
            if self._syncs.fails():
                yield (
                    "critical",
                    f"event log: {failure.strerror} when {self._log.path} was to be kept against power loss (fsync); "
                    "what was written since the last checkpoint may be lost with the disk. Check the disk",
                )
        elif self._syncs.ends(now=last):
            yield "warning", "event log: the disk syncs again"

    def _standing(self, last: bool) -> Iterator[Remark]:
        try:
            missing = self._log.restore()
        except (OSError, RunError) as error:
            if self._place.fails():
                yield (
                    "critical",
                    f"event log: {self._log.path} was removed and cannot be written again ({error}); records go on "
                    "into the open file, and are kept elsewhere at the end",
                )
            return
        if missing:
            self._place.fails()
            yield (
                "critical",
                f"event log: {', '.join(missing)} of {self._log.path.parent} was removed or replaced under the running "
                "run and was written again from the open file, no record is lost. Find out what deletes files there",
            )
        self._place.ends(now=last)
