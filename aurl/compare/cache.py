"""What was read from logs before, so that the same comparison is quick the second time.

One SQLite file under `aurl.machine.env.default_cache()`; several comparisons may use it at once. A cache that is
locked, full or damaged counts as empty: nothing depends on it but time.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aurl.machine.env import default_cache

_DAY = 86_400.0
_KEPT_DAYS = 30.0
_AT_ONCE = 500  # SQLite takes no more than 999 values in one question
_TABLE = "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, blob BLOB NOT NULL, used REAL NOT NULL)"


def recall(keys: Sequence[str]) -> dict[str, bytes]:
    """What is known under these keys."""
    found: dict[str, bytes] = {}
    with contextlib.suppress(sqlite3.Error, OSError), _open() as database:
        for start in range(0, len(keys), _AT_ONCE):
            part = list(keys[start : start + _AT_ONCE])
            marks = ",".join("?" * len(part))
            found |= dict(database.execute(f"SELECT key, blob FROM kept WHERE key IN ({marks})", part).fetchall())
            database.execute(f"UPDATE kept SET used = ? WHERE key IN ({marks})", [time.time(), *part])
    return found


def remember(blobs: Mapping[str, bytes]) -> None:
    """Keep these for a month after their last use."""
    if not blobs:
        return
    now = time.time()
    with contextlib.suppress(sqlite3.Error, OSError), _open() as database:
        database.executemany("REPLACE INTO kept VALUES (?, ?, ?)", [(key, blob, now) for key, blob in blobs.items()])
        database.execute("DELETE FROM kept WHERE used < ?", (now - _KEPT_DAYS * _DAY,))


def stamp(path: Path) -> str:
    """What changes when a file does: its path, size and time of change; `-` for one that is not there."""
    try:
        status = path.stat()
    except OSError:
        return "-"
    return f"{path.absolute()}:{status.st_size}:{status.st_mtime_ns}"


@contextlib.contextmanager
def _open() -> Iterator[sqlite3.Connection]:
    folder = default_cache()
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(folder / "compare.sqlite", timeout=5.0)
    try:
        with database:
            database.execute(_TABLE)
            yield database
    finally:
        database.close()
