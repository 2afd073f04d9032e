from __future__ import annotations

import gzip
import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurl.errors import AurlError, DataError
from aurl.formats.tfrecord import frame
from aurl.lint.opening import open_log
from aurl.lint.readers.source import NothingToJudgeError
from aurl.sinks.tensorboard import events as tfevents
from tests.lint.files import DATA, records, series, write

EVENT = frame(tfevents.scalars(1.0, 1, [("loss", 0.5)]))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("metrics.csv", "step,loss\n1,0.5\n", "CSV"),
        ("metrics.txt", "step\tloss\n1\t0.5\n", "CSV"),
        ("log", '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.4}\n', "JSON lines"),
        ("log.json", '{"step": 1, "loss": 0.5}\n', "JSON lines"),
        ("log.jsonl", '{"loss": 1, "NaN": NaN}\n', "JSON lines"),
        ("log.jsonl", '{"torn": \n{"loss": 0.5}\n', "JSON lines"),
        ("history.json", '{"loss": [1, 2]}', "JSON document"),
        ("history.json", '{\n "loss": [\n1, 2]}', "JSON document"),
        ("all.json", '[{"loss": 1}]', "JSON document"),
        ("state.json", '{"log_history": [{"loss": 1, "step": 1}], "epoch": 1}', "Hugging Face trainer state"),
        ("anything", EVENT, "tfevents"),
        ("a.log", "[2024-01-01 12:00:00] loss: 1.5\n[2024-01-01 12:00:01] loss: 1.4\n", "text"),
        ("a.log", "{'loss': 1.5}\n{'loss': 1.25}\n", "text"),
        ("a.log", "epoch 1 loss 1.5\nepoch 2 loss 1.25\n", "text"),
        ("a.log", "1 1.5\n2 1.25\n", "CSV"),
    ],
)
def test_the_content_tells_the_format(tmp_path: Path, name: str, content: str | bytes, expected: str) -> None:
    assert open_log(write(tmp_path / name, content)).format == expected


def test_real_logs_of_other_trainers() -> None:
    state = open_log(DATA / "trainer_state.json")
    assert (state.format, state.rows) == ("Hugging Face trainer state", 33)
    assert "column 'eval_loss' -> val/loss/total (validation loss): 'eval' and 'loss' in its name" in state.explanation
    assert [step for step, _ in series(records(DATA / "trainer_state.json"), "val/loss/total")] == [20, 40, 60]
    found = records(DATA / "lightning_metrics.csv")
    assert [step for step, _ in series(found, "val/loss/total")] == [7, 15, 23]
    assert [step for step, _ in series(found, "loss/total")] == [
        *range(1, 8, 2),
        7,
        *range(9, 16, 2),
        15,
        *range(17, 24, 2),
        23,
    ]


def test_names_in_the_encoding_of_old_spreadsheets(tmp_path: Path) -> None:
    log = open_log(write(tmp_path / "a.csv", "step,Fläche\n1,0.5\n".encode("cp1252")))
    assert [column.name for column in log.columns] == ["step", "Fläche"]


def sqlite(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table runs (loss real)")


def message(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_log(path)
    assert "\n" not in str(caught.value)
    assert "expected is an aurl run directory, CSV, JSON lines" in str(caught.value).replace("E", "e")
    return str(caught.value)


def test_errors_say_what_is_there_instead(tmp_path: Path) -> None:
    assert message(tmp_path / "none.csv").startswith(f"{tmp_path}/none.csv: no such file or folder; ")
    assert ": the file is empty (0 bytes); " in message(write(tmp_path / "a.csv", ""))
    assert ": only blank lines; " in message(write(tmp_path / "b.csv", "\n \n\t\n"))
    assert "gzip-compressed; unpack it first" in message(write(tmp_path / "c.csv", gzip.compress(b"step,loss\n1,2\n")))
    assert ": a binary file of unknown kind; " in message(write(tmp_path / "d.csv", b"step,\0\1\2"))
    assert "its first event is damaged" in message(write(tmp_path / "events.out.tfevents.1.host", b"\1" + EVENT))
    assert ": no log in this folder; " in message(write(tmp_path / "f" / "x.py", "x = 1").parent)
    assert "no such file or folder" in message(Path("a\0b"))
    sqlite(tmp_path / "g.db")
    assert "an SQLite database" in message(tmp_path / "g.db")


def test_a_text_that_tells_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        NothingToJudgeError, match="nothing to judge: a text without numbers that have names; it holds"
    ) as caught:
        open_log(write(tmp_path / "e.txt", "Dear reader,\nthis is prose\n"))
    assert caught.value.seen == ("Dear reader,", "this is prose")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert ": not a file or folder; " in message(tmp_path / "pipe")


def test_a_log_without_numbers(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"a\.jsonl: JSON lines without any number in 1 row \(line 2: not a JSON object"
    ):
        open_log(write(tmp_path / "a.jsonl", '{"a": "x"}\n[1]\n'))
    with pytest.raises(DataError, match="tfevents without any number in 0 rows"):
        open_log(write(tmp_path / "e", frame(tfevents.file_version(1.0))))


def test_more_columns_than_any_training_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurl.lint.survey.MAX_COLUMNS", 100)
    names = ",".join(f"c{at}" for at in range(101))
    with pytest.raises(DataError, match="more than 100 columns; is this a training log"):
        open_log(write(tmp_path / "a.csv", f"{names}\n{','.join('1' * 101)}\n"))


def test_what_could_not_be_read_is_told(tmp_path: Path) -> None:
    log = open_log(write(tmp_path / "a.jsonl", '{"loss": 1}\nx\n{"loss": 2}\n{"lo'))
    assert "2 lines could not be read: line 2: not a JSON object; line 4: the last line is torn" in log.notes


_NAMES = st.sampled_from(["a.csv", "trainer_state.json", "events.out.tfevents.7.host", "x"])
_PIECES = st.sampled_from([
    b"step,loss\n", b"1,0.5\n", b'{"loss": 1}\n', b'{"log_history": [', b"\n", b"nan,inf\n", b"\xef\xbb\xbf",
    b"\xff\xfe", EVENT, EVENT[:20], b'"', b"[", b"]", b"{", b"}", b"1e999,-0\n", b"\r", b"#", b" ", b"null",
    b'{"step": 1e300, "loss": NaN}\n',
])  # fmt: skip
_HOSTILE = st.binary(max_size=200) | st.lists(_PIECES, max_size=8).map(b"".join) | st.text(max_size=80).map(str.encode)


def error_of(path: Path) -> AurlError | None:
    try:
        log = open_log(path)
    except AurlError as error:
        return error
    assert [type(value) for record in log.records() for value in record.scalars.values()].count(float) > 0
    assert all(isinstance(line, str) for line in [*log.notes, *log.explanation])
    return None


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=_NAMES, content=_HOSTILE)
def test_any_bytes_are_a_log_or_one_clear_error(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path / name, content)
    if (error := error_of(path)) is not None:
        assert str(path) in str(error)
        assert error.exit_code == 2
