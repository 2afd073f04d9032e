"""Many MIDI files read in worker processes, none of which can take the load down with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple, TypeAlias

from aurl.data.midi_cache import ReadFile, Reading, content_key
from aurl.errors import DataError
from aurl.music.midi import MidiError, read_bytes, scores_of

CHUNK = 32
_PLAIN = Reading()


class ReadOutcome(NamedTuple):
    """What reading one file gave: its content key and what it holds, or the reason why not."""

    path: Path
    key: bytes = b""
    file: ReadFile | None = None
    reason: str = ""


Reader: TypeAlias = Callable[[Path], ReadOutcome]
_Chunk: TypeAlias = Sequence[Path]


def read_outcome(path: Path, reading: Reading = _PLAIN) -> ReadOutcome:
    """Read one file; the reason of a `MidiError` becomes the outcome."""
    try:
        data = read_bytes(path)
        return ReadOutcome(path, content_key(data), reading(scores_of(path, data)))
    except MidiError as error:
        return ReadOutcome(path, reason=str(error))


def read_in_processes(paths: Sequence[Path], workers: int, read: Reader = read_outcome) -> Iterator[ReadOutcome]:
    """Read files in `workers` processes and yield the outcomes as they come, in any order.

    When a worker dies or fails, the files that were in work are read again in ever smaller groups, each in a process
    of its own, until the file that ends its reader is alone; it becomes an outcome with that reason.

    Raises:
        DataError: no worker process can be started at all.
    """
    worker = multiprocessing.get_start_method(allow_none=True) == "loky"  # of joblib; it cannot spawn others
    if worker or multiprocessing.current_process().daemon:  # may not have children
        yield from map(read, paths)
        return
    todo = deque(paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK))
    workers = max(1, min(workers, len(todo)))
    while todo:
        suspects: list[_Chunk] = []
        with _pool(workers) as pool:
            yield from _drain(pool, todo, workers + 1, read, suspects)
        if suspects:
            _check_start()
        with ThreadPoolExecutor(workers) as threads:
            for outcomes in threads.map(lambda chunk: _read_apart(chunk, read), suspects):
                yield from outcomes


def _pool(workers: int) -> ProcessPoolExecutor:
    # spawn: a fork of a process that runs torch's or a sink's threads can hang in a lock one of them held.
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_ignore_interrupt)


def _ignore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers


def _check_start() -> None:
    try:
        with _pool(1) as pool:
            pool.submit(os.getpid).result()
    except BrokenProcessPool as error:
        raise DataError(
            f"Worker processes that read MIDI files cannot be started ({error}). In a script of your own, load the data"
            " under `if __name__ == '__main__':`, which Python's multiprocessing asks for."
        ) from None


def _drain(
    pool: ProcessPoolExecutor, todo: deque[_Chunk], most: int, read: Reader, suspects: list[_Chunk]
) -> Iterator[ReadOutcome]:
    """Outcomes until nothing is left or a worker dies; `suspects` gets the chunks that gave none.

    Few chunks are in work at any time, so that one death puts few files under suspicion.
    """
    running: dict[Future[list[ReadOutcome]], _Chunk] = {}
    try:
        while todo or running:
            while todo and len(running) < most:
                running[pool.submit(_read_chunk, todo[0], read)] = todo[0]
                todo.popleft()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                if isinstance(error := future.exception(), BrokenProcessPool):
                    raise error
                chunk = running.pop(future)
                if error:
                    suspects.append(chunk)
                else:
                    yield from future.result()
    except BrokenProcessPool:
        suspects.extend(running.values())


def _read_chunk(chunk: _Chunk, read: Reader) -> list[ReadOutcome]:
    return [read(path) for path in chunk]


def _read_apart(chunk: _Chunk, read: Reader) -> list[ReadOutcome]:
    with _pool(1) as pool:
        future = pool.submit(_read_chunk, chunk, read)
        error = future.exception()
    if error is None:
        return future.result()
    if len(chunk) == 1:
        died = isinstance(error, BrokenProcessPool)
        return [
            ReadOutcome(chunk[0], reason="the process that read it died" if died else f"reading it failed: {error!r}")
        ]
    half = len(chunk) // 2
    return _read_apart(chunk[:half], read) + _read_apart(chunk[half:], read)
