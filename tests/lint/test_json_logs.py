from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from aurl.errors import DataError
from aurl.lint.readers.json_document import JsonDocument
from aurl.lint.readers.json_lines import JsonLines
from tests.lint.files import DATA, rows, write


def test_lines_are_objects_of_any_depth(tmp_path: Path) -> None:
    text = (
        '{"step": 1, "train": {"loss": 0.5}}\n\n'
        '{"step": 2, "val": {"loss": null}, "note": "x"}\n{"step": 3, "a": "Infinity"}\n'
    )
    found, skipped = rows(JsonLines(write(tmp_path / "a.jsonl", text), "utf-8"))
    assert [row.values for row in found] == [
        {"step": 1, "train/loss": 0.5}, {"step": 2}, {"step": 3, "a": math.inf},
    ]  # fmt: skip
    assert skipped == []


def test_a_word_in_the_entry_may_say_that_it_is_validation(tmp_path: Path) -> None:
    text = (
        '{"mode": "train", "step": 1, "loss": 3}\n{"mode": "val", "step": 1, "loss": 4}\n{"note": "val", "loss": 2}\n'
    )
    found, _ = rows(JsonLines(write(tmp_path / "a.jsonl", text), "utf-8"))
    assert [row.values for row in found] == [{"step": 1, "loss": 3}, {"step": 1, "val/loss": 4}, {"loss": 2}]
    found, _ = rows(JsonDocument(write(tmp_path / "a.json", '[{"phase": "eval", "loss": 4}]')))
    assert found[0].values == {"val/loss": 4}


def test_nan_as_python_writes_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps({"loss": math.nan, "top": -math.inf}) + "\n")
    (row,), _ = rows(JsonLines(path, "utf-8"))
    assert math.isnan(row.values["loss"])
    assert row.values["top"] == -math.inf


def test_damaged_lines_are_told_and_the_others_read(tmp_path: Path) -> None:
    text = b'{"a": 1}\n{"a": 2\n[1]\n\xff\xfe\n' + b"[" * 100_000 + b'\n{"a": 3}\n{"a": 4, "b'
    found, skipped = rows(JsonLines(write(tmp_path / "a.jsonl", text), "utf-8"))
    assert [row.values["a"] for row in found] == [1, 3]
    assert [line for line, _ in skipped] == [2, 3, 4, 5, 7]
    assert skipped[-1][1] == "the last line is torn"


def test_a_trainer_state_of_transformers() -> None:
    log = JsonDocument(DATA / "trainer_state.json")
    found, skipped = rows(log)
    assert skipped == []
    assert log.facts == {"steps": 60, "epochs": 3}, "as planned"
    assert found[0].values == {
        "epoch": 0.1, "grad_norm": 8.833296775817871, "learning_rate": 0.0295, "loss": 5.9340338706970215, "step": 2.0,
    }  # fmt: skip
    assert sum("eval_loss" in row.values for row in found) == 3
    assert not any("train_loss" in row.values for row in found), "the mean of the whole run is no loss of its last step"
    assert "logging_nan_inf_filter" in log.notes[0]


@pytest.mark.parametrize(
    "document",
    [
        [{"loss": 1, "epoch": 0}, {"loss": 0.5, "epoch": 1}],
        {"loss": [1, 0.5], "epoch": [0, 1], "params": {"a": 1}},
        {"history": {"loss": [1, 0.5], "epoch": [0, 1]}, "model": "x"},
        {"history": [{"loss": 1, "epoch": 0}, {"loss": 0.5, "epoch": 1}]},
    ],
)
def test_other_documents(tmp_path: Path, document: object) -> None:
    found, _ = rows(JsonDocument(write(tmp_path / "a.json", json.dumps(document))))
    assert [row.values for row in found] == [{"loss": 1, "epoch": 0}, {"loss": 0.5, "epoch": 1}]


def test_lists_of_different_length_end_when_they_end(tmp_path: Path) -> None:
    found, _ = rows(JsonDocument(write(tmp_path / "a.json", '{"loss": [3, 2, 1], "val_loss": [3]}')))
    assert [row.values for row in found] == [{"loss": 3, "val_loss": 3}, {"loss": 2}, {"loss": 1}]


@pytest.mark.parametrize("text", ["{}", "[]", "7", '{"a": 1, "b": {"c": 2}}', "[1, 2]", '{"log_history": []}'])
def test_json_without_a_log(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"a\.json: JSON without a log in it; expected is log_history"):
        JsonDocument(write(tmp_path / "a.json", text))


def test_a_cut_off_document(tmp_path: Path) -> None:
    cut = (DATA / "trainer_state.json").read_bytes()[:-200]
    with pytest.raises(DataError, match="not valid JSON, perhaps cut off"):
        JsonDocument(write(tmp_path / "trainer_state.json", cut))
