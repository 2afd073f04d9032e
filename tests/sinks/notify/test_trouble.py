"""Troubles with the run's own files are told to people like a critical alert."""

from __future__ import annotations

import pytest

from aurl.record import Kind, Record
from aurl.sinks.notify.message import message_of

PLACE = {"run": "mine", "folder": "/runs/mine", "host": "here"}


def note(level: str, module: str) -> Record:
    return Record(
        Kind.NOTE, 7, fields={"message": "event log: was removed", "level": level, "module": module}, time=1.0
    )


@pytest.mark.parametrize("module", ["monitor", "checkpoint"])
def test_a_critical_note_about_the_runs_files_is_an_alert(module: str) -> None:
    message = message_of(note("critical", module), PLACE)
    assert message is not None
    assert (message.event, message.severity, message.text) == ("alert", "critical", "event log: was removed")


@pytest.mark.parametrize(("level", "module"), [("warning", "monitor"), ("critical", "train")])
def test_other_notes_are_not(level: str, module: str) -> None:
    assert message_of(note(level, module), PLACE) is None
