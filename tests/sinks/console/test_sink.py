from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from aurl.errors import ConfigError
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.console.sink import Console
from tests.sinks.conftest import NOON, step, whole_run

ESCAPE_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HOSTILE = "[red]no[/red] \x1b[31mred\x07\r\nforged \u202e"
SHOWN = "[red]no[/red] \\x1b[31mred\\x07\\r\\nforged \\u202e"


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm-256color")


def show(run: RunDirectory, file: TextIO, records: list[Record], terminal: bool | None = None) -> None:
    console = Console(refresh_seconds=0, plain_seconds=0, file=file, terminal=terminal)
    console.open(run)
    for record in records:
        console.write(record)
        console.flush()
    console.close()


def plain(run: RunDirectory, records: list[Record]) -> str:
    file = io.StringIO()
    show(run, file, records)
    return file.getvalue()


def live(run: RunDirectory, records: list[Record]) -> str:
    file = Terminal()
    show(run, file, records)
    return file.getvalue()


def test_where_there_is_no_terminal_it_writes_plain_lines(run: RunDirectory) -> None:
    text = plain(run, whole_run())
    assert "\x1b" not in text
    assert "\r" not in text
    lines = text.splitlines()
    assert lines[0].startswith("Run ab12 started: vae_gan, 3,670,000 parameters, cpu, 3 epochs of 4 batches, in ")
    assert lines[1].startswith("Epoch 1/3, batch 1/4, total 0.575")
    assert lines[1].endswith("ETA 2h 15min (2h-2h 40min)")
    assert "ERROR: loss_spike at step 4: loss/total is 9" in text
    assert "Epoch 1 complete, total 0.55, 44s" in lines
    assert "Validation at step 4: validation next-token accuracy 44.00%, total 0.6" in lines
    assert "Sample at step 4: 48 notes, 8 bars, samples/000004_0.mid" in lines
    assert "ERROR: sink lost" in lines
    assert any(re.fullmatch(r"  status +done: all epochs", line) for line in lines)


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end(run: RunDirectory) -> None:
    text = live(run, whole_run())
    assert "\x1b[?25l" in text  # the cursor is hidden while the bar is up
    assert text.rindex("\x1b[?25h") < text.rindex("status")  # and back before the summary
    bare = ESCAPE_CODE.sub("", text)
    assert "━" in bare
    assert "Epoch 1/3" in bare
    assert "4/4 ETA 2h 15min (2h-2h 40min)" in bare
    assert "waiting for data 20%" in bare
    assert "GPU 3.20GB/4.00GB, RAM 8.50GB" in bare
    assert "ERROR: loss_spike at step 4" in bare
    assert "│ status" in bare
    assert "━" not in bare[bare.rindex("status") :]


def test_both_say_the_same_lines(run: RunDirectory) -> None:
    bare = ESCAPE_CODE.sub("", live(run, whole_run()))
    said = [line for line in plain(run, whole_run()).splitlines() if not line.startswith((" ", "Epoch 1/3"))]
    assert len(said) == 7
    for line in said:
        assert line in bare


@pytest.mark.parametrize("as_shown", [plain, live])
def test_foreign_text_is_shown_literally(run: RunDirectory, as_shown: type[str]) -> None:
    note = Record(Kind.NOTE, 1, fields={"message": HOSTILE}, time=NOON)
    sample = Record(Kind.SAMPLE, 1, {}, {"path": HOSTILE}, NOON)
    end = Record(Kind.END, 1, fields={"status": "failed", "message": HOSTILE}, time=NOON)
    text = ESCAPE_CODE.sub("", as_shown(run, [note, sample, step(1, epoch=HOSTILE), end]))  # type: ignore[call-arg]
    assert text.count(SHOWN) == 3
    assert "\x07" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("terminal", [False, True])
def test_a_stream_of_few_letters_gets_escapes(run: RunDirectory, terminal: bool) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    note = Record(Kind.NOTE, 1, fields={"message": "été"}, time=NOON)
    show(run, file, [note, step(1), *whole_run()], terminal)
    assert b"\\xe9t\\xe9" in raw.getvalue()


