"""A run as the dashboard keeps it: the same points as the wide table, whatever became of the log."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.dashboard.store.store import RunStore
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.table import scalar_table
from tests.dashboard.runs import BEGAN, alert, step, steps, write


def opened(run: Path) -> RunStore:
    store = RunStore(run)
    store.refresh()
    return store


def start(resumed_from: int | None) -> Record:
    return Record(Kind.START, resumed_from or 0, fields={"resumed_from": resumed_from})


def test_curves_of_a_plain_run(tmp_path: Path) -> None:
    write(tmp_path, [start(None), *steps(40), Record(Kind.EVAL, 40, {"val/loss/total": 2.0}, {"epoch": 1}, BEGAN)])
    store = opened(tmp_path)
    curve = store.curve("loss/total")
    assert curve is not None
    assert curve.x.tolist() == list(range(1, 41))
    assert curve.y.tolist() == [10.0 / number for number in range(1, 41)]
    assert curve.exact
    assert [name for name, _ in store.series()] == ["loss/total", "val/loss/total"]
    assert store.curve("no/such") is None
    assert (store.state, store.cursor, store.skipped) == ("ready", 41, 0)


def test_what_a_resume_supersedes_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, [*steps(40), start(20), *(step(number, loss_total=-1.0) for number in range(21, 31))])
    curve = opened(tmp_path).curve("loss/total")
    assert curve is not None
    assert curve.x.tolist() == list(range(1, 31))
    assert set(curve.y[20:]) == {-1.0}


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(1, 30).map(step), st.integers(0, 30).map(start), st.integers(1, 9).map(alert))))
def test_as_the_wide_table_has_it(records: list[Record]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), records)
        store, table = opened(Path(folder)), scalar_table(Path(folder))
        found = store.snapshot("loss/total")
        expected = table["loss/total"].to_list() if "loss/total" in table.columns else []
        assert (found.values.tolist() if found else []) == expected
        assert (found.step.tolist() if found else []) == (table["step"].to_list() if expected else [])


def test_reading_bit_by_bit_gives_the_same(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert not store.refresh()
    assert store.state == "absent"
    for number in range(1, 30):
        write(tmp_path, [step(number, loss_total=1.0 / number) if number % 3 else step(number, loss_kl=float(number))])
        assert store.refresh()
    at_once = opened(tmp_path)
    for name in ("loss/total", "loss/kl"):
        a, b = store.curve(name), at_once.curve(name)
        assert a is not None
        assert b is not None
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.y, b.y)


def test_a_rewind_goes_to_another_generation_and_a_resume_without_loss_does_not(tmp_path: Path) -> None:
    write(tmp_path, steps(10))
    store = opened(tmp_path)
    before = store.generation
    write(tmp_path, [start(10), step(11)])
    store.refresh()
    assert store.generation == before
    write(tmp_path, [start(5)])
    store.refresh()
    assert store.generation == before + 1


@pytest.mark.parametrize("spoil", ["truncated", "replaced"])
def test_a_log_that_is_another_by_now_is_read_anew(tmp_path: Path, spoil: str) -> None:
    write(tmp_path, steps(10))
    store = opened(tmp_path)
    path = tmp_path / "events" / "records.jsonl"
    if spoil == "replaced":
        path.rename(tmp_path / "old")
        write(tmp_path, [step(1, loss_total=7.0)])
    else:
        os.truncate(path, len(encode(step(1))))
    store.refresh()
    curve = store.curve("loss/total")
    assert curve is not None
    assert curve.y.tolist() == ([7.0] if spoil == "replaced" else [10.0])
    assert store.generation == 1


def test_a_deleted_log_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path, steps(10))
    store = opened(tmp_path)
    (tmp_path / "events" / "records.jsonl").unlink()
    store.refresh()
    assert store.curve("loss/total") is None
    assert store.state == "absent"


def test_values_that_are_not_finite_stand_beside_the_curve(tmp_path: Path) -> None:
    values = [1.0, math.nan, 2.0, math.inf, -math.inf, 3.0]
    write(tmp_path, [step(number, loss_total=value) for number, value in enumerate(values, 1)])
    curve = opened(tmp_path).curve("loss/total")
    assert curve is not None
    assert curve.y.tolist() == [1.0, 2.0, 3.0]
    assert [(step, repr(value)) for _, step, value in curve.nonfinite] == [(2, "nan"), (4, "inf"), (5, "-inf")]
    assert (curve.count, curve.total, curve.low, curve.high) == (3, 6, 1.0, 3.0)


def test_one_scalar_of_two_kinds_is_two_series(tmp_path: Path) -> None:
    write(tmp_path, [*steps(4), Record(Kind.EPOCH, 4, {"loss/total": 5.0, "time/epoch": 3.0}, {"epoch": 1}, BEGAN)])
    store = opened(tmp_path)
    assert [name for name, _ in store.series()] == ["loss/total", "loss/total@epoch", "time/epoch"]
    means = store.curve("loss/total@epoch")
    assert means is not None
    assert means.y.tolist() == [5.0]


def test_records_without_an_epoch_take_it_from_the_steps_around(tmp_path: Path) -> None:
    write(tmp_path, [*steps(100), Record(Kind.SYSTEM, 50, {"system/ram_gb": 2.0}, {}, BEGAN + 50)])
    curve = opened(tmp_path).curve("system/ram_gb", "epoch")
    assert curve is not None
    assert curve.x.tolist() == [0.5]


def test_alert_steps_are_never_thinned_out(tmp_path: Path) -> None:
    flat = [step(number, loss_total=float(number)) for number in range(1, 5001)]
    write(tmp_path, [*flat, *(alert(number) for number in (777, 1234, 4321))])
    curve = opened(tmp_path).curve("loss/total", points=50)
    assert curve is not None
    assert {777, 1234, 4321} <= set(curve.x)
    assert len(curve.x) < 60


def test_ten_thousand_names(tmp_path: Path) -> None:
    names = {f"layer/{number}": float(number) for number in range(10_000)}
    write(tmp_path, [Record(Kind.STEP, number, names, {}, BEGAN) for number in (1, 2, 3)])
    store = opened(tmp_path)
    assert len(store.series()) == 10_000
    curve = store.curve("layer/9999")
    assert curve is not None
    assert curve.y.tolist() == [9999.0] * 3


def test_a_clock_that_goes_back_keeps_all_points(tmp_path: Path) -> None:
    times = [100.0, 200.0, 50.0, 300.0]
    write(tmp_path, [Record(Kind.STEP, n, {"lr": float(n)}, {}, time) for n, time in enumerate(times, 1)])
    curve = opened(tmp_path).curve("lr", "relative")
    assert curve is not None
    assert curve.x.tolist() == [-50.0, 0.0, 100.0, 200.0]
    assert curve.step.tolist() == [3, 1, 2, 4]


def test_new_points_since_a_cursor(tmp_path: Path) -> None:
    write(tmp_path, steps(5))
    store = opened(tmp_path)
    store.mark()
    at = (store.generation, store.cursor)
    write(tmp_path, [*steps(8, first=6), Record(Kind.EVAL, 8, {"val/accuracy": 0.5}, {}, BEGAN)])
    store.refresh()
    found = store.since(*at)
    assert found is not None
    assert (found.after, found.cursor) == (5, 9)
    new = store.new_values(found, "loss/total")
    assert new is not None
    assert new[0].tolist() == [6, 7, 8]
    accuracy = store.new_values(found, "val/accuracy")
    assert accuracy is not None
    assert accuracy[3].tolist() == [0.5]
    assert store.since(*at) is not None
    assert store.since(at[0], 3) is None  # never told to anyone
    assert store.since(at[0] + 1, 5) is None


def test_new_points_of_a_scalar_that_is_not_in_every_step(tmp_path: Path) -> None:
    write(tmp_path, [step(1, loss_total=1.0, kl_probe=1.0), step(2, loss_total=1.0)])
    store = opened(tmp_path)
    store.mark()
    at = (store.generation, store.cursor)
    write(tmp_path, [step(3, loss_total=1.0), step(4, loss_total=1.0, kl_probe=4.0)])
    store.refresh()
    found = store.since(*at)
    assert found is not None
    new = store.new_values(found, "kl/probe")
    assert new is not None
    assert (new[0].tolist(), new[3].tolist()) == ([4], [4.0])


def test_alerts_after_which_the_run_went_back_are_marked(tmp_path: Path) -> None:
    back = Record(Kind.NOTE, 9, fields={"resumed_from": 4, "message": "rolled back"})
    write(tmp_path, [*steps(9), alert(3), alert(8), back, *steps(6, first=5)])
    store = opened(tmp_path)
    assert [alert.step for _, alert in store.events.alerts] == [3, 8]
    assert store.events.superseded == {1}
    assert store.alert_steps() == [3]
