"""What commands and a training step cost here and in another checkout of aurl, in turn:

    git worktree add /tmp/before COMMIT
    python -m benchmarks.before_and_after /tmp/before

Each command runs in both checkouts, one after the other, `--rounds` times; what is compared is the CPU time of the
whole process, and printed is the median of the ratios after / before, with the range of the middle half.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

HERE = Path(__file__).resolve().parent.parent
TRAIN = (
    "data=synthetic", "model=transformer", "model/size=tiny", "trainer.epochs=null", "trainer.eval_every=100000",
    "trainer.probe_every=0", "sample.count=0", "sample.scored=0", "sample.continuations=0", "logging=[tensorboard]",
    "pictures=[]", "report=false", "probe_seconds=0", "name=cost",
)  # fmt: skip
COMMANDS = {
    "import aurl": ("-c", "import aurl"),
    "aurl --help": ("-m", "aurl", "--help"),
    "aurl runs": ("-m", "aurl", "runs", "{runs}"),
    "aurl check": ("-m", "aurl", "check", "experiment=quick"),
}


def main() -> None:
    """Print one line a command, and one for a training step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, nargs=2, default=(20, 220), help="a step costs the difference, shared out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        runs = Path(scratch) / "runs"
        _cpu(HERE, ("train.py", *TRAIN, "trainer.steps=2", f"paths.outputs={runs}"))
        for name, command in COMMANDS.items():
            filled = [word.replace("{runs}", str(runs)) for word in command]
            pairs = [(_cpu(options.before, filled), _cpu(HERE, filled)) for _ in range(options.rounds)]
            _show(name, pairs)
        pairs = [
            (_step(options.before, options.steps, Path(scratch)), _step(HERE, options.steps, Path(scratch)))
            for _ in range(options.rounds)
        ]
        _show("a training step", pairs)


def _step(checkout: Path, steps: Sequence[int], scratch: Path) -> float:
    """CPU seconds of one step: a long run less a short one."""
    short, long = steps
    costs = []
    for count in (short, long):
        outputs = tempfile.mkdtemp(dir=scratch)
        costs.append(_cpu(checkout, ("train.py", *TRAIN, f"trainer.steps={count}", f"paths.outputs={outputs}")))
    return (costs[1] - costs[0]) / (long - short)


def _cpu(checkout: Path, arguments: Sequence[str]) -> float:
    """CPU seconds of a Python process with these arguments in a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=checkout, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _show(name: str, pairs: Sequence[tuple[float, float]]) -> None:
    ratios = [after / before for before, after in pairs]
    low, _, high = quantiles(ratios, n=4)
    seconds = [median(column) for column in zip(*pairs, strict=True)]
    unit, scale = ("ms", 1e3) if max(seconds) < 1 else ("s", 1.0)
    costs = f"{seconds[0] * scale:.2f} -> {seconds[1] * scale:.2f} {unit} of CPU"
    print(f"{name:16}  {costs:32}  ratio {median(ratios):.3f} ({low:.3f} to {high:.3f})", flush=True)


if __name__ == "__main__":
    main()
