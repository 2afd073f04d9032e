"""Columns kept between two starts: the same as if the log had been read, or not used at all."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from aurl.dashboard.store.cache import StoreCache
from aurl.dashboard.store.lru import Shelf
from aurl.dashboard.store.store import RunStore
from aurl.record import Kind, Record
from tests.dashboard.runs import BEGAN, alert, step, steps, write


@pytest.fixture
def run(tmp_path: Path) -> Path:
    back = Record(Kind.NOTE, 12, fields={"resumed_from": 10})
    sample = Record(Kind.SAMPLE, 10, {}, {"path": "samples/000010_0.mid"}, BEGAN)
    odd = [step(13, loss_total=math.nan, kl_probe=1.0), step(14, loss_total=math.inf)]
    write(tmp_path / "run", [*steps(12), alert(5), alert(12), sample, back, step(11, loss_total=0.0), *odd])
    return tmp_path / "run"


def saved(run: Path, folder: Path) -> RunStore:
    store = RunStore(run)
    store.refresh()
    folder.mkdir(exist_ok=True)
    StoreCache(folder).save(store)
    return store


def test_what_comes_back_is_the_same(run: Path, tmp_path: Path) -> None:
    store, again = saved(run, tmp_path / "cache"), RunStore(run)
    assert StoreCache(tmp_path / "cache").load(again)
    assert [name for name, _ in again.series()] == [name for name, _ in store.series()]
    for name, _ in store.series():
        a, b = store.snapshot(name), again.snapshot(name)
        assert a is not None
        assert b is not None
        np.testing.assert_array_equal(a.values, b.values)
        np.testing.assert_array_equal(a.step, b.step)
    assert list(again.events.alerts) == list(store.events.alerts)
    assert again.events.superseded == store.events.superseded == {1}
    assert list(again.events.samples) == ["000010_0"]
    assert again.cursor == sum(len(rows.step) for rows in again.rows.values())


def test_it_goes_on_where_it_stopped(run: Path, tmp_path: Path) -> None:
    saved(run, tmp_path / "cache")
    write(run, [step(15, loss_total=5.0)])
    again = RunStore(run)
    StoreCache(tmp_path / "cache").load(again)
    assert again.refresh()
    curve = again.curve("loss/total")
    assert curve is not None
    assert (curve.x[-1], curve.y[-1], curve.total) == (15.0, 5.0, 14)


@pytest.mark.parametrize("spoil", ["another log", "shorter log", "no log", "damaged", "empty", "of another run"])
def test_what_does_not_fit_is_not_used(run: Path, tmp_path: Path, spoil: str) -> None:
    saved(run, tmp_path / "cache")
    log = run / "events" / "records.jsonl"
    (file,) = (tmp_path / "cache").iterdir()
    if spoil == "another log":
        log.write_bytes(log.read_bytes().replace(b"10.0", b"11.0"))
    elif spoil == "shorter log":
        log.write_bytes(log.read_bytes()[:500])
    elif spoil == "no log":
        log.unlink()
    elif spoil == "damaged":
        file.write_bytes(file.read_bytes()[:-300])
    elif spoil == "empty":
        file.write_bytes(b"")
    elif spoil == "of another run":
        run = run.rename(tmp_path / "moved")
        file.rename(StoreCache(tmp_path / "cache")._file(run))
    store = RunStore(run)
    assert not StoreCache(tmp_path / "cache").load(store)
    store.refresh()
    assert (store.curve("loss/total") is None) == (spoil == "no log")


def test_nothing_is_written_into_the_run(run: Path, tmp_path: Path) -> None:
    before = sorted(path.relative_to(run) for path in run.rglob("*"))
    saved(run, tmp_path / "cache")
    assert sorted(path.relative_to(run) for path in run.rglob("*")) == before


def test_the_oldest_files_go_first(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    saved(run, folder)
    (folder / "old.npz").write_bytes(b"x" * 1000)
    import os

    os.utime(folder / "old.npz", (1, 1))
    StoreCache(folder, most_bytes=max(file.stat().st_size for file in folder.iterdir()))._prune()
    assert not (folder / "old.npz").exists()
    assert len(list(folder.iterdir())) == 1


def test_a_shelf_forgets_what_was_not_asked_for_longest(tmp_path: Path) -> None:
    runs = [tmp_path / str(number) for number in range(4)]
    for run in runs:
        write(run, steps(500))
    shelf = Shelf(None, budget=40_000)
    for run in runs:
        assert shelf.open(run, wait=10).cursor == 500
    assert shelf.peek(runs[0]) is None
    assert shelf.peek(runs[3]) is not None
    assert shelf.open(runs[0], wait=10).cursor == 500
    shelf.close()
