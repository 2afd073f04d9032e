"""`scalars.parquet` of a long run: a part for each closed segment of its log, made meanwhile and merged at its end.

Without the parts `close` would have to read the whole log, minutes of it after some million steps. A part is made by a
process of its own, `python -m aurl.runs.row_groups SEGMENT`, so that the training thread loses nothing to it; it is
`events/.scalars/<number>-<bytes>-<floor>.parquet`. The bytes are those of the segment, so that a part of another one is
not taken for it; the floor is the earliest step that the segment says the run went back to, `none` where it never did.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aurl
from aurl.errors import RunError
from aurl.machine.portable import lower_priority
from aurl.record import Record
from aurl.runs.eventlog import read_records, segments
from aurl.runs.rundir import RunDirectory
from aurl.runs.table import resumed_from, table_of

if TYPE_CHECKING:
    import polars as pl

NICENESS = 10
_MOST_WAITING = 120.0
_COMMAND = (sys.executable, "-m", "aurl.runs.row_groups")


class TablePart(NamedTuple):
    """The table of one segment.

    Attributes:
        file: where it lies.
        floor: rows of earlier segments beyond this step are superseded; infinity where none is.
    """

    file: Path
    floor: float


class RowGroups:
    """Makes the parts of a run while it goes on, one child at a time, and the whole table at its end."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._child: subprocess.Popen[bytes] | None = None
        self._tried: set[Path] = set()

    def keep_up(self) -> None:
        """Begin with the part of the oldest closed segment that lacks one, unless a child is at work."""
        if self._child is not None and self._child.poll() is None:
            return
        self._child = None
        for segment in segments(self._run.events)[:-1]:
            if segment not in self._tried and part_of(segment) is None:
                self._tried.add(segment)
                self._child = _start(segment)
                return

    def finish(self, target: Path, progress: Callable[[int, int], None] = lambda _done, _of: None) -> None:
        """Write the whole table, complete or not at all.

        Args:
            progress: told how many of the segments are done, before each of those that still have to be read.

        Raises:
            OSError: the target cannot be written.
            RunError: the run has no log.
        """
        if self._child is not None:
            try:
                self._child.wait(_MOST_WAITING)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        if aurl.polars_lost_its_threads:
            _write_elsewhere(self._run.path, target)
        else:
            write_parquet(self._run.path, target, progress)

    def abandon(self) -> None:
        """Let go of the child, in a process that is not its parent."""
        self._child = None


def write_parquet(run: Path, target: Path, progress: Callable[[int, int], None] = lambda _done, _of: None) -> None:
    """Write the table of a run, complete or not at all; what parts there are of it need not be read again.

    Raises:
        RunError: the directory holds no event log.
        OSError: the target cannot be written.
    """
    import polars as pl

    files = segments(run / "events")
    if not files:
        raise RunError(f"{run}: no event log (events/records.jsonl); give a run directory")
    partial = target.with_name(f".{target.name}.partial")
    try:
        tables: list[pl.LazyFrame] = []
        floors: list[float] = []
        for number, segment in enumerate(files):
            is_live = segment == files[-1]
            part = None if is_live else part_of(segment)
            if part is None:
                progress(number, len(files))
                table, floor = _read(segment)
                tables.append(table.lazy())
                floors.append(floor)
            else:
                tables.append(pl.scan_parquet(part.file))
                floors.append(part.floor)
        pl.concat(_not_superseded(tables, floors), how="diagonal").sink_parquet(partial)
        partial.replace(target)
    except pl.exceptions.PolarsError as error:  # how polars tells of a full disk
        raise OSError(str(error)) from error
    finally:
        partial.unlink(missing_ok=True)


def part_of(segment: Path) -> TablePart | None:
    """The part that was made of a closed segment; None where there is none."""
    prefix = f"{segment.name.split('.')[1]}-{segment.stat().st_size}-"
    for file in (segment.parent / ".scalars").glob(f"{prefix}*.parquet"):
        floor = file.stem.removeprefix(prefix)
        return TablePart(file, math.inf if floor == "none" else float(floor.replace("m", "-")))
    return None


def make_part(segment: Path) -> None:
    """Make the part of a closed segment.

    Raises:
        OSError: it cannot be written; `write_parquet` reads the segment then.
    """
    table, floor = _read(segment)
    folder = segment.parent / ".scalars"
    folder.mkdir(exist_ok=True)
    spelled = "none" if math.isinf(floor) else f"{int(floor)}".replace("-", "m")
    name = f"{segment.name.split('.')[1]}-{segment.stat().st_size}-{spelled}.parquet"
    partial = folder / f".{name}.{os.getpid()}"
    try:
        table.write_parquet(partial)
        partial.replace(folder / name)
    finally:
        partial.unlink(missing_ok=True)


def _read(segment: Path) -> tuple[pl.DataFrame, float]:
    floor = math.inf

    def noting(records: Iterable[Record]) -> Iterator[Record]:
        nonlocal floor
        for record in records:
            if (back := resumed_from(record)) is not None:
                floor = min(floor, back)
            yield record

    return table_of(noting(read_records(segment.parents[1], only=segment))), floor


def _not_superseded(tables: list[pl.LazyFrame], floors: list[float]) -> list[pl.LazyFrame]:
    import polars as pl

    kept, limit = [], math.inf
    for table, floor in zip(reversed(tables), reversed(floors), strict=True):
        kept.append(table if math.isinf(limit) else table.filter(pl.col("step") <= limit))
        limit = min(limit, floor)
    return kept[::-1]


def _write_elsewhere(run: Path, target: Path) -> None:
    """`write_parquet` in a process that no fork has robbed of its threads."""
    command = (*_COMMAND, os.fspath(run), os.fspath(target))
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=_environment(), check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(f"{target}: not written ({reason[-1] if reason else f'status {done.returncode}'})")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _start(segment: Path) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(
            (*_COMMAND, os.fspath(segment)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,  # Ctrl-C and a scheduler's signal are for the training process
        )
    except OSError:
        return None  # no more processes: the end of the run reads the segment itself


if __name__ == "__main__":
    if len(sys.argv) == 3:
        write_parquet(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        lower_priority(NICENESS)
        make_part(Path(sys.argv[1]))
