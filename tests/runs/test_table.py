from __future__ import annotations

import math

import polars as pl

from aurl.record import Kind, Record
from aurl.runs.table import CHUNK, table_of


def step(number: int, **scalars: float) -> Record:
    return Record(Kind.STEP, number, scalars, {"epoch": 1}, float(number))


def test_a_row_per_record_with_scalars_and_null_where_nothing_was_logged() -> None:
    table = table_of([step(1, a=1.0), Record(Kind.NOTE, 1), step(2, b=math.nan), Record(Kind.EVAL, 2, {"a": 3})])
    assert table.columns == ["kind", "step", "time", "epoch", "a", "b"]
    assert table["a"].to_list() == [1.0, None, 3.0]
    assert table["b"][0] is None
    assert math.isnan(table["b"][1])
    assert table["epoch"].to_list() == [1, 1, None]


def test_what_a_resume_or_a_rollback_repeats_is_superseded() -> None:
    resumed = Record(Kind.START, 2, fields={"resumed_from": 2})
    rolled_back = Record(Kind.NOTE, 1, fields={"resumed_from": 1, "module": "recovery"})
    table = table_of([step(1, a=1), step(2, a=2), step(3, a=3), resumed, step(3, a=30), rolled_back, step(2, a=20)])
    assert dict(zip(table["step"], table["a"], strict=True)) == {1: 1.0, 2: 20.0}


def test_long_logs_come_in_chunks_and_new_names_late() -> None:
    records = [step(number, a=float(number)) for number in range(CHUNK + 5)]
    table = table_of([*records, step(CHUNK + 5, late=1.0)])
    assert table.height == CHUNK + 6
    assert table["late"].drop_nulls().to_list() == [1.0]
    assert table["a"].drop_nulls().to_list() == [float(number) for number in range(CHUNK + 5)]


def test_nothing_gives_an_empty_table() -> None:
    assert table_of([]).height == 0
    assert isinstance(table_of([]), pl.DataFrame)


def test_an_epoch_that_is_no_number_is_none() -> None:
    epochs = ["two", 2, 2.0]
    records = [Record(Kind.STEP, step, {"loss": 1.0}, {"epoch": epoch}) for step, epoch in enumerate(epochs, 1)]
    assert table_of(records)["epoch"].to_list() == [None, 2, 2]
