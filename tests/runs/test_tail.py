from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.eventlog import EventLog
from aurl.runs.tail import LogTail


def note(number: int) -> Record:
    return Record(Kind.NOTE, number, fields={"message": "x" * (number % 50)}, time=float(number))


def read_all(tail: LogTail) -> list[int]:
    found: list[int] = []
    while records := tail.read():
        found += [record.step for record in records]
    return found


def test_records_come_once_each_in_order_while_the_log_grows(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "records.jsonl")
    with LogTail(tmp_path) as tail:
        assert tail.read() == []
        log.append(note(1))
        log.append(note(2))
        assert read_all(tail) == [1, 2]
        assert tail.read() == []
        log.append(note(3))
        assert read_all(tail) == [3]
    log.close()


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with LogTail(tmp_path) as tail:
        assert tail.read() == []
        log = EventLog(tmp_path / "records.jsonl")
        log.append(note(1))
        assert read_all(tail) == [1]
        log.close()


@pytest.mark.parametrize("looks_every", [1, 7, 1000])
def test_rotation_loses_nothing_however_seldom_one_looks(tmp_path: Path, looks_every: int) -> None:
    log = EventLog(tmp_path / "records.jsonl", segment_bytes=500)
    found: list[int] = []
    with LogTail(tmp_path) as tail:
        for number in range(100):
            log.append(note(number))
            if number % looks_every == 0:
                found += read_all(tail)
        log.close()
        found += read_all(tail)
    assert found == list(range(100))
    assert len(list(tmp_path.iterdir())) > 5


def test_it_can_begin_in_the_middle(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "records.jsonl")
    log.append(note(1))
    begin = (tmp_path / "records.jsonl").stat().st_size
    log.append(note(2))
    log.close()
    with LogTail(tmp_path, begin) as tail:
        assert read_all(tail) == [2]


@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=6), junk=st.sampled_from([b"", b"{torn", b"\xff\xfe", b"[1]"]))
def test_half_written_lines_are_waited_for_and_foreign_ones_left_out(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], junk: bytes
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    data = encode(note(1)) + junk + b"\n" + encode(note(2)) + encode(note(3))
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    found: list[int] = []
    with LogTail(folder) as tail, (folder / "records.jsonl").open("wb", buffering=0) as file:
        for begin, end in pairwise(places):
            file.write(data[begin:end])
            found += read_all(tail)
    assert found == [1, 2, 3]
