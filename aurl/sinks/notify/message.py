"""What people are told, and of which records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from string import Formatter
from typing import Any

from aurl.errors import ConfigError
from aurl.machine.secrets import mask_text
from aurl.record import Kind, Record
from aurl.scalars import describe

EVENTS = ("alert", "best", "done", "failed", "stopped", "preempted")
TITLE = "{run}: {what}"
BODY = "{text}"
_OWN = ("monitor", "checkpoint")  # modules whose critical notes are about what the run writes
_FIELDS = frozenset({"event", "severity", "what", "text", "run", "folder", "host", "step", "time"})
_SEVERITY = {"done": "info", "best": "info", "preempted": "warning", "stopped": "critical", "failed": "critical"}


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell.

    Attributes:
        event: one of `EVENTS`.
        severity: info, warning, critical or fatal.
        what: a headline, as `loss_spike at step 120`.
        text: the whole story, several lines.
        run, folder, host: where it happened.
        step: optimiser steps finished.
        time: seconds since the epoch, UTC.
    """

    event: str
    severity: str
    what: str
    text: str
    run: str
    folder: str
    host: str
    step: int
    time: float

    def as_json(self) -> dict[str, Any]:
        """The message as plain values."""
        return asdict(self)


def message_of(record: Record, place: Mapping[str, str]) -> Message | None:
    """What a record gives to tell, secrets masked; None for most.

    Args:
        place: `run`, `folder` and `host`.
    """
    if record.kind is Kind.ALERT:
        event, severity, what, text = _alert(record)
    elif record.kind is Kind.END:
        event, severity, what, text = _end(record)
    elif record.kind is Kind.CHECKPOINT and record.fields.get("best"):
        event, severity, what, text = _best(record)
    elif record.kind is Kind.NOTE and record.fields.get("level") == "critical" and record.fields.get("module") in _OWN:
        event, severity, what, text = _trouble(record)
    else:
        return None
    return Message(event, severity, what, mask_text(text), step=record.step, time=record.time, **place)


def death_of(step: int, time: float, place: Mapping[str, str]) -> Message:
    """That the training process ended without a word: killed, or out of memory."""
    text = f"The training process is gone after step {step}, without saying why: killed, or out of memory."
    return Message("failed", "critical", "killed", text, step=step, time=time, **place)


def check_template(name: str, template: str) -> None:
    """Refuse a template that cannot be filled.

    Raises:
        ConfigError: it names something else than a plain field of a message.
    """
    try:
        named = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    except ValueError as error:
        raise ConfigError(f"{name}={template!r}: {error}; write a brace as {{{{ or }}}}") from error
    if unknown := [field for field in named if field not in _FIELDS]:
        allowed = ", ".join(f"{{{field}}}" for field in sorted(_FIELDS))
        raise ConfigError(f"{name}={template!r}: {{{unknown[0]}}} is no field of a message; allowed are {allowed}")


def fill(template: str, message: Message) -> str:
    """The template with the message's values; fields are plain names, so that no template reaches further."""
    return template.format_map(message.as_json())


def _alert(record: Record) -> tuple[str, str, str, str]:
    fields = record.fields
    lines = [str(fields.get("message", ""))]
    if fields.get("cause"):
        lines.append(f"Cause: {fields['cause']}")
    suggestions = fields.get("suggestions")
    if isinstance(suggestions, Sequence) and not isinstance(suggestions, str):
        lines += [f"- {suggestion}" for suggestion in suggestions]
    what = f"{fields.get('type', 'alert')} at step {record.step}"
    return "alert", str(fields.get("severity", "warning")), what, "\n".join(lines)


def _trouble(record: Record) -> tuple[str, str, str, str]:
    """What endangers the run's own records: a full or failing disk, files that somebody removed."""
    return "alert", "critical", f"trouble with the run's files at step {record.step}", str(record.fields.get("message"))


def _end(record: Record) -> tuple[str, str, str, str]:
    status = str(record.fields.get("status", "done"))
    event = status if status in _SEVERITY else "failed"
    text = str(record.fields.get("message") or f"{status} after step {record.step}")
    return event, _SEVERITY[event], f"{status} after step {record.step}", text


def _best(record: Record) -> tuple[str, str, str, str]:
    metric, value = record.fields.get("metric"), record.fields.get("value")
    shown = ""
    if isinstance(metric, str) and isinstance(value, (int, float)):
        shown = f"{describe(metric).label} {describe(metric).show(value)}"
    what = f"best so far at step {record.step}"
    return "best", "info", what, f"{shown or what}\n{record.fields.get('path', '')}".strip()
