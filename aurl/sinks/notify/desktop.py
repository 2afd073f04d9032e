"""Messages on the desktop, by notify-send."""

from __future__ import annotations

import shutil
import subprocess

from aurl.sinks.notify.message import Message
from aurl.sinks.notify.notifier import Notifier

_URGENCY = {"info": "low", "warning": "normal"}
_SECONDS = 5.0


class Desktop(Notifier):
    """Shows messages on the desktop of this machine, with notify-send (Debian: libnotify-bin)."""

    kind = "desktop"
    apart = True  # a desktop that does not answer keeps nobody waiting

    def missing(self) -> str | None:
        if shutil.which("notify-send") is None:
            return "the program notify-send is not installed (Debian: apt install libnotify-bin)"
        return None

    def destination(self) -> str:
        return "desktop"

    def send(self, title: str, text: str, message: Message) -> None:
        urgency = _URGENCY.get(message.severity, "critical")
        command = ["notify-send", f"--urgency={urgency}", "--app-name=aurl", "--", title, text]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
        except subprocess.SubprocessError as error:
            raise OSError(f"notify-send: {error}") from error
