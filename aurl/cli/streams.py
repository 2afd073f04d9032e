"""Words beside the work: where nobody listens any more, the work goes on."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType


def escape_what_streams_lack() -> None:
    """A terminal of few letters (LANG=C, PYTHONIOENCODING=ascii) ends nothing: it gets `\\xe9` for the others."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show(what: RenderableType) -> None:
    """Print something on standard output; a pipe that was closed takes it and what follows into nothing."""
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the program with exit code 1

    try:
        Patient().print(what)
        sys.stdout.flush()
    except (OSError, ValueError):  # ValueError: the stream itself was closed
        discard(sys.stdout)


def tell(line: str) -> None:
    """Say a line on standard error, in the same way."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Whoever read this stream is gone: keep Python from complaining again, at each write and when it ends."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
