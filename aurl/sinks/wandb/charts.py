"""Custom charts and tables for Weights & Biases, drawn once at the end of a session from what went by."""

from __future__ import annotations

from collections import deque
from typing import Any

from aurl.record import Kind, Record
from aurl.scalars import describe

_POINTS = 1000
_ROWS = 1000
_CURVES = {"loss/total": Kind.STEP, "val/loss/total": Kind.EVAL}
_QUALITY = "quality/mean/"


class ThinnedCurve:
    """The points of one scalar; of more than 2,000 every second one is dropped, again and again."""

    def __init__(self) -> None:
        self.points: list[tuple[int, float]] = []
        self._every = 1
        self._seen = 0

    def add(self, step: int, value: float) -> None:
        """Take one more point."""
        if self._seen % self._every == 0:
            self.points.append((step, value))
        self._seen += 1
        if len(self.points) > 2 * _POINTS:
            self.points = self.points[::2]
            self._every *= 2


class Charts:
    """Gathers what the charts show, in bounded memory."""

    def __init__(self) -> None:
        self._curves = {name: ThinnedCurve() for name in _CURVES}
        self._quality: dict[str, float] = {}
        self._alerts: deque[list[Any]] = deque(maxlen=_ROWS)
        self._notes: deque[list[Any]] = deque(maxlen=_ROWS)

    def take(self, record: Record) -> None:
        """Look at one record."""
        for name, kind in _CURVES.items():
            if record.kind is kind and name in record.scalars:
                self._curves[name].add(record.step, record.scalars[name])
        if record.kind is Kind.QUALITY:
            means = {name: value for name, value in record.scalars.items() if name.startswith(_QUALITY)}
            self._quality = means or self._quality
        elif record.kind is Kind.ALERT:
            self._alerts.append([record.step, *(_cell(record, key) for key in _ALERT_COLUMNS[1:])])
        elif record.kind is Kind.NOTE and record.fields.get("level") != "debug":
            self._notes.append([record.step, *(_cell(record, key) for key in _NOTE_COLUMNS[1:])])

    def draw(self) -> dict[str, Any]:
        """The charts and tables, by name: `charts/losses`, `charts/quality`, `log/alerts`, `log/notes`."""
        import wandb

        drawn: dict[str, Any] = {}
        if curves := {describe(name).label: curve.points for name, curve in self._curves.items() if curve.points}:
            drawn["charts/losses"] = wandb.plot.line_series(
                xs=[[step for step, _ in points] for points in curves.values()],
                ys=[[value for _, value in points] for points in curves.values()],
                keys=list(curves),
                title="Losses",
                xname="step",
            )
        if self._quality:
            rows = [[name.removeprefix(_QUALITY), value] for name, value in self._quality.items()]
            table = wandb.Table(columns=["metric", "mean"], data=rows)
            drawn["charts/quality"] = wandb.plot.bar(table, "metric", "mean", title="Musical quality")
        for name, columns, found in (
            ("log/alerts", _ALERT_COLUMNS, self._alerts),
            ("log/notes", _NOTE_COLUMNS, self._notes),
        ):
            if found:
                drawn[name] = wandb.Table(columns=list(columns), data=list(found))
        return drawn


_ALERT_COLUMNS = ("step", "type", "severity", "metric", "message", "cause", "suggestions")
_NOTE_COLUMNS = ("step", "level", "module", "message")


def _cell(record: Record, key: str) -> str:
    value = record.fields.get(key)
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
