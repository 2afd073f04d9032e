"""What is slow to load is not loaded before somebody needs it: neither for a check nor for the first step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY

LATE = ("torch._dynamo", "torch.distributed.checkpoint", "sympy", "pandas", "tensorboard", "matplotlib", "scipy")
PROGRAM = """
import gc, sys
from aurl.cli import main
from aurl.train.engine import Engine
step = Engine.train_step
def first(self, *given):
    made = step(self, *given)
    print("LOADED", *sys.modules)
    print("COLLECTOR", gc.isenabled(), gc.get_freeze_count() > 100_000)
    Engine.train_step = step
    return made
Engine.train_step = first
code = main(sys.argv[1:])
print("LOADED", *sys.modules)
print("COLLECTOR", gc.isenabled(), gc.get_freeze_count() > 100_000)
raise SystemExit(code)
"""


def lines(folder: Path, *arguments: str) -> list[list[str]]:
    """What the program prints of itself."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines() if line.startswith(("LOADED", "COLLECTOR"))]


@pytest.mark.slow
def test_the_first_step_comes_before_what_only_later_parts_need(tmp_path: Path) -> None:
    early, held, _, after = lines(tmp_path, "train", *TINY, "trainer.steps=1", "model=vae_gan", "pictures=[graph]")
    assert not {*LATE} & {*early}
    assert held == ["COLLECTOR", "True", "True"], "what was set up is walked by no collection while it trains"
    assert after == ["COLLECTOR", "True", "False"], "a sweep's next job finds the memory of this one free"


@pytest.mark.slow
def test_a_check_loads_no_compiler(tmp_path: Path) -> None:
    loaded, _ = lines(tmp_path, "check", "model=vae_gan")
    assert not {*LATE} & {*loaded}
