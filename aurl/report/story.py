"""Everything that a report tells of a run, read from its directory once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aurl.errors import RunError
from aurl.record import Kind, Record, Severity
from aurl.runs.eventlog import read_records, segments
from aurl.runs.listing import RunSummary, read_run
from aurl.runs.settings import config_of
from aurl.runs.table import table_of

_COLUMNS = frozenset({"kind", "step", "time", "epoch"})
_TOLD = frozenset({Kind.START, Kind.DATA, Kind.ALERT, Kind.SAMPLE, Kind.QUALITY, Kind.CHECKPOINT, Kind.NOTE, Kind.END})


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """One run.

    Attributes:
        run: what its `run.json` tells.
        config: the flat configuration, secrets masked; empty where there is none.
        table: as `aurl.runs.table.scalar_table` gives it; no rows where nothing was logged.
        told: the records that are not numbers step by step, by kind, in order.
        skipped: damaged lines of the event log that were left out.
    """

    run: RunSummary
    config: Mapping[str, Any]
    table: pl.DataFrame
    told: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    skipped: int = 0
    _columns: Mapping[str, pl.Series] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A table of 100,000 columns takes tens of milliseconds to find one.
        object.__setattr__(self, "_columns", {column.name: column for column in self.table.get_columns()})

    @property
    def path(self) -> Path:
        return self.run.path

    @property
    def names(self) -> list[str]:
        """The scalars that were logged."""
        return [name for name in self._columns if name not in _COLUMNS]

    @property
    def alerts(self) -> list[Record]:
        """One record for each incident, at its worst; the ends of incidents are left out."""
        worst: dict[object, Record] = {}
        for alert in self.of(Kind.ALERT):
            if alert.fields.get("status") == "end":
                continue
            incident = alert.fields.get("incident")
            key = incident if isinstance(incident, (int, str)) else id(alert)
            rank = Severity.rank_of(alert.fields.get("severity"))
            if key not in worst or rank > Severity.rank_of(worst[key].fields.get("severity")):
                worst[key] = alert
        return sorted(worst.values(), key=lambda alert: alert.step)

    def of(self, kind: Kind) -> Sequence[Record]:
        """The records of a kind in `told`."""
        return self.told.get(kind, ())

    def curve(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Steps and values of a scalar, float64 [N] each, by step; non-finite values are kept.

        EPOCH records repeat the steps' losses as means; where there are steps those are left out.
        """
        if name not in self._columns:
            return np.empty(0), np.empty(0)
        rows = pl.DataFrame([self._columns[one] for one in ("kind", "step", name)]).filter(pl.col(name).is_not_null())
        if (rows["kind"] == Kind.STEP).any():
            rows = rows.filter(pl.col("kind") != Kind.EPOCH)
        rows = rows.sort("step", maintain_order=True)
        return rows["step"].cast(pl.Float64).to_numpy(), rows[name].cast(pl.Float64).to_numpy()


def read_story(run: Path) -> Story:
    """The story of a run directory, finished or not.

    Raises:
        RunError: there is neither a `run.json` nor an event log.
    """
    summary = read_run(run)
    if not segments(run / "events"):
        if summary.status == "unreadable":
            raise RunError(f"{run}: no run in this folder (no run.json, no events/records.jsonl); give a run directory")
        return Story(summary, config_of(summary.path, summary.document), table_of(()))
    told: dict[str, list[Record]] = {}
    skipped: list[int] = []
    records = read_records(run, on_skip=lambda _path, line, _reason: skipped.append(line))
    table = table_of(_listening(records, told))
    return Story(summary, config_of(summary.path, summary.document), table, told, len(skipped))


def _listening(records: Iterable[Record], told: dict[str, list[Record]]) -> Iterator[Record]:
    for record in records:
        if record.kind in _TOLD:
            told.setdefault(str(record.kind), []).append(record)
        yield record
