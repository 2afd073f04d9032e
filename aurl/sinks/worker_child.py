"""The process of a sink that works apart, see `aurl.sinks.worker`; started as `python -m aurl.sinks.worker_child`."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from aurl.machine.portable import lower_priority
from aurl.machine.secrets import mask_text
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.tail import Follower
from aurl.sinks.thread import SinkThread
from aurl.sinks.worker import LENGTH, ON, Task, kill_descendants

LOOK_SECONDS = 0.25
_PIPE_BYTES = 65_536
NICENESS = 10  # the training comes first

_pumps: list[threading.Thread] = []  # at most one


def main() -> None:
    """Show a run's log to one sink, from the place given to the end of the run."""
    parent = os.getppid()
    _mask_what_is_printed()
    answers = _keep_for_answers()
    task: Task = pickle.loads(_read_exactly(LENGTH.unpack(_read_exactly(LENGTH.size))[0]))
    lower_priority(NICENESS)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)  # the training process says when to end, or its end does

    def report(note: Record) -> None:
        try:
            os.write(answers, encode(note))
        except OSError:  # the training process is gone, or reads no more
            sys.stderr.write(f"{note.fields.get('message')}\n")

    thread = SinkThread(task.run, [task.sink], report, interval=LOOK_SECONDS)
    thread.start()
    log = Follower(task.run.events, task.begin)
    while not _is_to_end(parent):
        _show(log, thread, task.sink.name, report)
    _end_where_it_stands_still(thread, task.sink.finish_seconds + 5, answers)
    _show(log, thread, task.sink.name, report)
    thread.close()
    _end(0)


def _show(log: Follower, thread: SinkThread, sink: str, report: Callable[[Record], None]) -> None:
    before = log.replaced
    step = 0
    for record in log.records():
        thread.wait_for_room()
        thread.put(record)
        step = record.step
    if log.replaced > before:
        message = f"the event log was replaced; sink {sink} keeps what it was shown and was shown the new lines only"
        report(Record(Kind.NOTE, step, fields={"message": message, "level": "warning"}, time=time.time()))


def _is_to_end(parent: int) -> bool:
    """Wait a little; True once the run is over: told so, or the process that runs it is gone."""
    readable, _, _ = select.select([0], [], [], LOOK_SECONDS)
    return bool(readable) or os.getppid() != parent


def _end_where_it_stands_still(thread: SinkThread, seconds: float, answers: int) -> None:
    """Tell who waits for this process that it gets on; where it does not, and nobody waits any more, end it.

    Args:
        seconds: how long the sink may take for a single record, or for its end.
    """

    def watch() -> None:
        shown, since = -1, time.monotonic()
        while time.monotonic() - since < seconds:
            if thread.shown != shown:
                shown, since = thread.shown, time.monotonic()
                with contextlib.suppress(OSError):
                    os.write(answers, ON + b"\n")
            time.sleep(min(1.0, seconds / 4))
        _end(1)

    threading.Thread(target=watch, name="aurl-watch", daemon=True).start()


def _end(code: int) -> None:
    """End without the exit hooks of packages, which may wait for a server, and leave no process behind."""
    kill_descendants(os.getpid())
    sys.stdout.flush()
    sys.stderr.flush()
    for fd in (1, 2):
        os.close(fd)
    for thread in _pumps:
        thread.join(1.0)
    os._exit(code)


def _read_exactly(count: int) -> bytes:
    """So many bytes of standard input and no more: what follows has to stay visible to `select`."""
    data = b""
    while len(data) < count:
        data += (more := os.read(0, count - len(data)))
        if not more:
            os._exit(0)  # the training process ended before it said what to do
    return data


def _ignore(number: int, frame: FrameType | None) -> None:
    """A handler that does nothing; unlike SIG_IGN it is not handed down to processes that a sink starts."""


def _keep_for_answers() -> int:
    """A copy of standard output for our answers; whatever packages print goes to standard error from here on."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _mask_what_is_printed() -> None:
    """Send standard error, a file of the run, through the masker of secrets, line by line."""
    log = os.dup(2)
    faulthandler.enable(log)  # what a crash says comes when no thread runs any more
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)

    def pump() -> None:
        rest = b""
        while data := os.read(reading, _PIPE_BYTES):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                os.write(log, mask_text(line.decode("utf-8", "replace")).encode() + b"\n")
        os.write(log, mask_text(rest.decode("utf-8", "replace")).encode())

    _pumps.append(threading.Thread(target=pump, name="aurl-printed", daemon=True))
    _pumps[0].start()


if __name__ == "__main__":
    main()
