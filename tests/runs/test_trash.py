"""Runs thrown away come back as they were; a running one, a link, or what is no run is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aurl.errors import RunError
from aurl.monitor import Monitor
from aurl.runs.annotations import annotate
from aurl.runs.listing import find_runs
from aurl.runs.trash import FOLDER, find_trashed, restore, throw_away, trashed
from tests.dashboard.runs import change, make


def test_away_and_back(tmp_path: Path) -> None:
    run = make(tmp_path / "models" / "mine")
    annotate(run, notes="keep this")
    before = {path.relative_to(run): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    thrown = throw_away(run, tmp_path)
    assert not run.exists()
    assert thrown.path == tmp_path / FOLDER / "models" / "mine"
    assert find_runs(tmp_path) == []
    [listed] = trashed(tmp_path)
    assert (listed.home, listed.summary.id) == (Path("models/mine"), "mine")
    assert restore(find_trashed("mine", tmp_path), tmp_path) == run
    after = {path.relative_to(run): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert after.items() >= before.items()
    assert not (tmp_path / FOLDER).exists() or not list((tmp_path / FOLDER).iterdir())


def test_two_of_one_path_lie_side_by_side(tmp_path: Path) -> None:
    for _ in range(2):
        throw_away(make(tmp_path / "mine"), tmp_path)
    assert len(trashed(tmp_path)) == 2
    with pytest.raises(RunError, match="2 such runs are in the trash"):
        find_trashed("mine", tmp_path)
    restore(find_trashed(str(tmp_path / FOLDER / "mine~2"), tmp_path), tmp_path)
    with pytest.raises(RunError, match="is there already"):
        restore(find_trashed("mine", tmp_path), tmp_path)


def test_a_running_one_is_refused(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "mine", logging=[]) as monitor:
        monitor.step(1, {"loss/total": 1.0})
        with pytest.raises(RunError, match="running|writes to this run"):
            throw_away(tmp_path / "mine", tmp_path)
        # Even where its run.json says otherwise: whoever writes to it holds its lock.
        monitor.drain(5)
        change(tmp_path / "mine", status="done")
        with pytest.raises(RunError, match="running|writes to this run"):
            throw_away(tmp_path / "mine", tmp_path)
    assert throw_away(tmp_path / "mine", tmp_path)


def test_what_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "outputs"
    run = make(root / "mine")
    elsewhere = make(tmp_path / "elsewhere")
    (root / "link").symlink_to(elsewhere)
    (root / "folder").mkdir()
    for place, reason in [
        (root / "folder", "not a run"), (root, "not a run"), (root / "link", "is a link"),
        (elsewhere, "does not lie inside"), (root / ".." / "elsewhere", "does not lie inside"),
        (root / "none", "not a run"),
    ]:  # fmt: skip
        with pytest.raises(RunError, match=reason):
            throw_away(place, root)
    thrown = throw_away(run, root)
    with pytest.raises(RunError, match="in the trash already"):
        throw_away(thrown.path, root)
    assert elsewhere.is_dir()


@pytest.mark.parametrize("home", ["/etc/cron.d/mine", "../outside", "a/../../outside", 3, None])
def test_a_slip_that_somebody_forged_leads_nowhere(tmp_path: Path, home: object) -> None:
    thrown = throw_away(make(tmp_path / "mine"), tmp_path)
    slip = thrown.path.with_name("mine.trashed.json")
    slip.write_text(json.dumps({"home": home, "trashed": 1.0}))
    assert trashed(tmp_path) == []
    with pytest.raises(RunError, match="no such run"):
        find_trashed("mine", tmp_path)
    assert os.path.lexists(thrown.path)
