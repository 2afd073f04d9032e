"""Following a log that is appended to, rotated, cut, rewritten, replaced or removed: nothing lost, nothing twice."""

from __future__ import annotations

import os
import shutil
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.record import Kind, Record
from aurl.runs import tail as tail_module
from aurl.runs.codec import encode
from aurl.runs.eventlog import EventLog
from aurl.runs.tail import Follower, LogReplacedError, LogTail


def line(number: int) -> bytes:
    return encode(Record(Kind.STEP, number, {"loss/total": 10.0}, {"pad": "x" * (number % 50)}, float(number)))


def lines(*numbers: int) -> bytes:
    return b"".join(map(line, numbers))


def steps(log: LogTail | Follower) -> list[int]:
    return [record.step for record in log.records()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    events = tmp_path / "events"
    events.mkdir()
    (events / "records.jsonl").write_bytes(lines(1, 2, 3))
    return events / "records.jsonl"


def append(log: Path, content: bytes) -> None:
    with log.open("ab", buffering=0) as file:
        file.write(content)


def read(tail: LogTail) -> bytes:
    return b"".join(tail.blocks())


def test_only_what_is_new(log: Path) -> None:
    tail = LogTail(log.parent)
    assert read(tail) == log.read_bytes()
    assert not tail.changed()
    assert read(tail) == b""
    append(log, line(4))
    assert tail.changed()
    assert read(tail) == line(4)


@pytest.mark.parametrize("kind", [LogTail, Follower])
def test_a_line_waits_for_its_newline(log: Path, kind: type[LogTail | Follower]) -> None:
    tail = kind(log.parent)
    assert steps(tail) == [1, 2, 3]
    append(log, line(4)[:20])
    assert steps(tail) == []
    append(log, line(4)[20:])
    assert steps(tail) == [4]


@pytest.mark.parametrize("kind", [LogTail, Follower])
def test_lines_that_are_no_records_are_left_out(log: Path, kind: type[LogTail | Follower]) -> None:
    append(log, b'{"torn by a kill\n\xff\xfe nonsense\n{}\n\r\n[1]\n' + line(4))
    assert steps(kind(log.parent)) == [1, 2, 3, 4]


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 600), max_size=12), junk=st.sampled_from([b"", b"{torn", b"\xff\xfe", b"[1]"]))
def test_nothing_is_lost_or_cut_however_the_writer_stutters(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], junk: bytes
) -> None:
    events = tmp_path_factory.mktemp("events")
    whole = line(1) + junk + b"\n" + lines(2, 3)
    places = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})
    tail, follower = LogTail(events), Follower(events)
    seen, given_out = b"", []
    with (events / "records.jsonl").open("wb", buffering=0) as file:
        for begin, end in pairwise(places):
            file.write(whole[begin:end])
            blocks = list(tail.blocks())
            assert all(block.endswith(b"\n") for block in blocks)
            seen += b"".join(blocks)
            given_out += steps(follower)
    assert seen == whole
    assert given_out == [1, 2, 3]


@pytest.mark.parametrize("kind", [LogTail, Follower])
@pytest.mark.parametrize("looks_every", [1, 7, 1000])
def test_rotation_loses_nothing_however_seldom_one_looks(
    tmp_path: Path, looks_every: int, kind: type[LogTail | Follower]
) -> None:
    log = EventLog(tmp_path / "records.jsonl", segment_bytes=500)
    tail, found = kind(tmp_path), []
    for number in range(100):
        log.append(Record(Kind.STEP, number, fields={"pad": "x" * 40}))
        if number % looks_every == 0:
            found += steps(tail)
    log.close()
    found += steps(tail)
    assert found == list(range(100))
    assert len(list(tmp_path.iterdir())) > 5


def test_a_log_that_rotates_while_it_is_looked_at_is_not_taken_for_another_one(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "records.jsonl", segment_bytes=1)  # every record closes a segment
    written = threading.Thread(target=lambda: [log.append(Record(Kind.STEP, number)) for number in range(300)])
    tail, found = LogTail(tmp_path), []
    written.start()
    while written.is_alive():
        found += steps(tail)
    found += steps(tail)
    log.close()
    assert found == list(range(300))


