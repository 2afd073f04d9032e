from __future__ import annotations

import os
from pathlib import Path

import pytest

from aurl.machine import untrusted
from aurl.machine.untrusted import (
    DEEPEST,
    json_document,
    json_mapping,
    lines_of,
    open_regular,
    parse_json,
    parse_yaml,
    read_regular,
    whole_number,
    yaml_document,
)


def bomb(levels: int, *, merge: bool = False) -> str:
    lines, before = ["a: &a {k: 1}" if merge else "a: &a [x, x, x, x, x, x, x, x, x]"], "a"
    for name in "bcdefghij"[: levels - 1]:
        nine = ", ".join([f"*{before}"] * 9)
        lines.append(f"{name}: &{name} {{<<: [{nine}]}}" if merge else f"{name}: &{name} [{nine}]")
        before = name
    return "\n".join(lines) + "\n"


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "zero", "loop", "folder", "missing"):
        with pytest.raises(OSError):
            open_regular(tmp_path / name)
        assert json_mapping(tmp_path / name) == {}
    (tmp_path / "file").write_text('{"a": 1}')
    (tmp_path / "link").symlink_to("file")
    assert json_mapping(tmp_path / "link") == {"a": 1}
    with pytest.raises(OSError):
        open_regular(tmp_path / "link", follow=False)


def test_no_more_than_a_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 2**40)
    with pytest.raises(OSError, match="larger than"):
        read_regular(tmp_path / "huge")
    with pytest.raises(OSError, match="larger than"):
        yaml_document(tmp_path / "huge")
    (tmp_path / "four").write_bytes(b"1234")
    assert read_regular(tmp_path / "four", 4) == b"1234"
    with pytest.raises(OSError):
        read_regular(tmp_path / "four", 3)


def test_nesting_has_an_end(tmp_path: Path) -> None:
    fits = '{"a":' * (DEEPEST - 1) + "[]" + "}" * (DEEPEST - 1)
    assert parse_json(fits)
    for text in (f"[{fits}]", "[" * 900 + "]" * 900, "[" * 100_000, "{", "NaN"):
        with pytest.raises(ValueError):
            parse_json(text)
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(ValueError):
            json_document(tmp_path / "x.json")
    wide = "[" + ",".join(["[]"] * 1000) + "]"
    assert len(parse_json(wide)) == 1000


@pytest.mark.parametrize(
    "text",
    [
        bomb(10),
        bomb(10, merge=True),
        "[" * 5000,
        "- " * 5000 + "x",
        "a: &a [*a]",
        "a: &a {k: *a}",
        "x: 2001-99-99",
        "x: !!timestamp abc",
        "x: !!int abc",
        f"x: 1{'0' * 9000}",
        "a: {<<: 3}",
        "? [a]\n: 1",
        "x: !!python/object/apply:os.system [true]",
        "a: \0",
        "a: [",
    ],
)
def test_yaml_that_is_none_or_too_much_is_one_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_yaml(text)


def test_yaml_is_read_as_everybody_reads_it() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x\nc: {<<: {d: 1.5}, e: null}\n") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": 1.5, "e": None},
    }
    assert len(parse_yaml(bomb(4))["d"]) == 9
    assert parse_yaml("") is None


def test_a_line_too_long_is_left_out_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "LONGEST_LINE", 10)
    (tmp_path / "log").write_bytes(b"one\n" + b"x" * 5000 + b"\nthree\n" + b"y" * 10 + b"\n123456789\nlast")
    assert list(lines_of(tmp_path / "log")) == [
        (1, b"one\n"), (2, None), (3, b"three\n"), (4, None), (5, b"123456789\n"), (6, b"last"),
    ]  # fmt: skip


def test_a_number_of_a_document_is_whole_and_bounded() -> None:
    given = [3, 3.7, -1, 1e300, 2**70, float("inf"), float("nan"), True, "7", None, []]
    assert [whole_number(value) for value in given] == [3, 3, 0, 2**53, 2**53, 2**53, 0, 0, 0, 0, 0]
