"""Single keys from a terminal, without waiting for a line."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ASK_SECONDS = 0.03


@contextmanager
def raw_keys() -> Iterator[None]:
    """Keys arrive as they are pressed and are not echoed; the terminal is put back as it was.

    Does nothing where the input is no terminal.
    """
    if not sys.stdin.isatty():
        yield
        return
    try:
        import termios
        import tty
    except ImportError:  # Windows gives single keys without being asked
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def wait_for_key(seconds: float) -> str:
    """The next key, or an empty string when none came within this time or the input is no terminal."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return ""
    try:
        import msvcrt
    except ImportError:
        return _key_of_terminal(seconds)
    return _key_of_console(msvcrt, seconds)


def _key_of_terminal(seconds: float) -> str:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 8).decode(errors="replace") if ready else ""


def _key_of_console(console: Any, seconds: float) -> str:
    """Windows knows no waiting for keys: it is asked every few hundredths of a second."""
    until = time.monotonic() + seconds
    while not console.kbhit():
        if time.monotonic() >= until:
            return ""
        time.sleep(_ASK_SECONDS)
    return str(console.getwch())
