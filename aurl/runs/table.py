"""The scalars of a run as one wide table, superseded stretches left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurl.machine.untrusted import whole_number
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records, segments
from aurl.runs.rundir import RunDirectory

if TYPE_CHECKING:
    import polars as pl

CHUNK = 20_000
FIXED = ("kind", "step", "time", "epoch")
"""The columns that are no scalars."""
_REWINDS = frozenset({Kind.START, Kind.NOTE})  # a resume, a rollback


def scalar_table(run: Path) -> pl.DataFrame:
    """A row per record that has scalars: kind, step, time, epoch, and a column per scalar (null where not logged).

    Where a run was resumed from step s, the records after s that were written before the resume are left out: the
    resumed run wrote them again.

    Raises:
        RunError: the directory holds no event log.
    """
    return table_of(read_records(run))


def stored_table(run: Path, step: int, names: Collection[str] | None = None) -> pl.DataFrame | None:
    """The same table as the end of the run wrote it; None where it is missing, broken, or older than the log.

    Args:
        step: the last step that `run.json` tells of.
        names: only these scalars, those of them that the run has; None for all.
    """
    import polars as pl

    directory = RunDirectory(run)
    try:
        newest = max((log.stat().st_mtime for log in segments(directory.events)), default=0.0)
        if not directory.scalars_parquet.is_file() or directory.scalars_parquet.stat().st_mtime < newest:
            return None  # also for a pipe, which would be waited for
        columns = None
        if names is not None:
            schema = pl.read_parquet_schema(directory.scalars_parquet)
            columns = [name for name in schema if name in FIXED or name in names]
        table = pl.read_parquet(directory.scalars_parquet, columns=columns)
    except (OSError, pl.exceptions.PolarsError):
        return None
    last = table["step"].max() if "step" in table.columns else None
    # A copy may have lost the times of its files: a table that ends before the run does is an old one.
    return None if isinstance(last, int) and last < step else table


def table_of(records: Iterable[Record]) -> pl.DataFrame:
    """The table of any records, see `scalar_table`."""
    import polars as pl

    frames: list[pl.DataFrame] = []
    rows: list[dict[str, Any]] = []
    for record in records:
        if (back := resumed_from(record)) is not None:
            frames.append(_frame(rows))
            frames = [frame.filter(pl.col("step") <= back) for frame in frames]
            rows = []
        if record.scalars:
            epoch = record.fields.get("epoch")
            # A log of somebody else may hold anything.
            epoch = whole_number(epoch) if isinstance(epoch, (int, float)) else None
            rows.append(
                {"kind": str(record.kind), "step": record.step, "time": record.time, "epoch": epoch, **_floats(record)}
            )
        if len(rows) >= CHUNK:
            frames.append(_frame(rows))
            rows = []
    return pl.concat([*frames, _frame(rows)], how="diagonal")


def resumed_from(record: Record) -> int | None:
    """The step that a record says the run goes on from, later ones being superseded; None for any other record."""
    step = record.fields.get("resumed_from") if record.kind in _REWINDS else None
    return step if isinstance(step, int) and not isinstance(step, bool) else None


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    import polars as pl

    fixed = {"kind": pl.String, "step": pl.Int64, "time": pl.Float64, "epoch": pl.Int64}
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(rows, schema={name: fixed.get(name, pl.Float64) for name in {**fixed, **names}})


def _floats(record: Record) -> dict[str, float]:
    return {name: float(value) for name, value in record.scalars.items()}
