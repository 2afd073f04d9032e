"""`kill -9` and `resume=latest`, with real processes: nothing acknowledged is lost, and the losses stay the same."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BufferedReader
from pathlib import Path

import pytest

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from tests.conftest import TINY, Trainer

PLAN = ("trainer.epochs=4", "checkpoint.every=5", "seed=3")
"""Twenty steps, a checkpoint after each fifth."""

ANNOUNCING = """
import os, sys
from aurl.train import checkpoint
from aurl.cli import main
from aurl.runs.codec import encode
from aurl.runs.eventlog import EventLog

append, save = EventLog.append, checkpoint.save

def announced_append(log, record):
    append(log, record)
    os.write(pipe, encode(record))

def announced_save(folder, *parts):
    os.write(pipe, f"saving {folder.name}\\n".encode())
    save(folder, *parts)

pipe = int(sys.argv[1])
EventLog.append, checkpoint.save = announced_append, announced_save
sys.exit(main(["train", *sys.argv[2:]]))
"""
"""`aurl train`, which tells in a pipe each record that the log has acknowledged, and each checkpoint that it begins."""


@pytest.mark.slow
@pytest.mark.two_process
def test_a_run_killed_again_and_again_ends_as_if_it_never_was(train: Trainer) -> None:
    whole = train("whole", *PLAN).folder
    outputs = train.folder / "outputs"
    acknowledged: list[bytes] = []
    begin = [*TINY, *PLAN, f"paths.outputs='{outputs}'"]
    resume = ["resume=latest", f"paths.outputs='{outputs}'"]
    for overrides, last_words in (
        (begin, b'"kind":"step","step":3,'),  # before there is any checkpoint
        (resume, b'"kind":"step","step":9,'),  # between two
        (resume, b"saving step_00000015"),  # while one is written
    ):
        acknowledged += killed_after(overrides, last_words)
        [run] = (outputs / "tiny").iterdir()
        logged = (run / "events" / "records.jsonl").read_bytes().splitlines(keepends=True)
        assert set(acknowledged) <= set(logged)
        assert logged_steps(run), "the log is readable at any time"
    assert finished(resume) == 0
    starts = [record.fields["resumed_from"] for record in read_records(run) if record.kind == Kind.START]
    assert starts == [None, 0, 5, 10]
    assert logged_steps(run) == logged_steps(whole)
    assert not list((run / "checkpoints").glob(".*.partial")), "the next checkpoint cleans up"


def killed_after(overrides: list[str], last_words: bytes) -> list[bytes]:
    """Train in a process that is killed as soon as it has announced this; the lines of records it announced."""
    process, pipe = start(overrides)
    lines = []
    with pipe:
        for line in pipe:
            if last_words in line:
                process.kill()
            if line.startswith(b"{") and line.endswith(b"\n"):
                lines.append(line)
    assert process.wait() == -9
    return lines


def finished(overrides: list[str]) -> int:
    process, pipe = start(overrides)
    with pipe:
        pipe.read()
    return process.wait()


def start(overrides: list[str]) -> tuple[subprocess.Popen[bytes], BufferedReader]:
    """A training, and the pipe in which it announces."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", ANNOUNCING, str(writing), *overrides],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    os.close(writing)
    return process, os.fdopen(reading, "rb")


def logged_steps(run: Path) -> dict[int, dict[str, float]]:
    """The losses and norms of each step, stretches that a resume superseded left out."""
    steps: dict[int, dict[str, float]] = {}
    for record in read_records(run):
        resumed_from = record.fields.get("resumed_from") if record.kind == Kind.START else None
        if isinstance(resumed_from, int):
            steps = {step: values for step, values in steps.items() if step <= resumed_from}
        if record.kind == Kind.STEP:
            steps[record.step] = untimed(record)
    return steps


def untimed(record: Record) -> dict[str, float]:
    return {name: value for name, value in record.scalars.items() if not name.startswith(("time/", "throughput/"))}
