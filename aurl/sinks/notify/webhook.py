"""Messages to a webhook: Slack, Discord, or any address that takes JSON."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Sequence
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from aurl.errors import ConfigError
from aurl.sinks.notify.message import BODY, TITLE, Message
from aurl.sinks.notify.notifier import EVENTS_TOLD, Notifier, UndeliverableError

Style = Literal["auto", "slack", "discord", "json"]
_LONGEST = {"slack": 3000, "discord": 1900}
_FOR_LATER = frozenset({408, 425, 429})  # of the 4xx those that say: not now


class Webhook(Notifier):
    """Posts messages to a URL, which is secret and comes from the environment.

    Args:
        url_env: name of the variable that holds the URL.
        style: how the message is put: `slack` and `discord` as these want it, `json` as an object with the keys
            event, severity, title, what, text, run, folder, host, step and time; `auto` tells by the host.
        timeout_seconds: for an answer.
        events, severity, title, text, per_hour, quiet, spool, finish_seconds: see
            `aurl.sinks.notify.notifier.Notifier`.

    Raises:
        ConfigError: a value that cannot be used.
    """

    kind = "webhook"
    apart = True

    def __init__(
        self,
        *,
        url_env: str = "AURL_WEBHOOK_URL",
        style: Style = "auto",
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
            raise ConfigError(f"webhook: timeout_seconds={timeout_seconds}: needs more than 0")
        self._url_env = url_env
        self._style = style
        self._timeout_seconds = timeout_seconds

    def missing(self) -> str | None:
        url = self.destination()
        if not url:
            return f"the variable {self._url_env} is not set; export {self._url_env}=https://..."
        if urlsplit(url).scheme not in ("http", "https"):
            return f"{self._url_env} holds no http or https URL"
        return None

    def destination(self) -> str:
        return os.environ.get(self._url_env, "").strip()

    def send(self, title: str, text: str, message: Message) -> None:
        url = self.destination()
        body = json.dumps(payload(self._chosen_style(url), title, text, message)).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "aurl"}
        try:
            with urlopen(Request(url, body, headers), timeout=self._timeout_seconds) as answer:
                answer.read(1024)
        except HTTPError as error:
            if 400 <= error.code < 500 and error.code not in _FOR_LATER:
                raise UndeliverableError(f"HTTP {error.code} {error.reason}; is {self._url_env} right?") from None
            raise OSError(f"HTTP {error.code} {error.reason}") from None  # without the URL
        except http.client.HTTPException as error:
            raise OSError(f"no HTTP answer: {type(error).__name__}") from None

    def _chosen_style(self, url: str) -> str:
        if self._style != "auto":
            return self._style
        host = urlsplit(url).hostname or ""
        if host.endswith("slack.com"):
            return "slack"
        return "discord" if host.endswith(("discord.com", "discordapp.com")) else "json"


def payload(style: str, title: str, text: str, message: Message) -> dict[str, Any]:
    """What is posted. Slack: https://api.slack.com/messaging/webhooks, Discord: https://discord.com/developers/docs/resources/webhook."""
    if style == "slack":
        return {"text": f"*{_escaped(title)}*\n{_escaped(text)}"[: _LONGEST[style]]}
    if style == "discord":
        return {"content": f"**{title}**\n{text}"[: _LONGEST[style]], "allowed_mentions": {"parse": []}}
    return {"title": title, **message.as_json(), "text": text}


def _escaped(text: str) -> str:
    """Slack's own signs: a message must not call @channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
