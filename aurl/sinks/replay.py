"""Writes any sink of a run again, from its event log.

The sink sees a stand-in for the run's directory in which everything but `events/` is a link to the real thing. What it
writes below `events/` replaces what the run has there once the sink has closed without an error, so an interrupted
replay changes nothing, and doing it twice gives the same as doing it once. A sink that knows what it has of a run
(`Sink.whole_log`) is shown the records in the run itself, and takes those that it lacks.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from aurl.errors import RunError
from aurl.machine.portable import link_or_copy
from aurl.record import Record
from aurl.runs.eventlog import read_records, segments
from aurl.runs.listing import read_run
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink

FLUSH_EVERY = 1000
_FOLDER = ".replay"


class Replayed(NamedTuple):
    """What a sink was shown.

    Attributes:
        records: how many.
        replaced: the files and folders under `events/` that it wrote anew; empty for a sink that writes elsewhere.
    """

    records: int
    replaced: list[Path]


def replay(run: Path, sink: Sink, progress: Callable[[int], None] = lambda _records: None) -> Replayed:
    """Show a sink everything that happened in a finished run, in order.

    Args:
        run: the run's directory.
        progress: told of the records shown so far, now and then.

    Raises:
        RunError: no event log, or the run still goes on.
        Exception: whatever the sink raises; then nothing is replaced.
    """
    if read_run(run).status == "running":
        raise RunError(f"{run}: this run still goes on, and its own sinks write there; wait for its end, or stop it")
    if not segments(run / "events"):
        raise RunError(f"{run}: no event log (events/records.jsonl); give a run directory")
    if sink.whole_log:  # it knows what it has, and its files name places in the run
        return Replayed(_show(read_records(run), sink, RunDirectory(run.resolve()), progress), [])
    stand_in = _stand_in(run)
    try:
        shown = _show(read_records(run), sink, RunDirectory(stand_in), progress)
        return Replayed(shown, _take_over(stand_in / "events", run / "events"))
    finally:
        shutil.rmtree(run / "events" / _FOLDER, ignore_errors=True)


def _show(records: Iterable[Record], sink: Sink, run: RunDirectory, progress: Callable[[int], None]) -> int:
    shown = 0
    sink.open(run)
    try:
        for shown, record in enumerate(records, 1):
            sink.write(record)
            if shown % FLUSH_EVERY == 0:
                sink.flush()
                progress(shown)
        sink.flush()
    finally:
        sink.close()
    progress(shown)
    return shown


def _stand_in(run: Path) -> Path:
    """A directory of the same name, so that the run has the same id."""
    folder = run.resolve() / "events" / _FOLDER / run.resolve().name
    shutil.rmtree(folder.parent, ignore_errors=True)
    (folder / "events").mkdir(parents=True)
    for entry in run.resolve().iterdir():
        if entry.name != "events":
            link_or_copy(entry, folder / entry.name)
    return folder


def _take_over(made: Path, events: Path) -> list[Path]:
    """Put what the sink made in the place of what is there, each file or folder by renaming."""
    replaced = []
    for fresh in sorted(made.iterdir()):
        target = events / fresh.name
        aside = made.parent / f"{fresh.name}.before"
        if target.exists():
            target.rename(aside)
        try:
            fresh.rename(target)
        except OSError:
            if aside.exists():
                aside.rename(target)
            raise
        replaced.append(target)
    return replaced
