"""What a detector is, and how an alert is written. A new one is one class in one file and one yaml."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from aurl.record import Json, Kind, Record, Severity

POLICIES = ("observe", "warn", "recover", "stop")


class Detector(ABC):
    """Watches records, one at a time, on the training thread: O(1) work and memory for each."""

    @abstractmethod
    def observe(self, record: Record) -> Iterable[Record]:
        """The alerts that this record gives rise to, mostly none."""

    def state_dict(self) -> dict[str, Json]:
        """What a resumed run needs to go on as if never stopped; JSON values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027  a detector without memory
        """Take back what `state_dict` gave."""


def alert(
    cause_record: Record,
    type: str,
    severity: Severity,
    message: str,
    *,
    metric: str,
    value: float,
    expected: tuple[float | None, float | None] = (None, None),
    suggestions: Sequence[str] = (),
    detector: str = "",
    cause: str | None = None,
    onset_step: int | None = None,
    count: int = 1,
) -> Record:
    """An ALERT record at the step and time of the record that caused it.

    Args:
        type: one of the anomaly types of the design, such as `nan_values`.
        expected: the range that would have been normal; None for an open end.
        count: how often this has happened since the last report.
    """
    fields: dict[str, Json] = {
        "type": type,
        "severity": severity.value,
        "metric": metric,
        "value": value,
        "expected": list(expected),
        "message": message,
        "cause": cause,
        "suggestions": list(suggestions),
        "detector": detector or type,
        "onset_step": cause_record.step if onset_step is None else onset_step,
        "count": count,
    }
    return Record(Kind.ALERT, cause_record.step, fields=fields, time=cause_record.time)
