"""CPU seconds until a training has made its first step, and of a check: `python -m benchmarks.start_up [RUNS]`.

Each is a process of its own, so imports count. `check` is the whole command; the others are the moments of
`aurl train debug=one_batch scale=base`, from the start of Python on. Medians; all threads summed, one thread for torch.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

_PROGRAM = """
import sys, time
from aurl.cli import main
from aurl.train.engine import Engine
from aurl.run import execution
step, assemble = Engine.train_step, execution.assemble
def told(name, function):
    def call(*given, **named):
        made = function(*given, **named)
        print(f"MOMENT {name} {time.process_time():.3f}", flush=True)
        return made
    return call
print(f"MOMENT imported {time.process_time():.3f}")
Engine.train_step, execution.assemble = told("step_1", step), told("assembled", assemble)
main(sys.argv[1:])
"""
_RUN = ("train", "debug=one_batch", "scale=base")


def main() -> None:
    """Print one line a moment."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            for name, seconds in (*_moments(folder), ("check", _cpu("-m", "aurl", "check"))):
                found.setdefault(name, []).append(seconds)
    for name, values in found.items():
        print(f"{name:10} {statistics.median(values):5.2f} CPU s  ({min(values):.2f} to {max(values):.2f})")


def _moments(folder: str) -> list[tuple[str, float]]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *_RUN, f"paths.outputs={folder}"],
        capture_output=True, text=True, check=True, env=_environment(),
    )  # fmt: skip
    told = [line.split() for line in done.stdout.splitlines() if line.startswith("MOMENT")]
    return [(name, float(seconds)) for _, name, seconds in told]


def _cpu(*arguments: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True, env=_environment())
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


if __name__ == "__main__":
    main()
