"""The table of a long run, made in parts: the same as that of the whole log, whatever was superseded where."""

from __future__ import annotations

import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from aurl.record import Kind, Record
from aurl.runs.eventlog import EventLog, segments
from aurl.runs.row_groups import RowGroups, make_part, part_of, write_parquet
from aurl.runs.rundir import RunDirectory
from aurl.runs.table import scalar_table


def step(number: int, value: float = 1.0) -> Record:
    return Record(Kind.STEP, number, {"loss/total": value, f"some/{number % 3}": value}, {"epoch": 1}, float(number))


def back(to: int) -> Record:
    return Record(Kind.NOTE, max(to, 0), fields={"resumed_from": to})


def logged(run: RunDirectory, records: list[Record], segment_bytes: int = 400) -> None:
    run.create()
    log = EventLog(run.records, segment_bytes=segment_bytes)
    for record in records:
        log.append(record)
    log.close()


def written(run: RunDirectory) -> pl.DataFrame:
    write_parquet(run.path, run.scalars_parquet)
    return pl.read_parquet(run.scalars_parquet)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.one_of(st.integers(0, 30).map(step), st.integers(-1, 30).map(back)), max_size=25),
    st.sets(st.integers(0, 30)),
)
def test_parts_and_whole_log_give_the_same_table(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record], with_part: set[int]
) -> None:
    run = RunDirectory(tmp_path_factory.mktemp("parts") / "run")
    logged(run, records)
    for number, segment in enumerate(segments(run.events)[:-1]):
        if number in with_part:
            make_part(segment)
    assert_frame_equal(written(run), scalar_table(run.path))


def test_a_part_is_taken_and_the_segment_not_read_again(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    logged(run, [step(number) for number in range(20)])
    for segment in segments(run.events)[:-1]:
        make_part(segment)
        segment.write_bytes(b"x" * segment.stat().st_size)  # as many bytes: only reading would tell
    assert written(run)["step"].to_list() == list(range(20))


def test_a_part_of_another_segment_is_not_taken(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    logged(run, [step(number) for number in range(20)])
    segment = segments(run.events)[0]
    make_part(segment)
    assert part_of(segment) is not None
    with segment.open("ab") as file:
        file.write(b"\n")
    assert part_of(segment) is None


@pytest.mark.two_process
def test_parts_are_made_beside_the_run_one_at_a_time(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    logged(run, [step(number) for number in range(12)])
    groups = RowGroups(run)
    deadline = time.monotonic() + 60
    closed = segments(run.events)[:-1]
    assert len(closed) > 1
    while not all(part_of(segment) for segment in closed) and time.monotonic() < deadline:
        groups.keep_up()
        time.sleep(0.05)
    seen: list[int] = []
    groups.finish(run.scalars_parquet, lambda done, of: seen.append(done))
    assert seen == [len(closed)]  # the live segment alone
    assert_frame_equal(pl.read_parquet(run.scalars_parquet), scalar_table(run.path))


def test_a_part_that_cannot_be_made_is_no_obstacle(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    logged(run, [step(number) for number in range(12)])
    (run.events / ".scalars").write_text("a file where the folder belongs")
    groups = RowGroups(run)
    for _ in range(40):
        groups.keep_up()
        time.sleep(0.05)
    groups.finish(run.scalars_parquet)
    assert_frame_equal(pl.read_parquet(run.scalars_parquet), scalar_table(run.path))
