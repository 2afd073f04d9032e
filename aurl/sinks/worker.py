"""A sink in a process of its own, which follows the event log: the training process does nothing for it.

A tracker like Weights & Biases takes 0.3 ms of Python a step, and waits for a server now and then. On a thread of the
training process that would cost the loop its turns at the interpreter; here it costs another core. The child reads
`events/records.jsonl`, so nothing is handed over, and a child that hangs holds up nothing but itself: at the end of
the run it gets `finish_seconds`, then it and its own children are killed. One that still has much of the log to show,
and gets on, is left to do so alone where the sink allows that. When the training process is killed, the child shows the
rest of the log, closes its sink, and ends. A child that nobody waits for and that stands still ends itself.

Protocol: the child gets one pickled `Task` on its standard input, its length before it in eight bytes, and later the
word `close` (or the end of the pipe); it answers on its standard output with NOTE records, one a line, and after
`close` with the line `on` whenever it got on within a second.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

from aurl.errors import RecordError
from aurl.record import Kind, Record
from aurl.runs.codec import decode
from aurl.runs.rundir import RunDirectory
from aurl.runs.tail import LogTail, Place
from aurl.sinks.base import Sink

CLOSE = b"close\n"
ON = b"on"
ALONE_SECONDS = 15.0
_STILL_SECONDS = 3.0  # without a word, and a child does not get on
LENGTH = struct.Struct("<Q")
_CHILD = (sys.executable, "-m", "aurl.sinks.worker_child")
_PIPE_BYTES = 65_536


class Task(NamedTuple):
    """What the child is to do.

    Attributes:
        run: the run's directory.
        sink: unopened.
        begin: how far the log is to be passed over; empty for the log's beginning.
    """

    run: RunDirectory
    sink: Sink
    begin: list[Place]


class Apart(Sink):
    """Stands for a sink that works in another process; what that one tells becomes NOTE records here.

    Must be made before the first record of this session is written: the child reads the log from there.

    Args:
        sink: unopened and picklable.
        report: takes NOTE records; called on the sink thread.
    """

    def __init__(self, sink: Sink, run: RunDirectory, report: Callable[[Record], None]) -> None:
        self._sink = sink
        self._report = report
        tail = LogTail(run.events)
        if not sink.whole_log:
            tail.skip_to_end()
        self._begin = tail.places
        self._child: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._got_on = 0.0

    @property
    def name(self) -> str:
        return self._sink.name

    def open(self, run: RunDirectory) -> None:
        task = pickle.dumps(Task(run, self._sink, self._begin))
        with _messages(run) as errors:
            self._child = subprocess.Popen(
                _CHILD,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # Ctrl-C and a scheduler's signal are for the training process
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        self._child.stdin.write(LENGTH.pack(len(task)) + task)
        self._child.stdin.flush()

    def write(self, record: Record) -> None:
        """Nothing: the child reads the record in the log."""

    def flush(self) -> None:
        """Pass on what the child told.

        Raises:
            ChildProcessError: the child has ended, which only `close` may make it do.
        """
        if self._child is None:
            return
        self._pass_on(self._child)
        if (code := self._child.poll()) is not None:
            self._let_go(self._child)
            raise ChildProcessError(f"its process ended with code {code}; `aurl replay` shows what it missed")

    def close(self) -> None:
        """Let the child show the rest; when that takes longer than the run waits, leave it or kill it, and say so."""
        if self._child is None:
            return
        child, began = self._child, time.monotonic()
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(CLOSE)
            child.stdin.close()
        self._got_on = began
        while child.poll() is None and not self._is_enough(began):
            self._pass_on(child)
            time.sleep(0.02)
        if child.poll() is None and self._goes_on_alone(began):
            self.tell(
                f"sink {self.name} has more of the log to show than {ALONE_SECONDS:g} s allow; process {child.pid} "
                "goes on alone and ends by itself. Should it be killed, `aurl replay` shows the rest",
                "warning",
            )
        elif child.poll() is None:
            kill_descendants(child.pid)
            child.kill()
            child.wait()
            self.tell(
                f"sink {self.name} did not finish within {self._sink.finish_seconds:g} s and was ended; the event log "
                "is complete, `aurl replay` shows the rest of it",
                "warning",
            )
        self._pass_on(child)
        self._let_go(child)

    def _is_enough(self, began: float) -> bool:
        """Whether the end of the run waits no longer: the child stands still, or has too much to do."""
        return time.monotonic() - self._got_on > self._sink.finish_seconds or self._goes_on_alone(began)

    def _goes_on_alone(self, began: float) -> bool:
        now = time.monotonic()
        return self._sink.goes_on_alone and now - began > ALONE_SECONDS and now - self._got_on < _STILL_SECONDS

    def _pass_on(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        while data := _read(child.stdout):
            *lines, self._unread = (self._unread + data).split(b"\n")
            for line in lines:
                if line == ON:
                    self._got_on = time.monotonic()
                    continue
                with contextlib.suppress(RecordError):  # something a package printed
                    record = decode(line)
                    if record.kind is Kind.NOTE:
                        self._report(record)

    def _let_go(self, child: subprocess.Popen[bytes]) -> None:
        self._child = None
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def kill_descendants(pid: int) -> None:
    """Kill everything that a process started, and what that started, but not the process itself."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _messages(run: RunDirectory) -> IO[bytes]:
    """Where the child's standard error goes: what a package prints there is not for the terminal of the run."""
    try:
        return (run.logs / "sinks.log").open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def _read(pipe: IO[bytes]) -> bytes:
    try:
        return os.read(pipe.fileno(), _PIPE_BYTES)
    except BlockingIOError:
        return b""
