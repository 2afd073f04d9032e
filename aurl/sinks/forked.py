"""What a child made by fork says of its parent's run: into the event log and the text log, and nothing else."""

from __future__ import annotations

import os

from aurl.machine.portable import open_fd
from aurl.record import Record
from aurl.runs.codec import encode
from aurl.runs.rundir import RunDirectory
from aurl.sinks.textlog import Messages


class ForkedWriter:
    """Appends records with handles of its own, one write each, and holds neither lock nor file in between.

    The run is its parent's: no thread of it lives here, its locks may be held by threads that do not exist any more,
    and its end is not this process's to tell.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._messages = Messages()

    def write(self, record: Record) -> None:
        """Append one record.

        Raises:
            OSError: the disk refuses, or the run's folder is gone.
        """
        _append(os.fspath(self._run.records), encode(record))
        if message := self._messages.render(record):
            _append(os.fspath(self._run.train_log), message.encode())


def _append(path: str, data: bytes) -> None:
    fd = open_fd(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
