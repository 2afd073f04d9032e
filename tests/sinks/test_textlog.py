from __future__ import annotations

import gzip
import math
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.textlog import LINE, Messages, TextLog
from tests.sinks.conftest import NOON, step, whole_run
from tests.sinks.test_rotating_file import everything

HOSTILE = st.text(st.characters(), max_size=12)
NAMES = st.sampled_from(["loss/total", "loss/kl", "val/loss/total", "lr", "grad/norm", "system/ram_gb", "quality/a"])
COUNTS = ["epoch", "epochs", "batch", "batches", "files", "augmented", "eta", "count", "parameters", "slot", "rejected"]
WORDS = ["path", "message", "module", "level", "severity", "cause", "suggestions", "type", "status", "run", "model"]
FIELDS = st.sampled_from([*COUNTS, *WORDS])
NUMBERS = st.floats() | st.integers() | st.integers(10**400, 10**401)
VALUES = HOSTILE | NUMBERS | st.none() | st.booleans() | st.lists(HOSTILE, max_size=2)
RECORDS = st.builds(
    Record,
    kind=st.sampled_from([*Kind, "of a later version"]),
    step=st.integers(),
    scalars=st.dictionaries(NAMES | HOSTILE | HOSTILE.map("loss/".__add__), NUMBERS, max_size=5),
    fields=st.dictionaries(FIELDS, VALUES, max_size=8),
    time=st.floats(),
)


def kinds_of(lines: list[str]) -> list[str]:
    """The entry of `LINE` that each line matches; a line that matches none fails the test."""
    found = []
    for line in lines:
        matching = [name for name, pattern in LINE.items() if pattern.fullmatch(line)]
        assert matching, f"matches no entry of LINE: {line!r}"
        found.append(matching[0])
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORDS, max_size=4))
def test_every_line_of_any_record_matches_the_fixed_format(records: list[Record]) -> None:
    messages = Messages()
    for record in records:
        messages.remember(record)
        text = messages.render(record)
        assert text == "" or text.endswith("\n")
        text.encode()
        lines = text.splitlines()  # also at \x0b, \x85, \u2028, ...: an editor must not see other lines than we do
        kinds = kinds_of(lines)
        assert kinds == sorted(set(kinds), key=list(LINE).index)
        assert not kinds or kinds[0] == "header"


def read(run: RunDirectory) -> list[str]:
    return run.train_log.read_text().splitlines()


def write(run: RunDirectory, records: list[Record], **options: int) -> list[str]:
    log = TextLog(**options)
    log.open(run)
    for record in records:
        log.write(record)
    log.flush()
    log.close()
    return read(run)


def test_a_step_reads_as_documented(run: RunDirectory) -> None:
    system = Record(Kind.SYSTEM, 0, {"system/ram_gb": 8.5, "system/gpu_used_gb": 3.2, "system/gpu_total_gb": 4.0})
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOON + 1))
    assert write(run, [system, step(1)]) == [
        f"[{clock}.000] [INFO] [train] Step 1: learning rate 0.0003, gradient norm 1.5, 5120 tokens/s",
        "  - Epoch: 1/3, Batch: 1/4",
        "  - Files processed: 800 (300 augmented)",
        "  - Losses: {total: 0.575, recon: 0.45, kl: 0.125, aux: 3}",
        "  - Memory: GPU 3.20GB/4.00GB, RAM: 8.50GB",
        "  - ETA: 2h 15min",
    ]


def test_a_whole_run_says_each_thing_with_the_lines_that_apply(run: RunDirectory) -> None:
    lines = write(run, whole_run(), every=100)
    headers = [match for line in lines if (match := LINE["header"].fullmatch(line))]
    assert [(match["level"], match["module"]) for match in headers] == [
        ("INFO", "run"),
        ("INFO", "train"),
        ("INFO", "train"),
        ("ERROR", "anomaly"),
        ("INFO", "data"),
        ("INFO", "sample"),
        ("INFO", "quality"),
        ("INFO", "eval"),
        ("INFO", "train"),
        ("INFO", "checkpoint"),
        ("ERROR", "monitor"),
        ("INFO", "run"),
    ]
    epoch = next(place for place, line in enumerate(lines) if line.endswith("] Epoch 1 complete"))
    assert lines[epoch + 1 : epoch + 6] == [
        "  - Epoch: 1/3, Batch: 4/4",
        "  - Files processed: 8 (3 augmented)",
        "  - Losses: {total: 0.55}",
        "  - Memory: GPU 3.20GB/4.00GB, RAM: 8.50GB",
        "  - ETA: 2h 15min",
    ]
    assert "  - Samples saved: samples/000004_0.mid" in lines
    assert "  - Files processed: 4 (1 augmented)" in lines


