"""Which runs are meant by folders, files and patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurl.compare.finding import find, unique_ids
from aurl.errors import RunError
from tests.compare.runs import curve, write_run


def test_runs_folders_and_patterns_each_run_once(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "sweep" / name, curve(1.0)) for name in ("a", "b")]
    single = write_run(tmp_path / "single", curve(1.0))
    found, warnings = find([tmp_path / "sweep", str(tmp_path / "s*"), single, single / "run.json"])
    assert [run.path for run in found] == sorted([*runs, single])
    assert warnings == []


def test_what_is_not_there_is_told_while_others_are_compared(tmp_path: Path) -> None:
    write_run(tmp_path / "a", curve(1.0))
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    found, warnings = find(
        [tmp_path / "a", tmp_path / "b", tmp_path / "file.txt", tmp_path / "empty", tmp_path / "*.txt"]
    )
    assert [run.id for run in found] == ["a"]
    for told, expected in zip(warnings, ("no such folder", "is a file", "holds no run", "no run"), strict=True):
        assert expected in told


def test_nothing_at_all_is_an_error_that_names_every_path(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere, .*here: no run there") as caught:
        find([tmp_path / "nowhere", tmp_path / "here"])
    assert caught.value.exit_code == 2


def test_runs_of_the_same_id_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    for sweep in ("first", "second"):
        write_run(tmp_path / sweep / "0_seed=1", curve(1.0))
    write_run(tmp_path / "other", curve(1.0))
    found, _ = find([tmp_path])
    assert unique_ids(found) == ["first/0_seed=1", "other", "second/0_seed=1"]
