"""Following a log that is appended to, rotated, cut short, replaced or removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.dashboard.store import tail as tail_module
from aurl.dashboard.store.tail import LogReplacedError, LogTail
from aurl.runs.codec import encode
from tests.dashboard.runs import step, steps, write


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write(tmp_path, steps(3))
    return tmp_path / "events" / "records.jsonl"


def read(tail: LogTail) -> bytes:
    return b"".join(tail.blocks())


def test_only_what_is_new(log: Path) -> None:
    tail = LogTail(log.parent)
    assert read(tail) == log.read_bytes()
    assert not tail.changed()
    assert read(tail) == b""
    write(log.parent.parent, [step(4)])
    assert tail.changed()
    assert read(tail) == encode(step(4))


def test_a_line_waits_for_its_newline(log: Path) -> None:
    tail = LogTail(log.parent)
    read(tail)
    line = encode(step(4))
    with log.open("ab") as file:
        file.write(line[:20])
    assert read(tail) == b""
    with log.open("ab") as file:
        file.write(line[20:])
    assert read(tail) == line


@settings(deadline=None)
@given(st.lists(st.integers(1, 400), max_size=12))
def test_no_line_is_lost_or_cut_however_the_writer_stutters(cuts: list[int]) -> None:
    import tempfile

    whole = b"".join(map(encode, steps(8)))
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder)
        tail, seen = LogTail(events), b""
        for piece in [*cuts, len(whole)]:
            written = (events / "records.jsonl").stat().st_size if (events / "records.jsonl").exists() else 0
            with (events / "records.jsonl").open("ab") as file:
                file.write(whole[written : written + piece])
            for block in tail.blocks():
                assert block.endswith(b"\n")
                seen += block
        assert seen == whole


def test_over_a_rotation(log: Path) -> None:
    run = log.parent.parent
    tail = LogTail(log.parent)
    read(tail)
    write(run, steps(10, first=4), segment_bytes=1)  # each record closes a segment
    assert len(list(log.parent.glob("records.*.jsonl"))) == 7
    assert read(tail) == b"".join(map(encode, steps(10, first=4)))
    write(run, [step(11)])
    assert read(tail) == encode(step(11))
    fresh = LogTail(log.parent)
    assert read(fresh) == b"".join(map(encode, steps(11)))
    assert fresh.read() == fresh.size()


@pytest.mark.parametrize("spoil", ["shorter", "rewritten", "removed", "replaced"])
def test_another_log_is_noticed(log: Path, spoil: str) -> None:
    tail = LogTail(log.parent)
    read(tail)
    content = log.read_bytes()
    if spoil == "shorter":
        os.truncate(log, 10)
    elif spoil == "rewritten":
        log.write_bytes(content.replace(b"10.0", b"99.0") + b"more\n")
    else:
        log.rename(log.with_name("elsewhere"))
    if spoil == "replaced":
        log.write_bytes(content)
    assert tail.changed()
    assert not tail.holds()
    with pytest.raises(LogReplacedError):
        read(tail)


def test_it_goes_on_from_places_that_were_kept(log: Path) -> None:
    tail = LogTail(log.parent)
    read(tail)
    write(log.parent.parent, [step(4)])
    again = LogTail(log.parent, tail.places)
    assert again.holds()
    assert read(again) == encode(step(4))


def test_no_log_yet(tmp_path: Path) -> None:
    tail = LogTail(tmp_path / "events")
    assert read(tail) == b""
    write(tmp_path, [step(1)])
    assert read(tail) == encode(step(1))


def test_a_line_longer_than_any_record_is_passed_over(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "BLOCK_BYTES", 256)
    monkeypatch.setattr(tail_module, "LONGEST_LINE", 1024)
    log.write_bytes(b"x" * 5000 + b"\n" + encode(step(1)))
    tail = LogTail(log.parent)
    assert read(tail).endswith(encode(step(1)))
    assert tail.skipped


def test_a_log_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("password\n")
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "records.jsonl").symlink_to(secret)
    assert read(LogTail(tmp_path / "events")) == b""