def test_of_the_steps_each_nth_is_written_and_the_first_and_last_of_an_epoch(run: RunDirectory) -> None:
    lines = write(run, [step(number, batches=7) for number in range(1, 22)], every=5)
    steps = [line.split("] Step ")[1].split(":")[0] for line in lines if "] Step " in line]
    assert steps == ["1", "5", "7", "8", "10", "14", "15", "20", "21"]


def test_steps_without_a_place_in_an_epoch_are_written_too(run: RunDirectory) -> None:
    bare = [Record(Kind.STEP, number, {"loss/total": math.nan}, {}, NOON) for number in range(5)]
    lines = write(run, bare, every=2)
    assert lines[1::2] == ["  - Losses: {total: nan}"] * 3


def test_a_value_cannot_forge_a_line(run: RunDirectory) -> None:
    forged = "x\n[2026-01-01 00:00:00.000] [INFO] [train] Step 99"
    lines = write(run, [Record(Kind.NOTE, 1, fields={"message": forged, "module": "a] [b\n"}, time=NOON)])
    assert len(lines) == 1
    match = LINE["header"].fullmatch(lines[0])
    assert match is not None
    assert (match["module"], match["message"]) == ("a_b_", forged.replace("\n", "\\n"))


def test_a_path_cannot_forge_a_line(run: RunDirectory) -> None:
    lines = write(run, [Record(Kind.SAMPLE, 1, fields={"path": "a\n  - ETA: 1s\x1b"}, time=NOON)])
    assert lines[1:] == ["  - Samples saved: a\\n  - ETA: 1s\\x1b"]


def test_each_message_is_in_the_file_before_the_next_call(run: RunDirectory) -> None:
    log = TextLog(every=1)
    log.open(run)
    for number in range(1, 4):
        log.write(step(number))
        assert sum("] Step " in line for line in read(run)) == number
    log.close()


def test_a_resumed_run_appends(run: RunDirectory) -> None:
    before = write(run, [step(1)])
    run.train_log.write_bytes(run.train_log.read_bytes() + b"[2026-01-01 torn")
    after = write(run, [step(2, batches=2)])
    assert after[: len(before) + 1] == [*before, "[2026-01-01 torn"]
    assert "] Step 2" in after[len(before) + 1]


def test_rotation_loses_no_step(run: RunDirectory) -> None:
    write(run, [step(number) for number in range(1, 300)], every=1, max_bytes=4000, backups=1000)
    assert len(list(run.logs.iterdir())) > 10
    kept = everything(run.train_log).decode().splitlines()
    kinds_of(kept)
    assert [line.split("] Step ")[1].split(":")[0] for line in kept if "] Step " in line] == [
        str(number) for number in range(1, 300)
    ]


def test_a_message_is_one_system_call(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    log = TextLog(every=1)
    log.open(run)
    calls: list[int] = []
    write_really = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: calls.append(fd) or write_really(fd, data))
    for number in range(1, 11):
        log.write(step(number))
    monkeypatch.undo()
    log.close()
    assert len(calls) == 10


@pytest.mark.parametrize("option", ["every", "max_bytes", "backups"])
def test_options_below_one_are_refused(option: str) -> None:
    with pytest.raises(ConfigError, match=f"text log: {option}=0: needs at least 1"):
        TextLog(**{option: 0})


def test_a_log_that_cannot_be_opened_raises_and_can_be_closed(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = TextLog()
    with pytest.raises(OSError, match="logs"):
        log.open(RunDirectory(tmp_path))
    log.write(step(1))
    log.flush()
    log.close()


def test_at_midnight_a_new_log_begins(run: RunDirectory) -> None:
    log = TextLog(every=1, daily=True)
    log.open(run)
    midnight = time.mktime((2031, 5, 2, 0, 0, 0, 0, 0, -1))
    log._tomorrow = midnight  # as if the log had been opened on the first of May
    moments = [midnight - 0.01, midnight + 0.01, midnight - 5, midnight + 3600, midnight + 90_000]
    for number, moment in enumerate(moments, 1):
        log.write(Record(Kind.STEP, number, {"loss/total": 1.0}, {}, moment))
    log.close()
    parts = [gzip.decompress((run.logs / f"train.log.{number}.gz").read_bytes()).decode() for number in (2, 1)]
    parts.append(run.train_log.read_text())
    assert [re.findall(r"Step (\d+)", part) for part in parts] == [["1"], ["2", "3", "4"], ["5"]]
