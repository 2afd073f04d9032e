"""The records of a run that still hold: those that a resume or a rollback wrote anew are left out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.table import resumed_from


def standing_records(run: Path, until: Record | None = None) -> Iterator[Record]:
    """The records, in the order they were written, without those that a later one supersedes.

    A record that goes on from step s (a resume, a rollback) supersedes all before it that lie after s. The log is read
    twice, the first time for those few records only, so that memory stays flat however long the run.

    Args:
        until: one of those few records: what stands before it once it was written. None for all.

    Raises:
        RunError: the directory holds no event log.
    """
    backs: list[int] = []
    for record in read_records(run, kinds=(Kind.START, Kind.NOTE)):
        if (back := resumed_from(record)) is not None:
            backs.append(back)
        if until is not None and _same(record, until):
            break
    limits = [*reversed([*accumulate(reversed(backs), min)]), math.inf]  # by how many of them came before
    passed = 0
    for record in read_records(run):
        if until is not None and _same(record, until):
            return
        passed += resumed_from(record) is not None
        if record.step <= limits[min(passed, len(backs))]:
            yield record


def _same(one: Record, other: Record) -> bool:
    return (one.kind, one.step, one.time) == (other.kind, other.step, other.time)
