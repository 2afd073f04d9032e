"""Finished runs for the tests of comparison, written by the real event log, table and `run.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aurl.record import Json, Kind, Record
from aurl.runs.eventlog import EventLog
from aurl.runs.row_groups import write_parquet
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile

METRIC = "val/loss/total"
T0 = 1_700_000_000.0


def curve(final: float, points: int = 10, every: int = 10, start: float = 3.0) -> list[tuple[int, float]]:
    """A curve that falls from `start` and is flat at `final` over its second half."""
    fall = np.concatenate(
        [np.linspace(start, final, points // 2, endpoint=False), np.full(points - points // 2, final)]
    )
    return [((at + 1) * every, float(value)) for at, value in enumerate(fall)]


def write_run(
    folder: Path,
    points: Sequence[tuple[int, float]],
    config: Mapping[str, Json] | None = None,
    *,
    seed: int | None = 0,
    status: str = "done",
    metric: str = METRIC,
    name: str = "made",
    others: Mapping[str, float] | None = None,
    alerts: Sequence[Mapping[str, Json]] = (),
    table: bool = True,
    **document: Any,
) -> Path:
    """One run with this curve of one metric.

    Args:
        others: further scalars, constant over the run.
        table: whether to write the Parquet file as well.
        document: changes to `run.json` at the end.
    """
    run = RunDirectory(folder)
    run.create()
    log = EventLog(run.records)
    sink = RunFile({"id": folder.name, "name": name, "seed": seed, "argv": ["train.py"]}, every=1e9)
    sink.open(run)
    records = [Record(Kind.START, 0, {}, {"run": folder.name, "resumed_from": None}, T0)]
    records += [Record(Kind.EVAL, step, {metric: value, **(others or {})}, {}, T0 + step) for step, value in points]
    records += [Record(Kind.ALERT, points[-1][0] if points else 0, {}, dict(fields), T0) for fields in alerts]
    if status != "running":
        last = points[-1][0] if points else 0
        records.append(Record(Kind.END, last, {"time/total": float(last)}, {"status": status}, T0 + last))
    for record in records:
        log.append(record)
        sink.write(record)
    log.close()
    sink.close()
    settings = {"name": name, "seed": seed, "paths.outputs": str(folder.parent), **(config or {})}
    run.config_json.write_text(json.dumps(settings))
    if table and points:
        write_parquet(folder, run.scalars_parquet)
    changes = {"status": status, "started": T0, "steps": points[-1][0] if points else None, **document}
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | changes))
    return folder


def write_sweep(
    root: Path, finals: Mapping[str, Sequence[float]], key: str = "model.kind", **options: Any
) -> list[Path]:
    """A run for each value and seed: `{"a": [1.0, 1.1, 0.9]}` are three seeds of `model.kind=a`."""
    return [
        write_run(root / f"{name}_{seed}", curve(final), {key: name}, seed=seed, **options)
        for name, values in finals.items()
        for seed, final in enumerate(values)
    ]
