"""Which messages are sent now, which later, and which never."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Sequence

from aurl.errors import ConfigError, did_you_mean
from aurl.record import Severity
from aurl.sinks.notify.message import EVENTS, Message

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)")
_HOUR = 3600.0


class EventSelection:
    """The events that somebody wants to hear of.

    Args:
        events: names of `EVENTS`.
        severity: the mildest alert that counts.

    Raises:
        ConfigError: an unknown event or severity.
    """

    def __init__(self, events: Sequence[str], severity: str) -> None:
        for event in events:
            if event not in EVENTS:
                guess = did_you_mean(event, EVENTS)
                raise ConfigError(f"events={event}: no such event.{guess} Events: {', '.join(EVENTS)}")
        if severity not in list(Severity):
            raise ConfigError(f"severity={severity}: allowed are {', '.join(Severity)}")
        self._events = frozenset(events)
        self._least = Severity(severity).rank

    def wants(self, message: Message) -> bool:
        """Whether it is to be told at all."""
        if message.event not in self._events:
            return False
        known = message.severity in list(Severity)
        return message.event != "alert" or not known or Severity(message.severity).rank >= self._least


class Limit:
    """At most so many messages an hour; the last word about a run always passes.

    Attributes:
        held_back: how many were not let through.

    Args:
        per_hour: 0 for no limit.

    Raises:
        ConfigError: a negative number.
    """

    def __init__(self, per_hour: int) -> None:
        if per_hour < 0:
            raise ConfigError(f"per_hour={per_hour}: needs at least 0, which is no limit")
        self._per_hour = per_hour
        self._sent: deque[float] = deque()
        self.held_back = 0

    def allows(self, message: Message, now: float) -> bool:
        """Whether one more may go; counts it where it may, and counts what is held back."""
        while self._sent and now - self._sent[0] >= _HOUR:
            self._sent.popleft()
        if message.event in ("alert", "best") and 0 < self._per_hour <= len(self._sent):
            self.held_back += 1
            return False
        self._sent.append(now)
        return True


class QuietHours:
    """A time of the day, local, in which only fatal alerts and failures are told; the rest waits for its end.

    Args:
        hours: `22:00-07:00`, over midnight too; None for none.

    Raises:
        ConfigError: not of that form.
    """

    def __init__(self, hours: str | None) -> None:
        self._span: tuple[int, int] | None = None
        if hours is None:
            return
        found = _HOURS.fullmatch(hours)
        if found is None:
            raise ConfigError(f"quiet={hours}: give two times of the day, such as 22:00-07:00, or null")
        begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        self._span = (begin, end) if begin != end else None

    def wait(self, message: Message, now: float) -> float:
        """Seconds that this message has to wait."""
        if self._span is None or message.severity == Severity.FATAL or message.event == "failed":
            return 0.0
        begin, end = self._span
        local = time.localtime(now)
        minute = local.tm_hour * 60 + local.tm_min
        inside = begin <= minute < end if begin < end else minute >= begin or minute < end
        return ((end - minute) % (24 * 60)) * 60.0 - local.tm_sec if inside else 0.0
