from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.record import Kind, Record
from aurl.sinks.notify.message import Message, check_template, fill, message_of
from aurl.sinks.notify.rules import EventSelection, Limit, QuietHours

PLACE = {"run": "mine", "folder": "/runs/mine", "host": "box"}


def message(event: str = "alert", severity: str = "critical") -> Message:
    return Message(event, severity, "loss_spike at step 3", "it jumped", step=3, time=0.0, **PLACE)


@pytest.mark.parametrize(
    ("record", "event", "severity", "what"),
    [
        (Record(Kind.ALERT, 3, {}, {"type": "odd", "severity": "fatal"}), "alert", "fatal", "odd at step 3"),
        (Record(Kind.END, 9, {}, {"status": "done"}), "done", "info", "done after step 9"),
        (Record(Kind.END, 9, {}, {"status": "failed"}), "failed", "critical", "failed after step 9"),
        (Record(Kind.END, 9, {}, {"status": "preempted"}), "preempted", "warning", "preempted after step 9"),
        (Record(Kind.END, 9, {}, {"status": "strange"}), "failed", "critical", "strange after step 9"),
        (Record(Kind.CHECKPOINT, 9, {}, {"best": True}), "best", "info", "best so far at step 9"),
    ],
)  # fmt: skip
def test_what_is_told_of_a_record(record: Record, event: str, severity: str, what: str) -> None:
    found = message_of(record, PLACE)
    assert found is not None
    assert (found.event, found.severity, found.what) == (event, severity, what)


def test_most_records_give_nothing_to_tell() -> None:
    assert message_of(Record(Kind.STEP, 1), PLACE) is None
    assert message_of(Record(Kind.CHECKPOINT, 1, {}, {"path": "x"}), PLACE) is None


def test_cause_and_suggestions_are_told_and_secrets_are_not() -> None:
    fields = {"message": "key hf_abcdefghijklmnopqrstuv", "cause": "rate", "suggestions": ["lower optim.lr"]}
    found = message_of(Record(Kind.ALERT, 1, {}, fields), PLACE)
    assert found is not None
    assert found.text == "key ***\nCause: rate\n- lower optim.lr"


def test_a_selection_takes_its_events_and_alerts_from_its_severity_on() -> None:
    selection = EventSelection(["alert", "done"], "critical")
    assert selection.wants(message("alert", "critical"))
    assert selection.wants(message("alert", "fatal"))
    assert not selection.wants(message("alert", "warning"))
    assert selection.wants(message("done", "info"))
    assert not selection.wants(message("best", "info"))


def test_a_limit_holds_alerts_back_for_an_hour_but_never_the_end() -> None:
    limit = Limit(2)
    assert [limit.allows(message(), now) for now in (0, 1, 2, 3600.5, 3601.5)] == [True, True, False, True, True]
    assert limit.held_back == 1
    assert limit.allows(message("failed"), 3602)
    assert all(Limit(0).allows(message(), 0) for _ in range(100))


@given(now=st.floats(1e9, 2e9), begin=st.integers(0, 1439), length=st.integers(1, 1439))
def test_a_quiet_message_waits_until_the_quiet_hours_are_over(now: float, begin: int, length: int) -> None:
    end = (begin + length) % 1440
    hours = QuietHours(f"{begin // 60:02d}:{begin % 60:02d}-{end // 60:02d}:{end % 60:02d}")
    wait = hours.wait(message("done", "info"), now)
    local = time.localtime(now)
    inside = (local.tm_hour * 60 + local.tm_min - begin) % 1440 < length
    assert (wait > 0) == inside
    if inside:
        later = time.localtime(now + wait)
        assert later.tm_hour * 60 + later.tm_min == end
        assert hours.wait(message("done", "info"), now + wait) == 0
    assert hours.wait(message("alert", "fatal"), now) == hours.wait(message("failed"), now) == 0


def test_templates_are_filled_and_reach_no_further_than_the_message() -> None:
    assert fill("{run} [{severity}]: {what}", message()) == "mine [critical]: loss_spike at step 3"
    for template in ("{run.__class__}", "{text[0]}", "{0}", "{secret}"):
        with pytest.raises(ConfigError, match="is no field of a message; allowed are"):
            check_template("title", template)
    with pytest.raises(ConfigError, match="write a brace as"):
        check_template("title", "{run")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EventSelection(["dne"], "fatal"), "events=dne: no such event. Did you mean 'done'?"),
        (lambda: EventSelection([], "bad"), "severity=bad: allowed are info, warning, critical, fatal"),
        (lambda: Limit(-1), "per_hour=-1: needs at least 0"),
        (lambda: QuietHours("22-7"), "quiet=22-7: give two times of the day, such as 22:00-07:00"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(make: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).startswith(said)
