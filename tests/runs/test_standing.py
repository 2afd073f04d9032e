from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.errors import RunError
from aurl.record import Kind, Record
from aurl.runs.eventlog import EventLog
from aurl.runs.standing import standing_records
from aurl.runs.table import table_of

MOVES = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), max_size=25)


def history(moves: list[tuple[bool, int]]) -> list[Record]:
    """Steps one after the other, and now and then a record that goes on from an earlier one."""
    records, at = [], 0
    for number, (back, step) in enumerate(moves):
        at = min(at, step) if back else at + 1
        fields = {"resumed_from": at} if back else {}
        kind = Kind.NOTE if back else Kind.STEP
        records.append(Record(kind, at, {} if back else {"a": float(number)}, fields, time=float(number)))
    return records


def logged(folder: Path, records: list[Record]) -> Path:
    log = EventLog(folder / "events" / "records.jsonl")
    for record in records:
        log.append(record)
    log.close()
    return folder


@given(MOVES)
def test_what_stands_is_what_the_table_keeps(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[bool, int]]
) -> None:
    records = history(moves)
    run = logged(tmp_path_factory.mktemp("run"), records)
    for end in [number for number, one in enumerate(records) if one.kind is Kind.NOTE]:
        found = [one.time for one in standing_records(run, until=records[end]) if one.scalars]
        expected = table_of(records[: end + 1])["time"].to_list()
        assert found == expected
    assert [one.time for one in standing_records(run) if one.scalars] == table_of(records)["time"].to_list()


def test_no_event_log_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no event log"):
        list(standing_records(tmp_path))
