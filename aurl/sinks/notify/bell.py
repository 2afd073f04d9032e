"""The console bell."""

from __future__ import annotations

import sys

from aurl.sinks.console.screens import is_terminal
from aurl.sinks.notify.message import Message
from aurl.sinks.notify.notifier import Notifier


class Bell(Notifier):
    """Rings the bell of the terminal that the run writes to; elsewhere it does nothing."""

    kind = "bell"

    def missing(self) -> str | None:
        return None if is_terminal(sys.stderr) else "standard error is no terminal"

    def destination(self) -> str:
        return "terminal"

    def send(self, title: str, text: str, message: Message) -> None:
        sys.stderr.write("\a")
        sys.stderr.flush()
