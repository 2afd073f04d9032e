"""`aurl runs tag|note|rename|star|archive|rm|restore`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aurl.cli import main
from tests.dashboard.runs import make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        make(tmp_path / "outputs" / "chorales" / name)
    return tmp_path / "outputs"


def said(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    assert main(["runs", *map(str, args)]) == 0
    return capsys.readouterr().out


def test_words_by_id_and_by_path(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "tag", "a", "paper", "best", "--root", root) == "a: tags: test, paper, best\n"
    assert said(capsys, "tag", root / "chorales" / "a", "-r", "test") == "a: tags: paper, best\n"
    said(capsys, "note", "a", "first line", "--root", root)
    said(capsys, "note", "a", "-a", "second", "--root", root)
    assert said(capsys, "note", "a", "--root", root) == "a: first line\nsecond\n"
    assert said(capsys, "rename", "a", "the good one", "--root", root) == "a: is called the good one\n"
    said(capsys, "star", "a", "b", "--root", root)
    rows = {row["id"]: row for row in json.loads(said(capsys, root, "--json"))}
    assert (rows["a"]["name"], rows["a"]["tags"], rows["a"]["star"]) == ("the good one", ["paper", "best"], True)
    assert rows["a"]["notes"] == "first line\nsecond"


def test_archived_runs_are_listed_when_asked_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "archive", "a", "--root", root)
    assert [row["id"] for row in json.loads(said(capsys, root, "--json"))] == ["b"]
    assert len(json.loads(said(capsys, root, "--json", "--archived"))) == 2
    said(capsys, "archive", "a", "--undo", "--root", root)
    assert len(json.loads(said(capsys, root, "--json"))) == 2


def test_the_command_that_is_printed_brings_a_run_back(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys, "rm", "a", "b", "--root", root)
    commands = [line.split("`")[1] for line in told.splitlines()]
    assert len(commands) == 2
    assert main(["runs", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert len(json.loads(said(capsys, "restore", "--root", root, "--json"))) == 2
    for command in commands:
        assert main(command.split()[1:]) == 0
    capsys.readouterr()
    assert len(json.loads(said(capsys, root, "--json"))) == 2


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["tag", "none", "x"], "no such run"),
        (["rename", "a", "two\nlines"], "one line"),
        (["restore", "a"], "no such run in"),
        (["rm", "none"], "no such run"),
    ],
)
def test_what_cannot_be_done(root: Path, capsys: pytest.CaptureFixture[str], args: list[str], reason: str) -> None:
    assert main(["runs", *args, "--root", str(root)]) == 2
    assert reason in capsys.readouterr().err