def test_the_folder_changes_between_the_list_and_the_look(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tail = LogTail(log.parent)
    steps(tail)
    plain, calls = tail_module.segments, []

    def rotating(events: Path) -> list[Path]:
        found = plain(events)
        if not calls:  # just after the names were read, before any file is looked at
            log.rename(events / "records.000001.jsonl")
            log.write_bytes(line(4))
        calls.append(found)
        return found

    monkeypatch.setattr(tail_module, "segments", rotating)
    assert steps(tail) == [4]


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


def test_a_rewritten_log_is_shown_to_those_who_take_nothing_back(log: Path) -> None:
    follower = Follower(log.parent)
    assert steps(follower) == [1, 2, 3]
    log.write_bytes(lines(7, 8, 9, 10))
    assert steps(follower) == [7, 8, 9, 10]
    assert follower.replaced == 1


def test_a_log_put_back_with_more_in_it_gives_only_what_is_more(log: Path) -> None:
    follower = Follower(log.parent)
    assert steps(follower) == [1, 2, 3]
    copy = log.with_name("copy")
    shutil.copy(log, copy)
    append(copy, line(4) + line(4))  # twice the same is two records
    copy.rename(log)  # as rsync does
    assert steps(follower) == [4, 4]
    append(log, line(5))
    assert steps(follower) == [5]
    assert follower.replaced == 1


def test_an_edited_log_gives_only_the_lines_that_are_new(log: Path) -> None:
    follower = Follower(log.parent)
    assert steps(follower) == [1, 2, 3]
    log.write_bytes(lines(1, 3))
    assert steps(follower) == []
    log.write_bytes(lines(1, 3, 2, 4))
    assert steps(follower) == [4]


def test_who_began_within_the_log_is_not_shown_what_came_before(log: Path) -> None:
    tail = LogTail(log.parent)
    tail.skip_to_end()
    follower = Follower(log.parent, tail.places)
    append(log, line(4))
    assert steps(follower) == [4]
    content = log.read_bytes()
    log.unlink()
    log.write_bytes(content + line(5))
    assert steps(follower) == [5]


def test_a_log_that_is_removed_and_begun_again(log: Path) -> None:
    follower = Follower(log.parent)
    assert steps(follower) == [1, 2, 3]
    log.unlink()
    assert steps(follower) == []
    log.write_bytes(line(4))
    assert steps(follower) == [4]


def test_it_goes_on_from_places_that_were_kept(log: Path) -> None:
    tail = LogTail(log.parent)
    read(tail)
    append(log, line(4))
    again = LogTail(log.parent, tail.places)
    assert again.holds()
    assert steps(again) == [4]
    assert again.bytes_read() == again.size()


def test_skipping_to_the_end_passes_over_closed_segments_too(log: Path) -> None:
    log.rename(log.with_name("records.000001.jsonl"))
    log.write_bytes(line(4))
    tail = LogTail(log.parent)
    tail.skip_to_end()
    append(log, line(5))
    assert steps(tail) == [5]


@pytest.mark.parametrize("kind", [LogTail, Follower])
def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path, kind: type[LogTail | Follower]) -> None:
    tail = kind(tmp_path / "events")
    assert steps(tail) == []
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "records.jsonl").write_bytes(line(1))
    assert steps(tail) == [1]


def test_a_line_longer_than_any_record_is_passed_over(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "BLOCK_BYTES", 256)
    monkeypatch.setattr(tail_module, "LONGEST_LINE", 1024)
    log.write_bytes(b"x" * 5000 + b"\n" + line(1))
    tail = LogTail(log.parent)
    assert steps(tail) == [1]
    assert tail.skipped


def test_a_link_in_a_folder_of_strangers_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(line(1))
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "records.jsonl").symlink_to(secret)
    assert read(LogTail(tmp_path / "events", trusted=False)) == b""
    assert steps(LogTail(tmp_path / "events")) == [1]
