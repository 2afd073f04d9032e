from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.csv import CsvSink
from tests.sinks.conftest import step, whole_run


def show(run: RunDirectory, records: list[Record], flush_every: int = 3) -> CsvSink:
    sink = CsvSink()
    sink.open(run)
    for number, record in enumerate(records):
        sink.write(record)
        if number % flush_every == 0:
            sink.flush()
    sink.close()
    return sink


def read(run: RunDirectory, kind: str) -> pl.DataFrame:
    return pl.read_csv(run.events / "csv" / f"{kind}.csv", infer_schema_length=None)


def test_each_kind_with_scalars_has_its_table(run: RunDirectory) -> None:
    show(run, whole_run())
    steps = read(run, "step")
    assert steps["step"].to_list() == [1, 2, 3, 4]
    assert steps["loss/kl"].to_list() == [0.125] * 4
    assert steps["epoch"].to_list() == [1, 1, 1, 1]
    assert read(run, "eval")["val/accuracy"].to_list() == [0.44]
    assert {file.stem for file in (run.events / "csv").iterdir()} >= {"step", "eval", "epoch", "system", "sample"}


def test_a_late_name_becomes_a_column_and_loses_no_row(run: RunDirectory) -> None:
    late = Record(Kind.STEP, 5, {"grad/max": 2.0}, {}, 5.0)
    show(run, [step(1), step(2), late, step(6)], flush_every=1)
    table = read(run, "step")
    assert table["step"].to_list() == [1, 2, 5, 6]
    assert table["grad/max"].to_list() == [None, None, 2.0, None]


def test_a_resumed_run_appends_and_drops_what_it_gave_up(run: RunDirectory) -> None:
    show(run, [step(number) for number in range(1, 6)])
    show(run, [Record(Kind.START, 3, {}, {"resumed_from": 3}, 9.0), step(4)])
    assert read(run, "step")["step"].to_list() == [1, 2, 3, 4]


def test_values_that_are_not_finite_come_back(run: RunDirectory) -> None:
    show(run, [Record(Kind.STEP, 1, {"a": math.nan, "b": math.inf, "c": -math.inf}, {}, 1.0)])
    row = read(run, "step").row(0, named=True)
    assert math.isnan(float(row["a"]))
    assert (float(row["b"]), float(row["c"])) == (math.inf, -math.inf)


def test_ten_thousand_names_are_one_rewrite(run: RunDirectory) -> None:
    show(run, [Record(Kind.STEP, 1, {f"metric/{number}": 1.0 for number in range(10_000)}, {}, 1.0), step(2)])
    assert len(read(run, "step").columns) > 10_000


NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(["step", "time", "slot"])


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.dictionaries(NAMES, st.floats(allow_nan=False), max_size=4), max_size=8))
def test_any_names_and_values_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, float]]) -> None:
    run = RunDirectory(tmp_path_factory.mktemp("csv"))
    records = [Record(Kind.STEP, number, row, {}, float(number)) for number, row in enumerate(rows)]
    show(run, records, flush_every=2)
    kept = [record for record in records if record.scalars]
    path = run.events / "csv" / "step.csv"
    assert path.is_file() == bool(kept)
    if kept:
        table = pl.read_csv(path, infer_schema=False)
        assert table["step"].to_list() == [str(record.step) for record in kept]
        values = table.drop("step", "time", "epoch", "slot").rows()
        found = [sorted(float(value) for value in row if value is not None) for row in values]
        assert found == [sorted(record.scalars.values()) for record in kept]
