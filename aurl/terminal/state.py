"""What is known of a run that is being watched, taken from its records one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aurl.record import Kind, Record
from aurl.show.headlines import headline
from aurl.show.wording import finite
from aurl.terminal.curve import MergedCurve

_ALERTS = 200
_TOLD = frozenset({Kind.EVAL, Kind.SAMPLE, Kind.QUALITY, Kind.CHECKPOINT, Kind.NOTE, Kind.START, Kind.END})


class State:
    """How a run stands.

    Attributes:
        start: fields of the last START record.
        step: optimiser steps finished.
        position: fields of the last STEP record, such as epoch, batch and eta.
        scalars: the newest value of every scalar.
        curves: by scalar name.
        alerts: ALERT records but for the ends of incidents, oldest first, the last two hundred.
        last: the newest event worth a line, as a sentence.
        ending: fields of the END record, empty while there is none.
    """

    def __init__(self) -> None:
        self.start: Mapping[str, Any] = {}
        self.step = 0
        self.position: Mapping[str, Any] = {}
        self.scalars: dict[str, float] = {}
        self.curves: dict[str, MergedCurve] = {}
        self.alerts: list[Record] = []
        self.last = ""
        self.ending: Mapping[str, Any] = {}

    def take(self, record: Record) -> None:
        """Take the next record of the log."""
        resumed_from = record.fields.get("resumed_from")
        if record.kind in (Kind.START, Kind.NOTE) and isinstance(resumed_from, int):
            self._rewind(resumed_from)
        for name, value in record.scalars.items():
            self._take_scalar(record, name, value)
        react = _REACTIONS.get(record.kind)
        if react is not None:
            react(self, record)
        if record.kind in _TOLD:
            self.last = headline(record) or self.last

    @property
    def steps(self) -> int | None:
        """Optimiser steps of the whole run, where the loop said so."""
        total = finite(self.start.get("steps"))
        return int(total) if total else None

    @property
    def share(self) -> float | None:
        """How much of the run is done, 0 to 1."""
        return None if self.steps is None else min(1.0, self.step / self.steps)

    def as_json(self) -> dict[str, Any]:
        """What a script wants to know, JSON values; non-finite scalars are null."""
        return {
            "step": self.step,
            "steps": self.steps,
            "epoch": self.position.get("epoch"),
            "eta": finite(self.position.get("eta")),
            "scalars": {name: finite(value) for name, value in sorted(self.scalars.items())},
            "alerts": [{"step": alert.step, **alert.fields} for alert in self.alerts],
            "last": self.last,
        }

    def _take_scalar(self, record: Record, name: str, value: float) -> None:
        if record.kind is Kind.EPOCH and name in self.curves:
            return  # the means of steps that are in the curve already
        if record.kind is Kind.QUALITY and record.fields.get("scope") == "sample":
            return  # the evaluation's mean follows; single samples would make a comb of it
        self.scalars[name] = value
        self.curves.setdefault(name, MergedCurve()).add(record.step, value)

    def _rewind(self, step: int) -> None:
        self.step = min(self.step, step)
        for curve in self.curves.values():
            curve.rewind(step)
        self.alerts = [alert for alert in self.alerts if alert.step <= step]

    def _take_start(self, record: Record) -> None:
        self.start, self.ending = record.fields, {}

    def _take_step(self, record: Record) -> None:
        self.step, self.position = max(self.step, record.step), record.fields

    def _take_alert(self, record: Record) -> None:
        if record.fields.get("status") != "end":
            self.alerts = [*self.alerts[1 - _ALERTS :], record]

    def _take_end(self, record: Record) -> None:
        self.ending = record.fields


_REACTIONS: dict[str, Callable[[State, Record], None]] = {
    Kind.START: State._take_start,
    Kind.STEP: State._take_step,
    Kind.ALERT: State._take_alert,
    Kind.END: State._take_end,
}
