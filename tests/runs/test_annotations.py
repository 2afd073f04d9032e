"""A person's own words: kept beside the run, never more than they should be, never lost to another writer."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aurl.errors import ConfigError, RunError
from aurl.runs.annotations import FILE, MOST_NOTES, NONE, Annotations, annotate, read_annotations
from aurl.runs.listing import latest_run, read_run
from tests.dashboard.runs import make


def test_words_are_kept_beside_the_run_and_change_nothing_of_it(tmp_path: Path) -> None:
    run = make(tmp_path / "mine")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    annotate(run, name="the good one", notes="lr was right", add_tags=["paper"], star=True)
    annotate(run, archived=True)
    assert read_annotations(run) == Annotations("the good one", "lr was right", ("paper",), (), True, True)
    assert {path for path in run.rglob("*") if path.is_file()} - before.keys() == {run / FILE}
    assert all(path.read_bytes() == content for path, content in before.items())
    found = read_run(run)
    assert (found.name, found.given_name, found.tags) == ("the good one", "chorales", ["test", "paper"])


def test_a_tag_of_the_training_can_be_taken_away_and_given_back(tmp_path: Path) -> None:
    run = make(tmp_path / "mine")
    annotate(run, remove_tags=["test"], given_tags=["test"])
    assert read_run(run).tags == []
    annotate(run, add_tags=["test"], given_tags=["test"])
    assert read_run(run).tags == ["test"]
    assert read_annotations(run).tags == ()


def test_a_renamed_run_is_resumed_by_the_name_of_its_training(tmp_path: Path) -> None:
    annotate(make(tmp_path / "mine"), name="another")
    assert latest_run(tmp_path, "chorales") is not None
    assert latest_run(tmp_path, "another") is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "x" * 201}, "at most 200"),
        ({"name": "two\nlines"}, "one line"),
        ({"name": "\u202egnp.exe"}, "one line"),
        ({"notes": "x" * (MOST_NOTES + 1)}, "at most 100,000"),
        ({"notes": "\ud800"}, "surrogate"),
        ({"notes": "a\0b"}, "zero byte"),
        ({"add_tags": [""]}, "at least one letter"),
        ({"add_tags": ["x" * 61]}, "at most 60"),
        ({"add_tags": [f"tag{n}" for n in range(51)]}, "51 tags"),
        ({"add_tags": ["a\x1b[31m"]}, "one line"),
    ],
)
def test_words_that_are_refused(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        annotate(tmp_path, **change)  # type: ignore[arg-type]
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{", b"null", b"\xff\xfe", b'{"name": 3, "tags": {}, "star": "yes", "notes": null}',
        b'{"tags": [1, null, ["x"], ""]}', b'{"name": "' + b"x" * 2_000_000 + b'"}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_file_that_somebody_else_made_is_no_danger(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert read_annotations(tmp_path) == NONE


def test_a_pipe_or_a_link_in_its_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)
    assert read_annotations(tmp_path) == NONE
    (tmp_path / FILE).unlink()
    secret = tmp_path / "secret.txt"
    secret.write_text("keep me")
    (tmp_path / FILE).symlink_to(secret)
    assert read_annotations(tmp_path) == NONE
    annotate(tmp_path, name="new")
    assert secret.read_text() == "keep me"
    assert not (tmp_path / FILE).is_symlink()


def test_two_windows_do_not_overwrite_each_other_s_notes(tmp_path: Path) -> None:
    seen = read_annotations(tmp_path).version
    annotate(tmp_path, notes="of the first window", seen=seen)
    with pytest.raises(RunError, match="changed meanwhile"):
        annotate(tmp_path, notes="of the second", seen=seen)
    annotate(tmp_path, star=True, seen=seen)  # marks join; only texts could be lost
    assert read_annotations(tmp_path) == Annotations(notes="of the first window", star=True)


def test_many_writers_at_once_lose_no_tag(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: annotate(tmp_path, add_tags=[f"tag{number}"]), range(40)))
    assert len(read_annotations(tmp_path).tags) == 40
    assert json.loads((tmp_path / FILE).read_text())["tags"]
