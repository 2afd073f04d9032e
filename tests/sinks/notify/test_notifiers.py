"""Notifiers against local servers: they deliver, wait, give up, and lose nothing."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from aurl.monitor import Monitor
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.rundir import RunDirectory
from aurl.sinks.notify.bell import Bell
from aurl.sinks.notify.desktop import Desktop
from aurl.sinks.notify.email import Email
from aurl.sinks.notify.notifier import Notifier
from aurl.sinks.notify.webhook import Webhook
from tests.sinks.notify.servers import Mail, Web

ALERT = Record(Kind.ALERT, 3, {}, {"type": "loss_spike", "severity": "critical", "message": "it <jumped>"}, time.time())
DONE = Record(Kind.END, 9, {}, {"status": "done", "message": "all epochs"}, time.time())


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "mine")
    directory.create()
    return directory


@pytest.fixture(autouse=True)
def own_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "aurl" / "notify"


def opened(notifier: Notifier, run: RunDirectory) -> list[str]:
    """What the notifier tells, from here on."""
    told: list[str] = []
    notifier.listener = lambda message, level: told.append(f"{level}: {message}")
    notifier.open(run)
    return told


def show(notifier: Notifier, *records: Record) -> None:
    for record in records:
        notifier.write(record)
        notifier.flush()


def waiting(spool: Path) -> int:
    return len(list(spool.rglob("*.json")))


def hook(web: Web, monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> Webhook:
    monkeypatch.setenv("AURL_WEBHOOK_URL", web.url)
    return Webhook(**arguments)


def test_a_webhook_gets_alerts_and_the_end(run: RunDirectory, monkeypatch: pytest.MonkeyPatch, own_spool: Path) -> None:
    with Web()() as web:
        notifier = hook(web, monkeypatch)
        told = opened(notifier, run)
        show(notifier, ALERT, Record(Kind.STEP, 4), DONE)
        notifier.close()
    first, last = web.bodies
    assert (first["event"], first["severity"], first["title"]) == ("alert", "critical", "mine: loss_spike at step 3")
    assert (last["event"], last["text"], last["step"]) == ("done", "all epochs", 9)
    assert told == []
    assert waiting(own_spool) == 0


@pytest.mark.parametrize(
    ("style", "body"),
    [
        ("slack", {"text": "*mine: loss_spike at step 3*\nit &lt;jumped&gt;"}),
        ("discord", {"content": "**mine: loss_spike at step 3**\nit <jumped>", "allowed_mentions": {"parse": []}}),
    ],
)
def test_slack_and_discord_get_what_they_understand(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, style: Any, body: dict[str, Any]
) -> None:
    with Web()() as web:
        notifier = hook(web, monkeypatch, style=style)
        opened(notifier, run)
        show(notifier, ALERT)
        notifier.close()
    assert web.bodies == [body]


def test_a_server_that_fails_is_tried_again_with_pauses(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, own_spool: Path
) -> None:
    now = 1000.0
    monkeypatch.setattr("aurl.sinks.notify.notifier.time.time", lambda: now)
    with Web(500, 503)() as web:
        notifier = hook(web, monkeypatch)
        told = opened(notifier, run)
        show(notifier, ALERT, ALERT)
        assert (web.requests, waiting(own_spool)) == (1, 2)
        now += 2.5
        notifier.flush()
        assert web.requests == 2
        now += 2.5  # the second pause is longer
        notifier.flush()
        assert web.requests == 2
        now += 2.5
        notifier.flush()
        assert (len(web.bodies), waiting(own_spool)) == (2, 0)
        notifier.close()
    [said] = told
    assert said == "warning: notify=webhook: not delivered (OSError: HTTP 500 Internal Server Error); it is tried again"


def test_what_a_run_could_not_send_goes_out_with_the_next_one(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, own_spool: Path
) -> None:
    with Web(500, 500, 500)() as web:
        notifier = hook(web, monkeypatch)
        told = opened(notifier, run)
        show(notifier, ALERT, DONE)
        notifier.close()
        assert waiting(own_spool) == 2
        assert "2 messages wait in" in told[-1]
        web.answers.clear()
        later = hook(web, monkeypatch)
        opened(later, RunDirectory(run.path.parent / "later"))
        later.flush()
        later.close()
    assert [body["title"] for body in web.bodies] == ["mine: loss_spike at step 3", "mine: done after step 9"]
    assert waiting(own_spool) == 0


def test_a_refusal_for_good_is_told_and_not_tried_again(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, own_spool: Path
) -> None:
    with Web(404)() as web:
        notifier = hook(web, monkeypatch)
        told = opened(notifier, run)
        show(notifier, ALERT)
        notifier.close()
    assert (web.requests, waiting(own_spool)) == (1, 0)
    assert told == ["error: notify=webhook: refused for good: HTTP 404 Not Found; is AURL_WEBHOOK_URL right?"]


def test_too_many_alerts_are_held_back_and_counted(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    with Web()() as web:
        notifier = hook(web, monkeypatch, per_hour=2)
        opened(notifier, run)
        show(notifier, *[ALERT] * 5, DONE)
        notifier.close()
    assert [body["event"] for body in web.bodies] == ["alert", "alert", "done"]
    assert web.bodies[-1]["text"].endswith("(3 more messages were held back: per_hour)")


def test_in_quiet_hours_failures_are_told_and_the_rest_waits_on_disk(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, own_spool: Path
) -> None:
    local = time.localtime()
    quiet = f"{local.tm_hour:02d}:00-{(local.tm_hour + 2) % 24:02d}:00"
    with Web()() as web:
        notifier = hook(web, monkeypatch, quiet=quiet)
        opened(notifier, run)
        show(notifier, ALERT, Record(Kind.END, 9, {}, {"status": "failed"}, 6.0))
        notifier.close()
    assert [body["event"] for body in web.bodies] == ["failed"]
    assert waiting(own_spool) == 1


def test_a_run_that_dies_without_a_word_is_told(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    with Web()() as web:
        notifier = hook(web, monkeypatch)
        opened(notifier, run)
        show(notifier, Record(Kind.START, 0), Record(Kind.STEP, 7))
        notifier.close()
    [body] = web.bodies
    assert (body["event"], body["what"]) == ("failed", "killed")
    assert "after step 7" in body["text"]


@pytest.mark.parametrize(
    ("notifier", "variables", "said"),
    [
        (Webhook(), {}, "the variable AURL_WEBHOOK_URL is not set; export AURL_WEBHOOK_URL=https://..."),
        (Webhook(url_env="MY_HOOK"), {"MY_HOOK": "file:///etc/passwd"}, "MY_HOOK holds no http or https URL"),
        (Email(to=["me@example.org"]), {}, "notify.email.host is not set"),
        (Email(host="localhost"), {}, "notify.email.to is not set"),
        (Email(host="h", to=["a@b"], user="me"), {}, "the variable AURL_SMTP_PASSWORD is not set"),
        (Desktop(), {"PATH": ""}, "the program notify-send is not installed"),
        (Bell(), {}, "standard error is no terminal"),
    ],
)
def test_what_is_missing_is_said_and_nothing_else_happens(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, notifier: Notifier, variables: dict[str, str], said: str
) -> None:
    monkeypatch.delenv("AURL_WEBHOOK_URL", raising=False)
    monkeypatch.delenv("AURL_SMTP_PASSWORD", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    told = opened(notifier, run)
    show(notifier, ALERT, DONE)
    notifier.close()
    assert len(told) == 1
    assert said in told[0]
    assert told[0].endswith("; nothing is sent")


def mail(server: Mail, **arguments: Any) -> Email:
    return Email(host="127.0.0.1", port=server.port, security="none", to=["me@example.org"], **arguments)


def test_mail_is_sent_and_no_title_forges_a_header(run: RunDirectory) -> None:
    with Mail()() as server:
        notifier = mail(server, title="{what}")
        opened(notifier, run)
        evil = {"type": "x\r\nBcc: all@example.org", "severity": "fatal", "message": "läuft"}
        show(notifier, Record(Kind.ALERT, 3, {}, evil, 5.0))
        notifier.close()
    [text] = server.mails
    found = message_from_bytes(text.encode())  # 8bit or base64, as the lengths of the lines have it
    assert found["To"] == "me@example.org"
    assert found["Bcc"] is None
    assert "\\r\\nBcc" in str(found["Subject"]).replace("\r\n", "").replace("\n", "")
    body = found.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().startswith("läuft")


@pytest.mark.parametrize(("answer", "left"), [("450 busy", 1), ("550 no such user", 0)])
def test_a_mail_server_that_refuses_for_now_or_for_good(
    run: RunDirectory, own_spool: Path, answer: str, left: int
) -> None:
    with Mail(refuse=answer)() as server:
        notifier = mail(server)
        opened(notifier, run)
        show(notifier, ALERT)
        assert waiting(own_spool) == left
        notifier.close()
    assert len(server.mails) == left  # the last attempt, when the run ends


def test_a_mail_server_that_is_down_leaves_the_message_waiting(run: RunDirectory, own_spool: Path) -> None:
    notifier = Email(host="127.0.0.1", port=9, security="none", to=["me@example.org"])
    told = opened(notifier, run)
    show(notifier, ALERT)
    notifier.close()
    assert waiting(own_spool) == 1
    assert "ConnectionRefusedError" in told[0]


def test_the_desktop_is_told_by_notify_send(run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/shown\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    notifier = Desktop()
    opened(notifier, run)
    show(notifier, ALERT)
    notifier.close()
    shown = (tmp_path / "shown").read_text().splitlines()
    assert shown[0] == "--urgency=critical"
    assert shown[-2:] == ["mine: loss_spike at step 3", "it <jumped>"]


@pytest.mark.slow
@pytest.mark.two_process
def test_a_server_that_hangs_delays_neither_the_run_nor_its_end(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, own_spool: Path
) -> None:
    with Web(0, 0, 0)() as web:
        notifier = hook(web, monkeypatch, finish_seconds=1.5, timeout_seconds=60)
        with Monitor(run, sinks=[notifier]) as monitor:
            monitor.say(Kind.ALERT, 3, type="loss_spike", severity="fatal", message="it jumped")
            wait_for(lambda: web.requests == 1)
            began = time.monotonic()
            for step in range(1, 1001):
                monitor.step(step, {"loss/total": 1.0})
            assert time.monotonic() - began < 5
            began = time.monotonic()
        assert time.monotonic() - began < 5
    notes = [str(record.fields["message"]) for record in read_records(run.path) if record.kind is Kind.NOTE]
    assert any("Webhook did not finish within 1.5 s" in note for note in notes)
    assert all("secret-path" not in note for note in notes)
    assert waiting(own_spool) >= 1


def wait_for(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
