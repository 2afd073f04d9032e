"""What all notifiers share: which records they tell of, when, and that nothing is lost while nobody answers."""

from __future__ import annotations

import heapq
import random
import socket
import time
from abc import abstractmethod
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from aurl.errors import ConfigError
from aurl.machine.secrets import mask_text
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.notify.message import BODY, TITLE, Message, check_template, death_of, fill, message_of
from aurl.sinks.notify.outbox import Outbox, Waiting
from aurl.sinks.notify.rules import EventSelection, Limit, QuietHours

_FIRST_RETRY, _LONGEST_RETRY = 2.0, 300.0
EVENTS_TOLD = ("alert", "failed", "stopped", "preempted", "done")


class UndeliverableError(Exception):
    """The receiver refuses for good: a wrong address, no permission. Trying again would not help."""


class _Due(NamedTuple):
    """A message that waits for its time; ordered by it."""

    when: float
    order: int
    waiting: Waiting


class Notifier(Sink):
    """Sends messages about a run; a subclass says how, in `send`.

    Each message is on the disk before it is sent, and is tried again with growing pauses (2 s to 5 min). What is left
    at the end of the run is sent by the next run that notifies the same receiver.

    Args:
        events: what to tell of: alert, best, done, failed, stopped, preempted.
        severity: the mildest alert that is told.
        title, text: templates of `{run}`, `{what}`, `{text}`, `{event}`, `{severity}`, `{step}`, `{folder}`, `{host}`.
        per_hour: alerts and best ones at most; 0 for no limit.
        quiet: hours of the day, `22:00-07:00`, in which only fatal alerts and failures are told; the rest waits.
        spool: folder of messages that wait; null for ~/.local/state/aurl/notify.
        finish_seconds: how long the end of a run waits for the last message.

    Raises:
        ConfigError: a value that cannot be used.
    """

    kind = ""

    def __init__(
        self,
        *,
        events: Sequence[str] = EVENTS_TOLD,
        severity: str = "critical",
        title: str = TITLE,
        text: str = BODY,
        per_hour: int = 20,
        quiet: str | None = None,
        spool: str | None = None,
        finish_seconds: float = 15.0,
    ) -> None:
        check_template("title", title)
        check_template("text", text)
        if not finish_seconds > 0:
            raise ConfigError(f"finish_seconds={finish_seconds}: needs more than 0")
        self.finish_seconds = finish_seconds
        self._selection = EventSelection(events, severity)
        self._limit = Limit(per_hour)
        self._quiet = QuietHours(quiet)
        self._title, self._text = title, text
        self._folder = spool
        self._outbox: Outbox | None = None
        self._place: dict[str, str] = {}
        self._due: list[_Due] = []
        self._order = count()
        self._step = 0
        self._alive = False  # between a START and its END
        self._failures = 0  # in a row
        self._not_before = 0.0

    @abstractmethod
    def missing(self) -> str | None:
        """What the environment lacks, as a sentence with the next step; None where all is there."""

    @abstractmethod
    def destination(self) -> str:
        """The receiver, which may be secret: it tells one outbox from another."""

    @abstractmethod
    def send(self, title: str, text: str, message: Message) -> None:
        """Deliver one message, in a bounded time.

        Raises:
            OSError: it did not work and is to be tried again.
            UndeliverableError: it never will.
        """

    def open(self, run: RunDirectory) -> None:
        if lack := self.missing():
            self.tell(f"notify={self.kind}: {lack}; nothing is sent", "warning")
            return
        self._place = {"run": run.id, "folder": str(run.path), "host": socket.gethostname()}
        self._outbox, left = self._open_outbox(run)
        for waiting in left:
            self._enqueue(waiting, time.time())

    def write(self, record: Record) -> None:
        if self._outbox is None:
            return
        self._step = max(self._step, record.step)
        if record.kind in (Kind.START, Kind.END):
            self._alive = record.kind is Kind.START
        if (message := message_of(record, self._place)) is not None:
            self._take(message)

    def flush(self) -> None:
        while self._due and max(self._due[0].when, self._not_before) <= time.time():
            self._attempt(heapq.heappop(self._due))

    def close(self) -> None:
        if self._outbox is None:
            return
        if self._alive:
            self._take(death_of(self._step, time.time(), self._place))
        self._not_before = 0.0  # a last attempt
        self.flush()
        if self._due:
            self.tell(f"notify={self.kind}: {len(self._due)} messages wait in {self._outbox.folder} for the next run")
        self._outbox.close()
        self._outbox = None

    def _open_outbox(self, run: RunDirectory) -> tuple[Outbox, list[Waiting]]:
        outbox = Outbox(self._folder, self.kind, self.destination())
        try:
            return outbox, outbox.open()
        except OSError:  # a home folder that may not be written
            outbox = Outbox(str(run.events / "notify"), self.kind, self.destination())
            return outbox, outbox.open()

    def _take(self, message: Message) -> None:
        assert self._outbox is not None
        now = time.time()
        if self._selection.wants(message) and self._limit.allows(message, now):
            self._enqueue(self._outbox.add(message), now)

    def _enqueue(self, waiting: Waiting, now: float) -> None:
        when = now + self._quiet.wait(waiting.message, now)
        heapq.heappush(self._due, _Due(when, next(self._order), waiting))

    def _attempt(self, due: _Due) -> None:
        assert self._outbox is not None
        message = due.waiting.message
        title, text = fill(self._title, message), fill(self._text, message)
        if self._limit.held_back:
            text += f"\n({self._limit.held_back} more messages were held back: per_hour)"
        try:
            self.send(title, text, message)
        except UndeliverableError as error:
            self._outbox.remove(due.waiting)
            self.tell(f"notify={self.kind}: refused for good: {mask_text(str(error))}", "error")
        except OSError as error:
            heapq.heappush(self._due, due)
            self._pause(error)
        else:
            self._outbox.remove(due.waiting)
            self._limit.held_back = 0
            self._failures = 0

    def _pause(self, error: OSError) -> None:
        """Nobody answers: let all messages wait, longer each time."""
        if self._failures == 0:
            reason = mask_text(f"{type(error).__name__}: {error}")
            self.tell(f"notify={self.kind}: not delivered ({reason}); it is tried again", "warning")
        pause = min(_LONGEST_RETRY, _FIRST_RETRY * 2.0**self._failures) * random.uniform(0.8, 1.2)
        self._failures += 1
        self._not_before = time.time() + pause
