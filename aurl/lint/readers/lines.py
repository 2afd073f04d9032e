"""The lines of what a program printed: colours and bars taken off, redrawn lines told apart from finished ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from aurl.formats.skipping import OnSkip

Line: TypeAlias = tuple[int, bool, str]
"""Number of a line, whether another state of it was drawn over this one (a progress bar), and its text."""

LONGEST = 1 << 16  # characters; what is longer is no line that a loop prints
_CHUNK = 1 << 20
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BAR = re.compile(
    r"(?<=%)\|[^|\n\r]{0,400}\|"  # tqdm
    r"|\[[=>.#\-]{3,}\]"  # keras, pip
    r"|[\u2501\u2578\u257a\u257e\u2580-\u259f\u25a0\u25a1\u25cf\u25cb\u2800-\u28ff]+"  # keras 3, rich, spinners
)
_BARRED = ("%|", "[=", "[.", "[>", "[#", "[-", "\u2501", "\u2588", "\u25a0", "\u2591", "\u28ff", "\u280b")
_BACKSPACES = re.compile(r"\x08+")


def lines_of(path: Path, encoding: str, on_skip: OnSkip) -> Iterator[Line]:
    """The lines of a text file that hold more than blanks, in constant memory."""
    number = 1
    for body in _bodies(path, encoding, on_skip):
        for line in _clean(body).split("\n"):
            if len(line) > LONGEST and "\r" not in line:
                on_skip(number, f"a line of {len(line):,} characters")
            elif "\r" in line:
                yield from _states(number, line)
            elif line and not line.isspace():
                yield number, False, line
            number += 1


def _bodies(path: Path, encoding: str, on_skip: OnSkip) -> Iterator[str]:
    """The file in pieces that end where a line does; the newline at that end is left out.

    A bar that is redrawn for days, and a line without end, are cut: the first where it was redrawn, the second is
    left out.
    """
    rest, number, dropping = "", 1, False
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while chunk := file.read(_CHUNK):
            rest = (rest + chunk).replace("\r\n", "\n")
            cut = rest.rfind("\n")
            if cut >= 0:
                body, rest = rest[:cut], rest[cut + 1 :]
                if dropping:
                    body, dropping = body[body.find("\n") + 1 :] if "\n" in body else "", False
                number += body.count("\n") + 1
                yield body
            elif dropping:
                rest = ""
            elif len(rest) > _CHUNK and "\r" not in rest[:_CHUNK]:
                on_skip(number, f"a line of more than {_CHUNK:,} characters")
                rest, dropping = "", True
            elif len(rest) > 4 * _CHUNK:
                cut = rest.rfind("\r", 0, -1)
                body, rest = rest[:cut], rest[cut + 1 :]
                number += 1
                yield body + "\r"
    if rest and not dropping:
        yield rest


def _states(number: int, line: str) -> Iterator[Line]:
    """The states of a line that was redrawn; the last one that holds something is what one sees in the end."""
    states = [state for state in line.split("\r") if state and not state.isspace() and len(state) <= LONGEST]
    for state in states[:-1]:
        yield number, True, state
    for state in states[-1:]:
        yield number, line.endswith("\r"), state


def _clean(text: str) -> str:
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\x08" in text:
        text = _BACKSPACES.sub("\r", text)
    if any(sign in text for sign in _BARRED):
        text = _BAR.sub(" ", text)
    return text
