"""The console sink: progress, alerts and results for whoever watches, and a summary at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

from aurl.errors import ConfigError
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.headlines import headline, level
from aurl.show.wording import duration, finite, losses, printable
from aurl.sinks.base import Sink
from aurl.sinks.console.progress import progress
from aurl.sinks.console.screens import LiveScreen, PlainScreen, Screen, discard_output, is_terminal
from aurl.sinks.console.tally import Tally, near

_SAID = frozenset({Kind.START, Kind.EVAL, Kind.EPOCH, Kind.SAMPLE, Kind.QUALITY, Kind.ALERT, Kind.NOTE})


class Console(Sink):
    """Shows a run: a live bar on a terminal, plain lines elsewhere.

    A closed pipe or terminal silences it for good; that is raised once, and the run goes on.

    Args:
        refresh_seconds: how often the bar is drawn on a terminal.
        plain_seconds: how often a line of progress is written elsewhere.
        stderr: write to standard error, not to standard output.
        terminal: whether the stream understands escape codes; None to find out.
        file: a stream to write to instead.

    Raises:
        ConfigError: a negative number of seconds.
    """

    def __init__(
        self,
        refresh_seconds: float = 0.5,
        plain_seconds: float = 10.0,
        stderr: bool = False,
        terminal: bool | None = None,
        file: TextIO | None = None,
    ) -> None:
        for name, value in (("refresh_seconds", refresh_seconds), ("plain_seconds", plain_seconds)):
            if value < 0:
                raise ConfigError(f"console: {name}={value}: needs at least 0")
        self._refresh_seconds = refresh_seconds
        self._plain_seconds = plain_seconds
        self._stderr = stderr
        self._terminal = terminal
        self._given_file = file
        self._run: RunDirectory | None = None
        self._file: TextIO = sys.stdout
        self._screen: Screen | None = None  # None before opening, and once nobody reads any more
        self._tally = Tally()
        self._step: Record | None = None
        self._system: Mapping[str, float] = {}
        self._changed = False
        self._next_look = 0.0

    def open(self, run: RunDirectory) -> None:
        self.close()
        self._run = run
        self._tally = Tally()
        self._file = self._given_file or (sys.stderr if self._stderr else sys.stdout)
        live = is_terminal(self._file) if self._terminal is None else self._terminal
        if live:
            self._screen = LiveScreen(self._file, self._refresh_seconds)
            self._next_look = 0.0
        else:
            self._screen = PlainScreen(self._file, self._plain_seconds)
            self._next_look = time.monotonic() + self._plain_seconds

    def write(self, record: Record) -> None:
        self._tally.observe(record)
        if record.kind is Kind.STEP:
            self._step, self._changed = record, True
        elif record.kind is Kind.SYSTEM:
            self._system = record.scalars
        elif record.kind is Kind.END:
            self._changed = False
            self._attempt(lambda screen: self._summarise(screen, record))
        elif record.kind in _SAID and not _is_detail(record):
            self._attempt(lambda screen: screen.say(self._line(record), level(record)))

    def flush(self) -> None:
        if self._screen is None or self._step is None or not self._changed or time.monotonic() < self._next_look:
            return
        now = progress(self._step, self._system)
        self._changed = False
        self._next_look = time.monotonic() + self._screen.interval
        self._attempt(lambda screen: screen.progress(now))

    def close(self) -> None:
        self._attempt(lambda screen: screen.close())
        self._screen = None

    def _line(self, record: Record) -> str:
        parts = [headline(record) if level(record) == "INFO" else f"{level(record)}: {headline(record)}"]
        if record.kind in (Kind.EPOCH, Kind.EVAL):
            parts.append(losses(record).replace(": ", " "))
        if (seconds := finite(record.scalars.get("time/epoch"))) is not None:
            parts.append(duration(seconds))
        if record.kind is Kind.SAMPLE:
            parts.append(printable(str(record.fields.get("path", ""))))
        if record.kind is Kind.START and self._run is not None:
            parts.append(printable(f"in {near(self._run.path)}"))
        return ", ".join(part for part in parts if part)

    def _summarise(self, screen: Screen, end: Record) -> None:
        if self._run is not None:
            screen.table(self._tally.rows(self._run, end))

    def _attempt(self, show: Callable[[Screen], None]) -> None:
        """Show something; when nobody can read it any more, say so once and be silent from then on."""
        if self._screen is None:
            return
        try:
            show(self._screen)
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) and not self._file.closed:
                raise
            self._screen.abandon()
            self._screen = None
            discard_output(self._file)
            raise


def _is_detail(record: Record) -> bool:
    """Debug notes, and the scores of single samples: their mean is shown."""
    if record.kind is Kind.NOTE:
        return level(record) == "DEBUG"
    return record.kind is Kind.QUALITY and record.fields.get("scope") == "sample"
