"""The words of an incident: the alert that it begins or worsens, and the one that it is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aurl.anomaly.base import alert
from aurl.anomaly.causes import Cause
from aurl.anomaly.incidents import Incident
from aurl.record import Json, Record, Severity

_CAUSES = 4
_SEVERITIES = tuple(Severity)
_RANKS = {severity.value: rank for rank, severity in enumerate(_SEVERITIES)}


def rank(finding: Record) -> int:
    """0 for info to 3 for fatal."""
    return _RANKS[str(finding.fields["severity"])]


def with_fields(record: Record, **fields: Json) -> Record:
    """The record with these fields set."""
    return Record(record.kind, record.step, record.scalars, {**record.fields, **fields}, record.time)


def begin(
    finding: Record, incident: Incident, episode: Sequence[Incident], ranked: Sequence[Cause], suppressed: int
) -> Record:
    """The alert that an incident has begun, or is worse than was told; marks it as told."""
    status = "open" if incident.told < 0 else "worse"
    incident.told = incident.severity
    count, incident.untold = incident.untold, 0
    fields: dict[str, Any] = {
        "severity": _SEVERITIES[incident.severity].value,
        "count": count,
        "cause": incident.cause,
        "causes": [
            {"name": cause.name, "score": round(cause.score, 2), "evidence": cause.evidence}
            for cause in ranked[:_CAUSES]
        ],
        "status": status,
        "incident": incident.id,
        "episode": incident.episode,
        "chain": _chain(episode),
        "suppressed": suppressed,
    }
    told = with_fields(finding, **fields)
    return Record(told.kind, told.step, told.scalars, {k: v for k, v in told.fields.items() if k != "hold"}, told.time)


def end(record: Record, incident: Incident, episode: Sequence[Incident]) -> Record:
    """The alert that an incident is over, an info."""
    times = "once" if incident.count == 1 else f"{incident.count} times"
    ended = alert(
        record,
        incident.type,
        Severity.INFO,
        f"{incident.type} of step {incident.onset_step} is over: seen {times} until step {incident.last_step}",
        metric=incident.metric,
        value=record.scalars.get(incident.metric, float(incident.count)),
        detector=incident.detector,
        cause=incident.cause,
        onset_step=incident.onset_step,
        count=incident.count,
    )
    return with_fields(
        ended,
        status="end",
        last_step=incident.last_step,
        worst=_SEVERITIES[incident.severity].value,
        incident=incident.id,
        episode=incident.episode,
        chain=_chain(episode),
    )


def _chain(episode: Sequence[Incident]) -> list[dict[str, Json]]:
    ordered = sorted(episode, key=lambda incident: (incident.onset_step, incident.id))
    return [
        {"type": one.type, "step": one.onset_step, "severity": _SEVERITIES[one.severity].value, "incident": one.id}
        for one in ordered
    ]
