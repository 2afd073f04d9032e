"""A training in a forked child that announces what it does, so that what it did is known after `kill -9`."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from unittest import mock

import psutil

import aurl.run  # noqa: F401  imported before the forks, like all that a training needs
from aurl.cli import main as aurl_command
from aurl.cli import train  # noqa: F401  as above
from aurl.monitor import Monitor
from aurl.record import Record
from aurl.runs.codec import encode
from aurl.runs.eventlog import EventLog
from aurl.train import checkpoint
from aurl.train.engine import Engine
from aurl.train.sampler import Sampler
from benchmarks.measure import silence

_MARK = struct.Struct("=c16s")  # `r` and a record's digest, or a letter of `BEGINNINGS`
BEGINNINGS: dict[str, tuple[Any, str]] = {
    "c": (checkpoint, "save"),
    "e": (Engine, "evaluate"),
    "s": (Sampler, "_sample"),
    "x": (Monitor, "close"),
}
"""What is announced when it begins: a checkpoint, an evaluation, a sampling round, the end of the run."""
Victim: TypeAlias = Literal["the process", "the process and its children", "a child"]
VICTIMS: tuple[Victim, ...] = get_args(Victim)


@dataclass
class Attempt:
    """One child: what it announced, and how it ended.

    Attributes:
        records: digests of the lines that its event log has acknowledged.
        begun: how often each of `BEGINNINGS` has.
        opened: seconds from its start to its first record.
        began: when, by the monotonic clock.
        seconds: from its start to its end.
        killed: whether it was killed; else `code` is its exit code.
        orphaned: whether only a child of it was killed, so that it had to go on.
        output: what it printed.
    """

    records: list[bytes] = field(default_factory=list)
    begun: Counter[str] = field(default_factory=Counter)
    opened: float = 0.0
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    killed: bool = False
    orphaned: bool = False
    code: int = 0
    output: str = ""


def attempt(
    command: list[str],
    output: Path,
    moment: Callable[[Attempt], float | None] | None = None,
    victim: Victim = "the process",
) -> Attempt:
    """Run the command in a forked child; where `moment` names one, kill it or what belongs to it then."""
    reading, writing = os.pipe()
    seen = Attempt()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _train(command, writing, output)
    os.close(writing)
    _follow(reading, seen, moment, lambda: _strike(child, victim))
    os.close(reading)
    _, status = os.waitpid(child, 0)
    seen.seconds = time.monotonic() - seen.began
    seen.killed = os.WIFSIGNALED(status)
    seen.code = 0 if seen.killed else os.waitstatus_to_exitcode(status)
    seen.output = output.read_text(encoding="utf-8", errors="replace")
    return seen


def digest(line: bytes) -> bytes:
    """What stands for a line of the event log in an announcement."""
    return blake2b(line, digest_size=16).digest()


def _follow(
    reading: int, seen: Attempt, moment: Callable[[Attempt], float | None] | None, strike: Callable[[], bool]
) -> None:
    """Read the announcements until the child is gone, killing it at its moment."""
    deadline: float | None = None
    rest = b""
    while True:
        if moment is not None and deadline is None and (delay := moment(seen)) is not None:
            deadline = time.monotonic() + delay
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([reading], [], [], patience)[0]:
            seen.orphaned = strike()
            moment, deadline = None, None
            continue
        data = os.read(reading, 1 << 16)
        if not data:
            return
        rest = _take(seen, rest + data)
        if seen.records and not seen.opened:
            seen.opened = time.monotonic() - seen.began


def _strike(child: int, victim: Victim) -> bool:
    """Kill; whether the training itself was left alive."""
    try:
        children = psutil.Process(child).children(recursive=True)
    except psutil.Error:
        children = []
    if victim == "a child" and children:
        with contextlib.suppress(psutil.Error):
            children[0].kill()
        return True
    os.kill(child, signal.SIGKILL)
    if victim == "the process and its children":
        for one in children:
            with contextlib.suppress(psutil.Error):
                one.kill()
    return False


def _take(seen: Attempt, data: bytes) -> bytes:
    whole = len(data) - len(data) % _MARK.size
    for mark, digest in _MARK.iter_unpack(data[:whole]):
        if mark == b"r":
            seen.records.append(digest)
        else:
            seen.begun[mark.decode()] += 1
    return data[whole:]


def _train(command: list[str], pipe: int, output: Path) -> None:
    """The child: announces, trains, and never returns into the code it was forked from."""
    code = 70
    try:
        silence(output)
        append = EventLog.append

        def announced_append(log: EventLog, record: Record) -> None:
            append(log, record)
            os.write(pipe, _MARK.pack(b"r", digest(encode(record))))

        with contextlib.ExitStack() as patches:
            patches.enter_context(mock.patch.object(EventLog, "append", announced_append))
            for mark, (owner, name) in BEGINNINGS.items():
                patches.enter_context(mock.patch.object(owner, name, _announced(getattr(owner, name), mark, pipe)))
            code = aurl_command(command)
    finally:
        os._exit(code)


def _announced(function: Callable[..., Any], mark: str, pipe: int) -> Callable[..., Any]:
    def announcing(*args: Any, **options: Any) -> Any:
        os.write(pipe, _MARK.pack(mark.encode(), b""))
        return function(*args, **options)

    return announcing
