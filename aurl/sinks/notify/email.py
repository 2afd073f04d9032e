"""Messages by e-mail, over SMTP."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Literal

from aurl.errors import ConfigError
from aurl.show.wording import printable
from aurl.sinks.notify.message import BODY, TITLE, Message
from aurl.sinks.notify.notifier import EVENTS_TOLD, Notifier, UndeliverableError

_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Email(Notifier):
    """Sends messages by e-mail. The password comes from the environment.

    Args:
        host: the SMTP server.
        port: null for the usual one: 587 with starttls, 465 with tls, 25 with none.
        security: `starttls`, `tls`, or `none` for a server of your own.
        sender: address it comes from.
        to: addresses it goes to.
        user: to log in as; null for no login.
        password_env: name of the variable that holds the password.
        timeout_seconds: for each answer of the server.
        events, severity, title, text, per_hour, quiet, spool, finish_seconds: see
            `aurl.sinks.notify.notifier.Notifier`.

    Raises:
        ConfigError: a value that cannot be used.
    """

    kind = "email"
    apart = True

    def __init__(
        self,
        *,
        host: str | None = None,
        port: int | None = None,
        security: Literal["starttls", "tls", "none"] = "starttls",
        sender: str | None = None,
        to: Sequence[str] = (),
        user: str | None = None,
        password_env: str = "AURL_SMTP_PASSWORD",
        timeout_seconds: float = 10.0,
        events: Sequence[str] = EVENTS_TOLD,
        severity: str = "critical",
        title: str = TITLE,
        text: str = BODY,
        per_hour: int = 20,
        quiet: str | None = None,
        spool: str | None = None,
        finish_seconds: float = 15.0,
    ) -> None:
        super().__init__(
            events=events,
            severity=severity,
            title=title,
            text=text,
            per_hour=per_hour,
            quiet=quiet,
            spool=spool,
            finish_seconds=finish_seconds,
        )
        if not timeout_seconds > 0:
            raise ConfigError(f"email: timeout_seconds={timeout_seconds}: needs more than 0")
        for address in (*to, *([sender] if sender else [])):
            if "@" not in address or not address.isprintable():
                raise ConfigError(f"email: {printable(address)!r} is no address; write name@example.org")
        self._host, self._port, self._security = host, port or _PORTS[security], security
        self._sender, self._to = sender, list(to)
        self._user, self._password_env = user, password_env
        self._timeout_seconds = timeout_seconds

    def missing(self) -> str | None:
        for key, value in (("host", self._host), ("to", self._to)):
            if not value:
                return f"notify.email.{key} is not set; give notify.email.{key}=VALUE"
        if self._user and not os.environ.get(self._password_env):
            return f"the variable {self._password_env} is not set, which holds the password of {self._user}"
        return None

    def destination(self) -> str:
        return f"{self._host}:{self._port} {','.join(self._to)}"

    def send(self, title: str, text: str, message: Message) -> None:
        try:
            with self._connect() as server:
                server.send_message(self._mail(title, text, message))
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
            raise UndeliverableError(f"{self._host}: login as {self._user}: {error}") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if all(code >= 500 for code in codes):
                raise UndeliverableError(f"{self._host} refuses {', '.join(error.recipients)}") from None
            raise OSError(f"{self._host} takes no mail now: {codes}") from None

    def _connect(self) -> smtplib.SMTP:
        assert self._host is not None
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if self._security == "tls":
            server = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_seconds, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_seconds)
        try:
            if self._security == "starttls":
                server.starttls(context=context)
            if self._user:
                server.login(self._user, os.environ.get(self._password_env, ""))
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, title: str, text: str, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = printable(title)[:200]  # no line break: it would begin a header of its own
        mail["From"] = self._sender or self._to[0]
        mail["To"] = ", ".join(self._to)
        mail["X-Aurl-Event"] = message.event
        mail.set_content(f"{text}\n\n{message.folder} on {message.host}, step {message.step}\n")
        return mail
