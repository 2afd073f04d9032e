"""A training in a forked child that announces what it does, so that what it did is known after `kill -9`."""

from __future__ import annotations

import os
import select
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any
from unittest import mock

import aurl.run  # noqa: F401  imported before the forks, like all that a training needs
from aurl.cli import main as aurl_command
from aurl.cli import train  # noqa: F401  as above
from aurl.record import Record
from aurl.runs.codec import encode
from aurl.runs.eventlog import EventLog
from aurl.train import checkpoint
from benchmarks.measure import silence

_MARK = struct.Struct("=c16s")  # `r` and a record's digest, or `c` where a checkpoint begins


@dataclass
class Attempt:
    """One child: what it announced, and how it ended.

    Attributes:
        records: digests of the lines that its event log has acknowledged.
        checkpoints: how many it has begun to write.
        seconds: from its start to its end.
        killed: whether it was killed; else `code` is its exit code.
        output: what it printed.
    """

    records: list[bytes] = field(default_factory=list)
    checkpoints: int = 0
    seconds: float = 0.0
    killed: bool = False
    code: int = 0
    output: str = ""


def attempt(command: list[str], output: Path, moment: Callable[[Attempt], float | None] | None = None) -> Attempt:
    """Run the command in a forked child; where `moment` names one, kill it then."""
    reading, writing = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _train(command, writing, output)
    os.close(writing)
    seen = Attempt()
    _follow(reading, seen, child, moment)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    seen.seconds = time.monotonic() - began
    seen.killed = os.WIFSIGNALED(status)
    seen.code = 0 if seen.killed else os.waitstatus_to_exitcode(status)
    seen.output = output.read_text(encoding="utf-8", errors="replace")
    return seen


def digest(line: bytes) -> bytes:
    """What stands for a line of the event log in an announcement."""
    return blake2b(line, digest_size=16).digest()


def _follow(reading: int, seen: Attempt, child: int, moment: Callable[[Attempt], float | None] | None) -> None:
    """Read the announcements until the child is gone, killing it at its moment."""
    deadline: float | None = None
    rest = b""
    while True:
        if moment is not None and deadline is None and (delay := moment(seen)) is not None:
            deadline = time.monotonic() + delay
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([reading], [], [], patience)[0]:
            os.kill(child, signal.SIGKILL)
            moment, deadline = None, None
            continue
        data = os.read(reading, 1 << 16)
        if not data:
            return
        rest = _take(seen, rest + data)


def _take(seen: Attempt, data: bytes) -> bytes:
    whole = len(data) - len(data) % _MARK.size
    for mark, digest in _MARK.iter_unpack(data[:whole]):
        if mark == b"r":
            seen.records.append(digest)
        else:
            seen.checkpoints += 1
    return data[whole:]


def _train(command: list[str], pipe: int, output: Path) -> None:
    """The child: announces, trains, and never returns into the code it was forked from."""
    code = 70
    try:
        silence(output)
        append, save = EventLog.append, checkpoint.save

        def announced_append(log: EventLog, record: Record) -> None:
            append(log, record)
            os.write(pipe, _MARK.pack(b"r", digest(encode(record))))

        def announced_save(*args: Any) -> None:
            os.write(pipe, _MARK.pack(b"c", b""))
            save(*args)

        with (
            mock.patch.object(EventLog, "append", announced_append),
            mock.patch.object(checkpoint, "save", announced_save),
        ):
            code = aurl_command(command)
    finally:
        os._exit(code)
