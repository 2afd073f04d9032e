"""Files that nobody's trainer wrote: one error or a skip that is told, in bounded memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from aurl.errors import DataError
from aurl.lint.opening import open_log
from aurl.lint.readers.text import LONGEST_LINE
from tests.lint.files import records, series, write

LONG = "9" * (LONGEST_LINE + 5)


@pytest.mark.parametrize(
    ("name", "begin", "long", "end"),
    [
        ("a.csv", "step,loss\n1,0.5\n2,0.4\n", f"3,{LONG}\n", "4,0.3\n"),
        ("a.jsonl", '{"step": 1, "loss": 0.5}\n', f'{{"step": 2, "loss": {LONG}}}\n', '{"step": 4, "loss": 0.3}\n'),
        ("a.log", "step 1 loss 0.5\nstep 2 loss 0.4\n", f"step 3 loss {LONG}\n", "step 4 loss 0.3\n"),
    ],
)
def test_a_line_without_end_is_left_out_and_told(tmp_path: Path, name: str, begin: str, long: str, end: str) -> None:
    path = write(tmp_path / name, begin + long + end)
    tracemalloc.start()
    log = open_log(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert series(records(path), "loss/total")[-1] == (4, 0.3)
    assert peak < 6 * LONGEST_LINE
    if name != "a.csv":  # there it is an empty line
        assert any("characters" in note for note in log.notes)


def test_a_document_larger_than_memory_is_one_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '[{"loss": 1},' + " " * (33 << 20) + "1]")
    with pytest.raises(DataError, match=r"one JSON value of 35 MB; up to 32 MB are read whole"):
        open_log(path)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.log"])
def test_steps_that_no_float_can_count_are_no_steps(tmp_path: Path, name: str) -> None:
    lines = {
        "a.csv": ["step,loss", *(f"{2**64 + at},{1 / at}" for at in range(1, 9))],
        "a.jsonl": [f'{{"step": {2**64 + at}, "loss": {1 / at}}}' for at in range(1, 9)],
        "a.log": [f"step {2**64 + at} loss {1 / at}" for at in range(1, 9)],
    }[name]
    log = open_log(write(tmp_path / name, "\n".join(lines)))
    assert log.counting.startswith("the row number")
    assert [step for step, _ in series(records(tmp_path / name), "loss/total")] == list(range(1, 9))


def test_wrong_types_are_not_logged(tmp_path: Path) -> None:
    text = (
        '{"step": "a", "loss": [1]}\n{"step": {"x": 1}, "loss": null}\n{"step": true, "loss": "0.5"}\n'
        '{"loss": 1' + "0" * 5000 + '}\n{"loss": 0.25}\n'
    )
    path = write(tmp_path / "a.jsonl", text)
    assert [value for _, value in series(records(path), "loss/total")] == [0.5, 0.25]
    assert open_log(path).notes == ["1 line could not be read: line 4: not a JSON object"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.log"])
def test_nesting_without_end(tmp_path: Path, name: str) -> None:
    text = {
        "a.json": "[" * 100_000,
        "a.jsonl": '{"a":' * 100_000 + "1" + "}" * 100_000 + '\n{"a": 1}\n',
        "a.log": "loss " + "(" * 50_000 + "1\n" + "loss " + "(" * 50_000 + "2\n",
    }[name]
    path = write(tmp_path / name, text)
    if name == "a.json":
        with pytest.raises(DataError, match="nothing to judge"):
            open_log(path)
    else:
        assert len(open_log(path).columns) <= 2


def test_many_names(tmp_path: Path) -> None:
    names = [f"m{at}_loss" for at in range(3000)]
    path = write(tmp_path / "a.csv", ",".join(names) + "\n" + (",".join("1.5" for _ in names) + "\n") * 3)
    assert len(open_log(path).columns) == 3000
