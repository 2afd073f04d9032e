"""What the detectors say of a log: each thing that is wrong once, at its worst."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurl.anomaly.chosen import build_watch
from aurl.lint.log import Log
from aurl.machine.numbers import valid_text
from aurl.record import Record, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a log: the alerts of one incident together.

    Attributes:
        path: the log.
        worst: the alert that tells of it at its worst.
        onset_step: where it began, as far as can be told.
        step: where it was first told as a warning or worse (as an info, if it never became more).
        ended: the step at which it counted as over, where that was before the end of the log.
        episode: number that it shares with what led to it or followed from it.
    """

    path: Path
    worst: Record
    onset_step: int
    step: int
    ended: int | None
    episode: int

    @property
    def type(self) -> str:
        return str(self.worst.fields["type"])

    @property
    def severity(self) -> Severity:
        return Severity(str(self.worst.fields["severity"]))

    @property
    def is_alarming(self) -> bool:
        """Whether it is critical or fatal."""
        return self.severity.rank >= Severity.CRITICAL.rank

    def as_json(self) -> dict[str, Any]:
        """The alert as `aurl lint --json` writes it: these keys, in this order; a value that JSON lacks is null."""
        fields = self.worst.fields
        value = fields["value"]
        return {
            "path": valid_text(self.path),
            "type": self.type,
            "severity": self.severity.value,
            "metric": valid_text(fields["metric"]),
            "step": self.step,
            "onset_step": self.onset_step,
            "value": value if isinstance(value, (int, float)) and math.isfinite(value) else None,
            "message": valid_text(fields["message"]),
            "cause": valid_text(fields["cause"]) if fields["cause"] else None,
            "suggestions": [valid_text(suggestion) for suggestion in _list(fields["suggestions"])],
        }


def examine(log: Log, anomaly: Mapping[str, Any]) -> list[Finding]:
    """Replay a log to the detectors of an `anomaly` node; the findings by onset.

    Raises:
        OSError: the log can no longer be read.
    """
    watch = build_watch(anomaly, log.config)
    alerts = [found for record in log.records() for found in watch.observe(record)]
    return sorted(_together(log.path, alerts), key=lambda finding: (finding.onset_step, finding.step))


def _together(path: Path, alerts: Iterable[Record]) -> list[Finding]:
    incidents: dict[object, list[Record]] = {}
    for alert in alerts:
        incidents.setdefault(alert.fields.get("incident", id(alert)), []).append(alert)
    return [_finding(path, told) for told in incidents.values()]


def _finding(path: Path, told: Sequence[Record]) -> Finding:
    begun = [alert for alert in told if alert.fields.get("status") != "end"]
    worst = max(begun, key=lambda alert: Severity.rank_of(alert.fields["severity"]))  # the first of the worst
    threshold = min(Severity.rank_of(worst.fields["severity"]), Severity.WARNING.rank)
    step = next(alert.step for alert in begun if Severity.rank_of(alert.fields["severity"]) >= threshold)
    end = next((alert for alert in told if alert.fields.get("status") == "end"), None)
    return Finding(
        path=path,
        worst=worst,
        onset_step=min(int(str(alert.fields["onset_step"])) for alert in begun),
        step=step,
        ended=None if end is None else end.step,
        episode=int(str(worst.fields.get("episode", 0))),
    )


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
