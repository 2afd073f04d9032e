"""The examples as a user would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aurl.runs.listing import read_run

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.two_process
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_learns(example: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, example, tmp_path / "run"], check=True, cwd=tmp_path)
    [document] = (tmp_path / "run").rglob("run.json")  # Monitor.start makes a folder for each run
    run = read_run(document.parent)
    assert run.status == "done"
    assert sum(run.document["alerts"].values()) == 0
    assert run.summary["val/loss/total"]["last"] < run.summary["loss/total"]["max"] / 4
