"""The curves and alerts of a run, from its Parquet table where that is up to date, else from its event log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from aurl.compare.cache import recall, remember, stamp
from aurl.compare.run_data import RunCurve
from aurl.errors import AurlError, RecordError
from aurl.machine.untrusted import lines_of
from aurl.record import Json, Kind, Record
from aurl.runs.codec import decode
from aurl.runs.eventlog import read_records, segments
from aurl.runs.listing import RunSummary
from aurl.runs.rundir import RunDirectory
from aurl.runs.table import stored_table, table_of

if TYPE_CHECKING:
    import polars as pl

_VERSION = 1
_MOST_ALERTS = 200
_ALERT = b'"kind":"alert"'
_ROW = ""  # stands for "this record had scalars": keeps the time of every record without its numbers


@dataclass(frozen=True, slots=True)
class RunSeries:
    """What was read of one run's log.

    Attributes:
        curves: by metric, those that the run has.
        alerts: fields of its alerts with their step; at most 200, the first ones.
        trouble: what was wrong with the log, in words that follow the run's name; empty when nothing was.
    """

    curves: Mapping[str, RunCurve]
    alerts: tuple[Mapping[str, Json], ...] = ()
    trouble: str = ""


def read_series(runs: Sequence[RunSummary], metrics: Sequence[str]) -> list[RunSeries]:
    """The series of each run, those known from before from the cache.

    Args:
        metrics: names of scalars to read; a run need not have them.
    """
    keys = [_key(run, metrics) for run in runs]
    known = {key: series for key, blob in recall(keys).items() if (series := _unpack(blob)) is not None}
    fresh = {key: run for key, run in zip(keys, runs, strict=True) if key not in known}
    with ThreadPoolExecutor() as pool:  # polars reads outside Python's lock
        known |= zip(fresh, pool.map(lambda run: read_one(run, metrics), fresh.values()), strict=True)
    # A log that still grows is another one in a second.
    remember({key: _pack(known[key]) for key, run in fresh.items() if run.status != "running"})
    return [known[key] for key in keys]


def read_one(run: RunSummary, metrics: Sequence[str]) -> RunSeries:
    """The series of one run, without the cache; what cannot be read is told in it, and the others are compared."""
    import polars as pl

    trouble = ""
    table = stored_table(run.path, run.step, metrics)
    if table is None:
        skipped: list[str] = []
        try:
            table = _from_log(run.path, metrics, skipped)
        except (AurlError, OSError, pl.exceptions.PolarsError) as error:
            return RunSeries({}, trouble=f"its event log cannot be read ({error})")
        if skipped:
            trouble = f"{len(skipped)} damaged lines of its event log are left out ({skipped[0]})"
    return RunSeries(_curves(table, metrics, _resume_times(run)), _alerts(run), trouble)


def _from_log(path: Path, metrics: Sequence[str], skipped: list[str]) -> pl.DataFrame:
    records = read_records(path, on_skip=lambda file, line, reason: skipped.append(f"{file.name}:{line}: {reason}"))
    return table_of(_only(records, frozenset(metrics)))


def _only(records: Iterator[Record], metrics: frozenset[str]) -> Iterator[Record]:
    """The records with none but these scalars, which is what makes a long log quick to read."""
    for record in records:
        if record.scalars:
            kept: dict[str, float] = {name: record.scalars[name] for name in metrics & record.scalars.keys()}
            yield replace(record, scalars=kept or {_ROW: 0.0})
        else:
            yield record


def _resume_times(run: RunSummary) -> list[float]:
    resumes = run.document.get("resumes")
    entries = resumes if isinstance(resumes, list) else []
    times = [entry.get("time") for entry in entries if isinstance(entry, Mapping)]
    return sorted(float(time) for time in times if isinstance(time, (int, float)))


def _curves(table: pl.DataFrame, metrics: Sequence[str], resumes: Sequence[float]) -> dict[str, RunCurve]:
    if not len(table):
        return {}
    times = table["time"].to_numpy()
    seconds = _working_seconds(times, resumes)
    steps = table["step"].to_numpy()
    is_step, is_epoch = ((table["kind"] == kind.value).to_numpy() for kind in (Kind.STEP, Kind.EPOCH))
    curves: dict[str, RunCurve] = {}
    for name in metrics:
        if name not in table.columns:
            continue
        here = table[name].is_not_null().to_numpy()
        if (here & is_step).any():
            here = here & ~is_epoch  # an epoch repeats the losses of its steps as means
        if here.any():
            values = table[name].to_numpy()[here].astype(np.float64)
            curves[name] = _one_value_a_step(steps[here].astype(np.int64), values, seconds[here])
    return curves


def _one_value_a_step(steps: NDArray[np.int64], values: NDArray[np.float64], seconds: NDArray[np.float64]) -> RunCurve:
    """The curve by ascending step; several values of one step, such as those of several samples, are averaged."""
    distinct, place, counts = np.unique(steps, return_inverse=True, return_counts=True)
    if len(distinct) == len(steps):
        order = np.argsort(steps, kind="stable")
        return RunCurve(distinct, values[order], seconds[order])
    with np.errstate(invalid="ignore"):  # infinities of both signs
        means = np.bincount(place, values) / counts
    return RunCurve(distinct, means, np.bincount(place, seconds) / counts)


def _working_seconds(times: NDArray[np.float64], resumes: Sequence[float]) -> NDArray[np.float64]:
    """Seconds since the first record, without the pauses before resumes; records come in the order of the log."""
    ordered = np.maximum.accumulate(times)  # a clock that was set back
    steps = np.diff(ordered, prepend=ordered[0])
    for resume in resumes:
        after = int(np.searchsorted(ordered, resume))
        if 0 < after < len(ordered):
            steps[after] = max(0.0, ordered[after] - resume)
    return np.cumsum(steps)


def _alerts(run: RunSummary) -> tuple[Mapping[str, Json], ...]:
    counts = run.document.get("alerts")
    if isinstance(counts, Mapping) and not any(counts.values()):
        return ()
    found: list[Mapping[str, Json]] = []
    for log in segments(run.path / "events"):
        for _, line in lines_of(log):
            if line and _ALERT in line and len(found) < _MOST_ALERTS:
                found += _alert_of(line)
    return tuple(found)


def _alert_of(line: bytes) -> list[Mapping[str, Json]]:
    try:
        record = decode(line)
    except RecordError:
        return []
    return [{**record.fields, "step": record.step}] if record.kind is Kind.ALERT else []


def _key(run: RunSummary, metrics: Sequence[str]) -> str:
    directory = RunDirectory(run.path)
    logs = [stamp(path) for path in segments(directory.events)]
    return "\n".join(
        [f"series {_VERSION}", str(run.path.absolute()), *logs, stamp(directory.scalars_parquet), *metrics]
    )


def _pack(series: RunSeries) -> bytes:
    head = {
        "curves": {name: len(curve.steps) for name, curve in series.curves.items()},
        "alerts": list(series.alerts),
        "trouble": series.trouble,
    }
    arrays = [part.tobytes() for curve in series.curves.values() for part in (curve.steps, curve.values, curve.seconds)]
    return b"".join([orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE), *arrays])


def _unpack(blob: bytes) -> RunSeries | None:
    """None where the blob is damaged."""
    head, _, data = blob.partition(b"\n")
    try:
        described: dict[str, Any] = orjson.loads(head)
        curves = {}
        at = 0
        for name, count in described["curves"].items():
            columns = np.frombuffer(data, np.int64, 3 * count, at).reshape(3, count)
            curves[name] = RunCurve(columns[0], columns[1].view(np.float64), columns[2].view(np.float64))
            at += columns.nbytes
        return RunSeries(curves, tuple(described["alerts"]), described["trouble"])
    except (orjson.JSONDecodeError, ValueError, KeyError, TypeError):
        return None
