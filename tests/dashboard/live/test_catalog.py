"""The table of runs kept up to date by looking at what has changed, and the tree of folders under it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from aurl.dashboard.live import catalog as catalog_module
from aurl.dashboard.live import tree as tree_module
from aurl.dashboard.live.catalog import Catalog
from aurl.dashboard.live.rows import last_records
from aurl.dashboard.live.tree import RunTree
from tests.dashboard.runs import BEGAN, change, make, step, steps, write


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    make(tmp_path / "outputs" / "chorales" / "a")
    make(tmp_path / "outputs" / "sweeps" / "x" / "0_lr", config={"optim.lr": 0.1})
    return tmp_path / "outputs"


def names(tree: RunTree) -> list[str]:
    return sorted(os.path.relpath(path, tree.root) for path in tree.look())


def test_runs_come_and_go(outputs: Path) -> None:
    tree = RunTree(outputs)
    assert names(tree) == ["chorales/a", "sweeps/x/0_lr"]
    make(outputs / "chorales" / "b")
    assert names(tree) == ["chorales/a", "chorales/b", "sweeps/x/0_lr"]
    shutil.rmtree(outputs / "sweeps" / "x")
    assert names(tree) == ["chorales/a", "chorales/b"]


def test_a_folder_becomes_a_run(outputs: Path) -> None:
    tree = RunTree(outputs)
    (outputs / "chorales" / "c").mkdir()
    assert names(tree) == ["chorales/a", "sweeps/x/0_lr"]
    write(outputs / "chorales" / "c", steps(2))
    assert "chorales/c" in names(tree)


def test_folders_that_have_settled_are_not_read_again(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, _, _ in os.walk(outputs):
        os.utime(folder, (1, 1))
    tree = RunTree(outputs)
    before = names(tree)

    def refuse(path: object) -> None:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(tree_module.os, "scandir", refuse)
    assert names(tree) == before


def test_a_run_itself_and_nothing(outputs: Path) -> None:
    assert names(RunTree(outputs / "chorales" / "a")) == ["."]
    assert names(RunTree(outputs / "nowhere")) == []


def test_links_inside_are_followed_once_and_circles_end(outputs: Path) -> None:
    (outputs / "again").symlink_to(outputs / "chorales")
    (outputs / "chorales" / "circle").symlink_to(outputs)
    (outputs / "latest").symlink_to(outputs / "chorales" / "a")
    assert names(RunTree(outputs)) == ["chorales/a", "sweeps/x/0_lr"]


def test_what_has_changed(outputs: Path) -> None:
    catalog = Catalog(outputs)
    first = catalog.look()
    assert len(first.changed) == 2
    assert catalog.varying == ["optim.lr"]
    assert not catalog.look()
    entry = catalog.entries()[0]
    change(entry.path, message="changed")
    assert catalog.look().changed == [entry.row["key"]]
    shutil.rmtree(entry.path)
    changes = catalog.look()
    assert changes.removed == [entry.row["key"]]
    assert changes.columns
    assert catalog.varying == []
    assert catalog.get(entry.row["key"]) is None


def test_a_live_run_is_told_by_the_end_of_its_log(outputs: Path) -> None:
    from aurl.machine import process

    run = outputs / "chorales" / "a"
    change(run, status="running", process=process.identity(), steps=100, updated=BEGAN)
    write(run, [step(41, loss_total=0.5)])
    catalog = Catalog(outputs)
    catalog.look()
    row = next(entry.row for entry in catalog.entries() if entry.path == run)
    assert (row["status"], row["step"], row["progress"], row["loss"]["last"]) == ("running", 41, 0.41, 0.5)
    assert (row["eta"], row["eta_low"], row["eta_high"], row["rate"]) == (60.0, 50.0, 70.0, 1.0)
    assert row["stalled"]


def test_many_runs_that_have_ended_are_looked_at_by_turns(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        make(outputs / "more" / str(number))
    monkeypatch.setattr(catalog_module, "ENDED_AT_ONCE", 3)
    catalog = Catalog(outputs)
    assert len(catalog.look().changed) == 7
    for entry in catalog.entries():
        change(entry.path, message="changed")
    assert sorted(len(catalog.look().changed) for _ in range(3)) == [1, 3, 3]


def test_the_config_of_a_monitor_of_one_s_own(outputs: Path) -> None:
    run = make(outputs / "own", config=None)
    (run / "config.json").unlink()
    change(run, config={"optim": {"lr": 0.5}, "layers": 3, "empty": {}})
    catalog = Catalog(outputs)
    catalog.look()
    entry = next(entry for entry in catalog.entries() if entry.path == run)
    assert entry.config == {"optim.lr": 0.5, "layers": 3, "empty": {}}
    assert "layers" in catalog.varying


def test_the_last_records_of_a_torn_log(outputs: Path) -> None:
    run = outputs / "chorales" / "a"
    with (run / "events" / "records.jsonl").open("ab") as file:
        file.write(b'{"v":1,"kind":"st')
    assert last_records(run)[-1].step == 40
    assert last_records(outputs) == []
