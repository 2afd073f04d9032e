"""`aurl watch` as a person and as a script use it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import aurl
from aurl.cli import main


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "outputs" / "mine"
    with aurl.Monitor.open(folder, logging=[], steps=30) as monitor:
        for step in range(1, 31):
            monitor.step(step, {"loss/total": 3.0 / step, "lr": 0.1}, epoch=1)
    return folder


def test_without_a_terminal_it_prints_one_page(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(run), "--width", "90"]) == 0
    text = capsys.readouterr().out
    assert "mine  done" in text
    assert "step 30/30" in text
    assert "loss/total 0.1" in text
    assert max(map(len, text.splitlines())) <= 90


def test_json_is_one_document(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "latest", "loss/total", "--outputs", str(run.parent), "--once", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["step"], told["scalars"]) == ("done", 30, {"loss/total": 0.1})


def test_json_of_a_finished_run_ends_by_itself(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(run), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_unknown_scalars_and_runs_are_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(run), "loss/totl", "--once"]) == 2
    assert "loss/totl: this run has no such scalar. Did you mean 'loss/total'?" in capsys.readouterr().err
    assert main(["watch", "nope", "--outputs", str(run.parent)]) == 2
    assert "nope: no such run" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--every", "0"], ["--width", "3"], ["--every", "soon"]])
def test_settings_out_of_range(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["watch", *arguments])
    assert ended.value.code == 2
    assert "is not a number of" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.two_process
def test_on_a_terminal_it_ends_with_the_run_and_leaves_the_last_page(run: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "aurl", "watch", str(run)]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    seen = b""
    while True:
        try:
            chunk = os.read(leader, 65_536)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        seen += chunk
    assert process.wait(20) == 0
    assert b"\x1b[?1049h" in seen  # the alternate screen was entered,
    assert b"\x1b[?1049l" in seen  # left,
    assert "step 30/30" in seen.split(b"\x1b[?1049l")[-1].decode()  # and the last page stands in the scroll-back
