"""Messages on the disk until they are delivered: those that a run could not send go out with the next one."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import IO, NamedTuple

import orjson

from aurl.machine.files import replace_file
from aurl.machine.portable import lock
from aurl.sinks.notify.message import Message

_KEPT_SECONDS = 7 * 24 * 3600.0
_MOST = 1000


class Waiting(NamedTuple):
    """A message on the disk and where it lies."""

    path: Path
    message: Message


class Outbox:
    """A folder of messages for one destination; of several processes at a time one sends what others left.

    Args:
        folder: null for `~/.local/state/aurl/notify` (XDG_STATE_HOME).
        kind: of notifier.
        destination: an address or URL; it may be secret, so only its checksum names the folder.
    """

    def __init__(self, folder: str | None, kind: str, destination: str) -> None:
        digest = hashlib.blake2b(destination.encode(), digest_size=6).hexdigest()
        self.folder = (Path(folder) if folder else _default()) / f"{kind}-{digest}"
        self._lock: IO[bytes] | None = None
        self._number = 0

    def open(self) -> list[Waiting]:
        """What earlier runs left, oldest first; nothing where another process is sending it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (self.folder / "lock").open("ab")
        try:
            is_ours = lock(self._lock.fileno(), by_process=False)
        except OSError:
            is_ours = False
        if not is_ours:
            return []
        left = sorted(self.folder.glob("*.json"))
        return [waiting for path in left[-_MOST:] if (waiting := _read(path)) is not None]

    def add(self, message: Message) -> Waiting:
        """Keep a message until `remove`."""
        self._number += 1
        path = self.folder / f"{int(message.time * 1000):015d}-{os.getpid()}-{self._number:04d}.json"
        replace_file(path, orjson.dumps(message.as_json()))
        return Waiting(path, message)

    def remove(self, waiting: Waiting) -> None:
        """It was delivered, or never can be."""
        waiting.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let others send what is left."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _read(path: Path) -> Waiting | None:
    try:
        message = Message(**orjson.loads(path.read_bytes()))
    except (OSError, TypeError, orjson.JSONDecodeError):
        path.unlink(missing_ok=True)
        return None
    if time.time() - message.time > _KEPT_SECONDS:
        path.unlink(missing_ok=True)
        return None
    return Waiting(path, message)


def _default() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "aurl" / "notify"