def test_debug_notes_and_records_for_machines_are_not_shown(run: RunDirectory) -> None:
    debug = Record(Kind.NOTE, 1, fields={"message": "detail", "level": "debug"}, time=NOON)
    assert plain(run, [debug, Record(Kind.CHECKPOINT, 1), Record(Kind.DATA, 1), Record("later", 1)]) == ""


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_is_shown_at_intervals_and_only_when_there_is_news(run: RunDirectory, terminal: bool) -> None:
    file = io.StringIO()
    console = Console(refresh_seconds=3600, plain_seconds=3600, file=file, terminal=terminal)
    console.open(run)
    for number in range(1, 5):
        console.write(step(number))
        console.flush()
    text = file.getvalue()
    console.close()
    assert text.count("Epoch 1/3") == (1 if terminal else 0)  # a bar at once, a plain line after its interval

    file = io.StringIO()
    console = Console(refresh_seconds=0, plain_seconds=0, file=file, terminal=terminal)
    console.open(run)
    console.write(step(1))
    for _ in range(3):
        console.flush()
    assert file.getvalue().count("Epoch 1/3") == 1
    console.close()


def test_prints_of_the_program_go_above_the_bar(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    console = Console(refresh_seconds=0)
    console.open(run)
    console.write(step(1))
    console.flush()
    assert sys.stdout is not screen
    sys.stdout.write("hello from the program\n")
    console.close()
    assert sys.stdout is screen
    assert "hello from the program\n" in screen.getvalue()


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe's reading end, to be closed by the test, and its writing end."""
    read_end, write_end = os.pipe()
    file = os.fdopen(write_end, "w")
    try:
        yield read_end, file
    finally:
        with contextlib.suppress(BrokenPipeError):
            file.close()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_closed_pipe_is_told_once_and_then_it_is_silent(run: RunDirectory, terminal: bool) -> None:
    with pipe() as (read_end, file):
        os.close(read_end)
        console = Console(refresh_seconds=0, plain_seconds=0, file=file, terminal=terminal)
        console.open(run)
        failures = 0
        for record in whole_run():
            try:
                console.write(record)
                console.flush()
            except BrokenPipeError:
                failures += 1
        assert failures == 1
        console.close()


@pytest.mark.parametrize("bars", [0, 1])
def test_a_terminal_lost_before_or_under_the_bar_gives_the_program_its_streams_back(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, bars: int
) -> None:
    with pipe() as (read_end, file):
        monkeypatch.setattr(sys, "stdout", file)
        console = Console(refresh_seconds=0, terminal=True)
        console.open(run)
        for number in range(bars):
            console.write(step(1 + number))
            console.flush()
        assert (sys.stdout is file) == (bars == 0)
        os.close(read_end)
        console.write(step(4))
        with pytest.raises(BrokenPipeError):
            console.flush()
        assert sys.stdout is file
        console.close()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_closed_stream_is_told_once_too(run: RunDirectory, terminal: bool) -> None:
    file = io.StringIO()
    console = Console(refresh_seconds=0, plain_seconds=0, file=file, terminal=terminal)
    console.open(run)
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        console.write(whole_run()[0])
    for record in whole_run():
        console.write(record)
        console.flush()
    console.close()


PIPED = """
import sys
from pathlib import Path
from aurl.runs.rundir import RunDirectory
from aurl.sinks.console.sink import Console
from tests.sinks.conftest import whole_run
console = Console(plain_seconds=0)
console.open(RunDirectory(Path(sys.argv[1])))
sys.stdin.read()
for record in whole_run():
    try:
        console.write(record)
    except BrokenPipeError:
        print("told", file=sys.stderr)
console.close()
print("the program's own last words")
"""


@pytest.mark.two_process
def test_a_closed_standard_output_does_not_change_the_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PIPED, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, errors = process.communicate("")
    assert (process.returncode, errors) == (0, "told\n")


def test_standard_error_can_be_chosen(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(stderr=True)
    console.open(run)
    console.write(Record(Kind.NOTE, 1, fields={"message": "hello"}, time=NOON))
    console.close()
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_dumb_terminal_gets_plain_lines(run: RunDirectory, term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    assert "\x1b" not in live(run, whole_run())


@pytest.mark.parametrize("option", ["refresh_seconds", "plain_seconds"])
def test_negative_intervals_are_refused(option: str) -> None:
    with pytest.raises(ConfigError, match=f"console: {option}=-1: needs at least 0"):
        Console(**{option: -1})  # type: ignore[arg-type]
