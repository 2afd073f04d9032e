"""Help comes at once: no command loads what is slow to load in order to say what it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aurl.cli import COMMANDS, main
from aurl.machine.conf import conf_dir

HEAVY = {"torch", "hydra", "omegaconf", "numpy", "scipy", "polars", "matplotlib", "starlette", "uvicorn", "sklearn"}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_s_help_loads_nothing_heavy(command: str) -> None:
    program = "import sys; from aurl.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    program += "print('LOADED', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, command, "--help"], capture_output=True, text=True, check=True
    )
    told, _, loaded = done.stdout.rpartition("LOADED")
    assert "usage" in told
    assert HEAVY.isdisjoint(loaded.split()), sorted(HEAVY & set(loaded.split()))


def test_every_group_and_option_of_conf_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    words = capsys.readouterr().out.replace(",", " ").split()
    for group in (path for path in conf_dir().iterdir() if path.is_dir() and path.name != "hydra"):
        assert group.name in words
        assert {option.stem for option in group.glob("*.yaml")} <= set(words)


def test_the_examples_of_the_help_are_right(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["train", "--help"]) == 0
    lines = [
        line.split("   ")[0].split()
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("  aurl train ")
    ]
    assert len(lines) == 4
    for _, _, *overrides in lines:
        if not any(override.startswith(("resume=", "data.root=")) for override in overrides):
            assert main(["check", *overrides, f"paths.outputs={tmp_path}"]) == 0
