"""What is kept between comparisons, for how long, and that nothing but time depends on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from aurl.compare import cache
from aurl.compare.cache import recall, remember, stamp

DAY = 86_400.0


def test_what_was_kept_is_known_again_and_nothing_else() -> None:
    many = {f"key {at}": bytes([at % 256]) for at in range(1200)}
    remember(many)
    assert recall([*many, "another"]) == many
    remember({"key 1": b"new"})
    assert recall(["key 1"]) == {"key 1": b"new"}
    assert recall([]) == {}


def test_what_nobody_used_for_a_month_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000 * DAY]
    monkeypatch.setattr(cache.time, "time", lambda: now[0])
    remember({"old": b"1", "used": b"2"})
    now[0] += 20 * DAY
    assert recall(["used"]) == {"used": b"2"}
    now[0] += 15 * DAY
    remember({"new": b"3"})
    assert recall(["old", "used", "new"]) == {"used": b"2", "new": b"3"}


def test_a_damaged_cache_counts_as_empty(own_cache: Path) -> None:
    remember({"a": b"1"})
    [file] = own_cache.rglob("compare.sqlite")
    file.write_bytes(b"no database" * 100)
    assert recall(["a"]) == {}
    remember({"a": b"2"})
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(file).execute("SELECT * FROM kept")


def test_a_stamp_changes_when_the_file_does(tmp_path: Path) -> None:
    file = tmp_path / "x"
    assert stamp(file) == "-"
    file.write_text("a")
    first = stamp(file)
    file.write_text("ab")
    assert stamp(file) != first != "-"
