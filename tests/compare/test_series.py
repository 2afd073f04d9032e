"""Curves as they come out of tables, logs and the cache."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aurl.compare import series
from aurl.compare.series import RunSeries, read_one, read_series
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.listing import read_run
from tests.compare.runs import METRIC, T0, curve, write_run


def append(run: Path, *records: Record) -> None:
    with (run / "events" / "records.jsonl").open("ab") as log:
        log.writelines(map(encode, records))


def values(found: RunSeries, metric: str = METRIC) -> dict[int, float]:
    read = found.curves[metric]
    return dict(zip(read.steps.tolist(), read.values.tolist(), strict=True))


@pytest.mark.parametrize("table", [True, False])
def test_table_and_log_give_the_same_curves(tmp_path: Path, table: bool) -> None:
    points = [(1, 2.0), (5, math.nan), (9, 1.0)]
    run = read_run(write_run(tmp_path / "a", points, others={"other": 3.0, "unread": 1.0}, table=table))
    found = read_one(run, [METRIC, "other", "missing"])
    assert sorted(found.curves) == ["other", METRIC]
    np.testing.assert_array_equal(found.curves[METRIC].steps, [1, 5, 9])
    np.testing.assert_array_equal(found.curves[METRIC].values, [2.0, math.nan, 1.0])
    np.testing.assert_allclose(found.curves[METRIC].seconds, [0.0, 4.0, 8.0])


def test_a_table_older_than_the_log_is_not_used(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [(1, 2.0)])
    append(path, Record(Kind.EVAL, 2, {METRIC: 1.0}, {}, T0 + 2))
    os.utime(path / "events" / "scalars.parquet", (1, 1))
    assert values(read_one(read_run(path), [METRIC])) == {1: 2.0, 2: 1.0}


def test_a_table_that_ends_before_the_run_is_not_used_even_if_it_looks_newer(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [(1, 2.0)], step=2)
    append(path, Record(Kind.EVAL, 2, {METRIC: 1.0}, {}, T0 + 2))
    os.utime(path / "events" / "scalars.parquet", (2e9, 2e9))
    assert values(read_one(read_run(path), [METRIC])) == {1: 2.0, 2: 1.0}


def test_a_broken_table_falls_back_on_the_log(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [(1, 2.0)])
    (path / "events" / "scalars.parquet").write_bytes(b"PAR1 not really")
    assert values(read_one(read_run(path), [METRIC])) == {1: 2.0}


def test_what_a_resume_trained_again_counts_once_and_its_pause_is_no_work(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [(10, 3.0), (20, 2.0), (30, 9.0)], status="running", table=False)
    append(
        path,
        Record(Kind.START, 20, {}, {"resumed_from": 20}, T0 + 1000),
        Record(Kind.EVAL, 30, {METRIC: 1.0}, {}, T0 + 1010),
    )
    found = read_one(read_run(write_again(path, resumes=[{"time": T0 + 1000, "step": 20}])), [METRIC])
    assert values(found) == {10: 3.0, 20: 2.0, 30: 1.0}
    assert found.curves[METRIC].seconds[-1] == pytest.approx(20.0)


def write_again(path: Path, **changes: Any) -> Path:
    import json

    file = path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return path


def test_an_epoch_s_mean_does_not_stand_in_for_a_step_and_samples_of_a_step_are_averaged(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [], table=False)
    append(
        path,
        Record(Kind.STEP, 1, {"loss/total": 3.0}, {}, T0),
        Record(Kind.STEP, 2, {"loss/total": 1.0}, {}, T0),
        Record(Kind.EPOCH, 2, {"loss/total": 2.0}, {}, T0),
        Record(Kind.QUALITY, 2, {"quality/overall": 0.2}, {}, T0),
        Record(Kind.QUALITY, 2, {"quality/overall": 0.4}, {}, T0),
    )
    found = read_one(read_run(path), ["loss/total", "quality/overall"])
    assert values(found, "loss/total") == {1: 3.0, 2: 1.0}
    assert values(found, "quality/overall") == {2: pytest.approx(0.3)}


def test_damaged_lines_are_left_out_and_told(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [(1, 2.0)], table=False)
    with (path / "events" / "records.jsonl").open("ab") as log:
        log.write(b'{"torn\n')
    append(path, Record(Kind.EVAL, 3, {METRIC: 1.0}, {}, T0))
    found = read_one(read_run(path), [METRIC])
    assert values(found) == {1: 2.0, 3: 1.0}
    assert "1 damaged lines" in found.trouble
    assert "records.jsonl:4" in found.trouble


def test_a_run_without_a_log_says_so(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [(1, 2.0)], table=False)
    (path / "events" / "records.jsonl").unlink()
    found = read_one(read_run(path), [METRIC])
    assert found.curves == {}
    assert "no event log" in found.trouble


def test_runs_without_logs_are_not_taken_for_one_another(tmp_path: Path) -> None:
    runs = []
    for name in "ab":
        path = write_run(tmp_path / name, [], table=False)
        (path / "events" / "records.jsonl").unlink()
        runs.append(read_run(path))
    for _ in range(2):
        assert [
            str(run.path) in found.trouble for run, found in zip(runs, read_series(runs, [METRIC]), strict=True)
        ] == [
            True,
            True,
        ]


def test_alerts_come_with_their_steps(tmp_path: Path) -> None:
    alert = {"type": "loss_spike", "severity": "warning", "metric": METRIC}
    path = write_run(tmp_path / "a", [(7, 2.0)], alerts=[alert])
    assert read_one(read_run(path), [METRIC]).alerts == ({**alert, "step": 7},)


def test_the_second_time_no_log_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [(1, math.inf), (2, 1.5)]
    alert = {"type": "loss_spike", "severity": "warning"}
    run = read_run(write_run(tmp_path / "a", points, others={"x": 1.0}, alerts=[alert]))
    [first] = read_series([run], [METRIC, "x"])
    monkeypatch.setattr(series, "read_one", None)
    [second] = read_series([run], [METRIC, "x"])
    assert values(second) == {1: math.inf, 2: 1.5}
    np.testing.assert_array_equal(first.curves["x"].seconds, second.curves["x"].seconds)
    assert second.alerts == first.alerts


def test_a_log_that_grew_is_read_again(tmp_path: Path) -> None:
    path = write_run(tmp_path / "a", [(1, 2.0)], table=False)
    read_series([read_run(path)], [METRIC])
    append(path, Record(Kind.EVAL, 2, {METRIC: 1.0}, {}, T0))
    [found] = read_series([read_run(path)], [METRIC])
    assert values(found) == {1: 2.0, 2: 1.0}


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0 but not", b"x" * 5000])
def test_a_damaged_cache_costs_time_only(tmp_path: Path, own_cache: Path, damage: bytes) -> None:
    run = read_run(write_run(tmp_path / "a", curve(1.0)))
    (own_cache / "aurl").mkdir()
    (own_cache / "aurl" / "compare.sqlite").write_bytes(damage)
    for _ in range(2):
        [found] = read_series([run], [METRIC])
        assert len(values(found)) == 10


def test_a_cache_folder_that_cannot_be_made_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    [found] = read_series([read_run(write_run(tmp_path / "a", curve(1.0)))], [METRIC])
    assert len(values(found)) == 10
