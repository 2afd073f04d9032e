"""Two ways to show a run to people: a live display on a terminal, plain lines everywhere else.

Both take only printable text (see `wording.printable`) and show it literally: no markup, no escape codes in it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from aurl.sinks.console.progress import RunProgress

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType

_STYLES = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold white on red"}


class Screen(ABC):
    """Where the console sink writes.

    Attributes:
        interval: seconds between two looks at the progress.
    """

    interval: float

    @abstractmethod
    def say(self, text: str, level: str = "INFO") -> None:
        """Show one line that stays."""

    @abstractmethod
    def progress(self, progress: RunProgress) -> None:
        """Show where training stands now."""

    @abstractmethod
    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show labels and values, one pair a line."""

    def close(self) -> None:  # noqa: B027  plain lines need no end
        """Leave the terminal as it was."""

    def abandon(self) -> None:  # noqa: B027
        """As `close`, when nothing can be written any more."""


class PlainScreen(Screen):
    """Lines of text without any escape code, for pipes, files and CI."""

    def __init__(self, file: TextIO, interval: float) -> None:
        self.interval = interval
        self._file = file

    def say(self, text: str, level: str = "INFO") -> None:
        self._file.write(f"{_fit(text, self._file)}\n")
        self._file.flush()

    def progress(self, progress: RunProgress) -> None:
        self.say(str(progress))

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        width = max(len(label) for label, _ in rows)
        self.say("\n".join(f"  {label:{width}}  {value}" for label, value in rows))


class LiveScreen(Screen):
    """A progress bar at the foot of the terminal, lines above it.

    While the bar is up, `print` and warnings of the program go through it too, so they do not tear it.
    """

    def __init__(self, file: TextIO, interval: float) -> None:
        from rich.live import Live

        self.interval = interval
        self._console = _rich_console(file)
        self._file = file
        real = file in (sys.stdout, sys.stderr)
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=real, redirect_stderr=real
        )

    def say(self, text: str, level: str = "INFO") -> None:
        from rich.text import Text

        self._console.print(Text(_fit(text, self._file), _STYLES.get(level, "")))

    def progress(self, progress: RunProgress) -> None:
        self._live.start()
        self._live.update(_bar(progress), refresh=True)

    def table(self, rows: Sequence[tuple[str, str]]) -> None:
        from rich.table import Table
        from rich.text import Text

        self._live.stop()
        table = Table(show_header=False, title="Run", title_justify="left")
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for label, value in rows:
            table.add_row(Text(_fit(label, self._file)), Text(_fit(value, self._file)))
        self._console.print(table)

    def close(self) -> None:
        self._live.stop()

    def abandon(self) -> None:
        self._console.quiet = True
        # IndexError: rich takes back a hook that a start which failed half-way had not yet set.
        with contextlib.suppress(OSError, ValueError, IndexError):
            self._live.stop()


def is_terminal(file: TextIO) -> bool:
    """Whether the stream is a terminal that understands escape codes."""
    return file.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def discard_output(file: TextIO) -> None:
    """Point a broken standard stream nowhere, so that Python's own flush at exit does not turn exit code 0 into 120.

    This is what https://docs.python.org/3/library/signal.html#note-on-sigpipe recommends.
    """
    if file not in (sys.__stdout__, sys.__stderr__):
        return
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)


def _bar(progress: RunProgress) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    cells: list[RenderableType] = [Text(progress.title, "bold")]
    if progress.share is not None:
        cells.append(ProgressBar(total=1.0, completed=progress.share, width=30))
    cells += [Text(progress.batch), Text(f"ETA {progress.eta}" if progress.eta else "", "cyan")]
    line.add_row(*cells)
    return Group(line, Text(", ".join(progress.details), "dim"))


def _rich_console(file: TextIO) -> RichConsole:
    from rich.console import Console

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the program with exit code 1; a closed terminal must not end training
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    return _Console(file=file, force_terminal=True, markup=False, emoji=False, highlight=False)


def _fit(text: str, file: TextIO) -> str:
    encoding = getattr(file, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
