"""The text log from its end: whole messages, wherever a piece of the file begins."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.dashboard.live import textlog
from aurl.dashboard.live.textlog import after, search


def message(number: int, level: str = "INFO") -> str:
    head = f"[2026-11-23 09:42:{number % 60:02}.{number % 1000:03}] [{level}] [train] Step {number}:"
    return f"{head} learning rate 0.1\n  - Epoch: 1/1\n  - Losses: {{total: {number}}}\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "train.log").write_text("".join(message(number) for number in range(200)))
    return tmp_path


def numbers(found: textlog.Found) -> list[int]:
    return [int(entry.text.split()[1].rstrip(":")) for entry in found.entries]


@pytest.mark.parametrize("piece", [150, 1000, 10**6])
def test_page_by_page_from_the_end(logs: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(textlog, "_PIECE", piece)
    seen: list[int] = []
    before: int | None = None
    while True:
        found = search(logs, tail=30, before=before)
        seen = numbers(found) + seen
        assert all(len(entry.more) == 2 for entry in found.entries)
        if found.next is None:
            break
        before = found.next
    assert seen == list(range(200))


def test_what_is_looked_for(logs: Path) -> None:
    assert numbers(search(logs, wanted="TOTAL: 17}")) == [17]
    with (logs / "train.log").open("a") as file:
        file.write(message(900, "ERROR") + "a line of a traceback\n")
    (error,) = search(logs, level="WARNING").entries
    assert (error.level, error.more[-1]) == ("ERROR", "a line of a traceback")


def test_rotated_parts_are_searched_too_and_damaged_ones_passed_over(logs: Path) -> None:
    (logs / "train.log.1.gz").write_bytes(gzip.compress(message(1001).encode()))
    (logs / "train.log.2.gz").write_bytes(b"\x1f\x8b damaged")
    (logs / "train.log.3.gz").write_bytes(gzip.compress(message(1003).encode()))
    found = search(logs, wanted="step 100")
    assert numbers(found) == [1003, 1001, 100]
    assert found.complete


def test_a_log_that_is_not_one(tmp_path: Path) -> None:
    assert search(tmp_path).entries == []
    (tmp_path / "train.log").write_bytes(bytes(range(256)) * 100)
    assert search(tmp_path).size == 25_600


@settings(deadline=None)
@given(st.binary(max_size=2000), st.integers(1, 50))
def test_any_bytes_can_be_searched(content: bytes, tail: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train.log").write_bytes(content)
        assert len(search(Path(folder), tail=tail).entries) <= tail


def test_what_is_new(logs: Path) -> None:
    path = logs / "train.log"
    end = path.stat().st_size
    assert after(path, end) == ([], end)
    with path.open("a") as file:
        file.write(message(200) + "[2026-11-23 half a li")
    entries, end = after(path, end)
    assert [entry.text for entry in entries] == ["Step 200: learning rate 0.1"]
    path.write_text(message(0))
    entries, _ = after(path, end)
    assert [entry.text for entry in entries] == ["Step 0: learning rate 0.1"]
