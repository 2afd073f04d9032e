"""Curves of runs, read from their event logs, and what runs that differ only in their seed do together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.listing import RunSummary
from aurl.runs.settings import comparable, config_of, group_key
from aurl.runs.table import table_of
from aurl.show.arrays import Floats
from aurl.show.smoothing import debiased_average

Axis: TypeAlias = Literal["step", "epoch", "time", "relative"]
_GRID = 400


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """An alert on a curve.

    Attributes:
        metric: the scalar it concerns.
        step: where.
        severity: info, warning, critical or fatal.
    """

    metric: str
    step: int
    severity: str


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The scalars of one run.

    Attributes:
        run: whose they are.
        table: as `aurl.runs.table.scalar_table` gives it.
        config: the flat configuration; empty where there is none.
        marks: its alerts, but for the ends of incidents.
    """

    run: RunSummary
    table: pl.DataFrame
    config: Mapping[str, Any]
    marks: Sequence[Mark]

    @property
    def names(self) -> list[str]:
        """Its scalars."""
        return [name for name in self.table.columns if name not in ("kind", "step", "time", "epoch")]

    def points(self, name: str, axis: Axis = "step") -> tuple[Floats, Floats]:
        """Abscissae and values of one scalar in the order of the steps, float64 [N] each; non-finite values are kept.

        The abscissa is the step, the epoch (with the share of it that is done), hours since the run's start
        (`relative`), or seconds since 1970 (`time`). An EPOCH record repeats the steps' losses as means; where there
        are steps those are left out.
        """
        if name not in self.table.columns:
            return np.empty(0), np.empty(0)
        rows = self.table.select("kind", "step", "time", "epoch", name).filter(pl.col(name).is_not_null())
        if (rows["kind"] == Kind.STEP).any():
            rows = rows.filter(pl.col("kind") != Kind.EPOCH)
        rows = rows.sort("step", maintain_order=True)
        return self._abscissa(rows, axis), rows[name].to_numpy().astype(np.float64)

    def _abscissa(self, rows: pl.DataFrame, axis: Axis) -> Floats:
        if axis in ("step", "time"):
            return rows[axis].cast(pl.Float64).to_numpy()
        if axis == "relative":
            seconds = rows["time"].cast(pl.Float64).to_numpy()
            began = self.run.started if self.run.started is not None else np.min(seconds, initial=np.inf)
            return np.asarray((seconds - began) / 3600)
        batches = self.run.document.get("batches")
        if isinstance(batches, int) and batches > 0:
            return rows["step"].to_numpy().astype(np.float64) / batches
        return rows["epoch"].fill_null(strategy="forward").cast(pl.Float64).to_numpy()


def read_curves(run: RunSummary) -> Curves:
    """All scalars of a run.

    Raises:
        RunError: it has no event log.
    """
    marks: list[Mark] = []

    def noting(records: Iterable[Record]) -> Iterable[Record]:
        for record in records:
            if record.kind is Kind.ALERT and record.fields.get("status") != "end":
                fields = record.fields
                marks.append(Mark(str(fields.get("metric")), record.step, str(fields.get("severity"))))
            yield record

    return Curves(run, table_of(noting(read_records(run.path))), config_of(run.path, run.document), marks)


def smooth(values: Floats, weight: float) -> Floats:
    """Exponential moving average without the pull of the first value: sum w^k x_(n-k) / sum w^k over finite values.

    Args:
        values: float64 [N]; NaN and infinities stay where they are and count for nothing.
        weight: w, 0 (no smoothing) to below 1.
    """
    return np.where(np.isfinite(values), debiased_average(values, weight), values)


@dataclass(frozen=True, slots=True, eq=False)
class CurveGroup:
    """Runs whose configurations differ in nothing but the seed.

    Attributes:
        label: what sets it apart from the other groups, `model=vae, lr=0.1`; the run's name where nothing does.
        members: its runs.
    """

    label: str
    members: Sequence[Curves]

    def band(self, name: str, axis: Axis, weight: float) -> tuple[Floats, Floats, Floats, Floats]:
        """Abscissae, mean, lowest and highest value of the members there, float64 [N] each.

        The members are interpolated between their own points onto a common grid over the stretch that all of them
        cover; nothing is extrapolated. Empty where they share no stretch.
        """
        points = [member.points(name, axis) for member in self.members]
        finite = [(x[known], y[known]) for x, y in points for known in [np.isfinite(x) & np.isfinite(y)]]
        kept = [(x, smooth(y, weight)) for x, y in finite if len(x)]
        if not kept:
            return np.empty(0), np.empty(0), np.empty(0), np.empty(0)
        low, high = max(x[0] for x, _ in kept), min(x[-1] for x, _ in kept)
        grid = np.unique(np.concatenate([x[(x >= low) & (x <= high)] for x, _ in kept]))
        if len(grid) > _GRID:
            grid = np.linspace(low, high, _GRID)
        values = np.stack([np.interp(grid, x, y) for x, y in kept])
        return grid, values.mean(0), values.min(0), values.max(0)


def group(runs: Sequence[Curves]) -> list[CurveGroup]:
    """The runs in groups by configuration, in the order of their first members; a run without one stands alone."""
    found: dict[object, list[Curves]] = {}
    for number, curves in enumerate(runs):
        found.setdefault(group_key(curves.config) or number, []).append(curves)
    firsts = [comparable(members[0].config) for members in found.values()]
    keys = sorted(set().union(*firsts)) if firsts else []
    varying = [key for key in keys if len({repr(first.get(key)) for first in firsts}) > 1]
    return [CurveGroup(_label(members, varying), members) for members in found.values()]


def _label(members: Sequence[Curves], varying: Sequence[str]) -> str:
    config = members[0].config
    named = [key for key in varying if key.endswith("._target_")][:1] or varying
    parts = [f"{_short(key)}={_value(config.get(key))}" for key in named[:3]]
    label = ", ".join(parts) if config and parts else members[0].run.name
    return f"{label} (n={len(members)})" if len(members) > 1 else label


def _short(key: str) -> str:
    return key.removesuffix("._target_").rsplit(".", 1)[-1]


def _value(value: object) -> str:
    text = value.rsplit(".", 1)[-1] if isinstance(value, str) else str(value)
    return text if len(text) <= 24 else f"{text[:21]}..."
