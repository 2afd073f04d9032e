"""The text log of a run as entries: a header line and the lines below it, the newest first to be found."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aurl.machine.portable import open_fd, read_at
from aurl.show.headlines import LEVELS

SEARCHED_BYTES = 64 * 2**20
MOST_ENTRIES = 5_000
MOST_LETTERS = 4_000
_PIECE = 1 * 2**20
_HEADER = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\] \[([A-Z]+)\] \[([^\]]*)\] (.*)", re.DOTALL)


@dataclass(slots=True)
class LogEntry:
    """One message.

    Attributes:
        at: byte offset of its header in the live file; negative in a rotated one.
        text: of the header, without time, level and module.
        more: the lines below it.
    """

    at: int
    time: str
    level: str
    module: str
    text: str
    more: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("at", "time", "level", "module", "text", "more")}

    def fits(self, wanted: str, least: int) -> bool:
        """Whether the message is of at least this level and holds the text (case aside)."""
        if LEVELS.index(self.level) < least if self.level in LEVELS else least > 0:
            return False
        return not wanted or any(wanted in line.casefold() for line in (self.text, self.module, *self.more))


@dataclass(frozen=True, slots=True)
class Found:
    """Messages found, oldest first.

    Attributes:
        size: bytes of the live file.
        searched: bytes that were looked through.
        complete: whether that was everything before `before`.
        next: where to go on for older ones, None where there are none or only in rotated files.
    """

    entries: list[LogEntry]
    size: int
    searched: int
    complete: bool
    next: int | None


def search(logs: Path, *, tail: int = 500, wanted: str = "", level: str = "DEBUG", before: int | None = None) -> Found:
    """The last messages of `logs/train.log` that fit, and of its packed backups where text is looked for.

    Args:
        tail: at most so many.
        wanted: text that they hold, case aside.
        level: the least level.
        before: only messages that begin before this byte of the live file.
    """
    least = LEVELS.index(level)
    path = logs / "train.log"
    size = size_of(path)
    end = size if before is None else max(0, min(before, size))
    entries: list[LogEntry] = []
    searched = 0
    start = end
    while start > 0 and len(entries) < tail and searched < SEARCHED_BYTES:
        found, new_start = _entries_before(path, start)
        searched += start - new_start
        start = new_start
        entries = [entry for entry in found if entry.fits(wanted.casefold(), least)] + entries
    cut = len(entries) > tail
    entries = entries[-tail:]
    following = entries[0].at if cut else start if start > 0 else None
    complete = following is None
    if wanted and complete and len(entries) < tail:
        older, complete = _in_backups(logs, wanted.casefold(), least, tail - len(entries), SEARCHED_BYTES - searched)
        entries = older + entries
    return Found(entries, size, searched, complete, following)


def after(path: Path, offset: int) -> tuple[list[LogEntry], int]:
    """Whole messages from a byte on, and where to go on; from the beginning where the file is shorter by now."""
    size = size_of(path)
    if size < offset:
        offset = 0
    block = _read(path, offset, min(size - offset, _PIECE))
    block = block[: block.rfind(b"\n") + 1]
    return list(entries_of(block, offset)), offset + len(block)


def entries_of(block: bytes, offset: int) -> Iterator[LogEntry]:
    """The messages of whole lines; lines before the first header are a message without one."""
    entry: LogEntry | None = None
    for line in block.split(b"\n")[:-1]:
        text = line.decode("utf-8", "replace")[:MOST_LETTERS]
        match = _HEADER.fullmatch(text)
        if match is not None or entry is None:
            if entry is not None:
                yield entry
            entry = _headed(offset, match) if match else LogEntry(offset, "", "INFO", "", text)
        elif len(entry.more) < 200:
            entry.more.append(text)
        offset += len(line) + 1
    if entry is not None:
        yield entry


def _headed(offset: int, match: re.Match[str]) -> LogEntry:
    moment, level, module, text = match.groups()
    return LogEntry(offset, moment, level, module, text)


def _entries_before(path: Path, end: int) -> tuple[list[LogEntry], int]:
    """The messages that begin in a piece of the file before a byte, and where that piece begins."""
    start = max(0, end - _PIECE)
    block = _read(path, start, end - start)
    if start > 0:
        first = re.search(rb"^\[\d{4}-", block[1:], re.MULTILINE)
        skipped = 1 + first.start() if first else 0
        start, block = start + skipped, block[skipped:]
    if not block.endswith(b"\n"):
        block = block[: block.rfind(b"\n") + 1]
    return list(entries_of(block, start)), start


def _in_backups(logs: Path, wanted: str, least: int, most: int, bytes_left: int) -> tuple[list[LogEntry], bool]:
    found: list[LogEntry] = []
    for number in range(1, 100):
        path = logs / f"train.log.{number}.gz"
        if not path.is_file():
            return found[-most:], True
        if len(found) >= most or bytes_left <= 0:
            return found[-most:], False
        try:
            with gzip.open(path, "rb") as file:
                block = file.read(bytes_left)
        except (OSError, EOFError, zlib.error):
            continue  # a damaged backup
        bytes_left -= len(block)
        entries = [entry for entry in entries_of(block + b"\n", 0) if entry.fits(wanted, least)]
        for entry in entries:
            entry.at = -number
        found = entries + found
    return found[-most:], False


def _read(path: Path, offset: int, length: int) -> bytes:
    try:
        fd = open_fd(path, os.O_RDONLY, follow=False)
    except OSError:
        return b""
    try:
        return read_at(fd, max(0, length), offset)
    except OSError:
        return b""
    finally:
        os.close(fd)


def size_of(path: Path) -> int:
    """Bytes of the file, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
