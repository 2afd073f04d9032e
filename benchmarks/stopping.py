"""How long a run takes from SIGTERM to its exit, stopped in the middle of a sampling round, beside busy processes.

python -m benchmarks.stopping
python -m benchmarks.stopping --busy 0 --runs 1
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import machine, spread

OPTIONS = (
    "experiment=quick", "data=synthetic", "model=transformer", "trainer.steps=400", "trainer.eval_every=20",
    "sample.scored=64", "sample.count=4", "logging=[tensorboard]", "report=false",
)  # fmt: skip
BUSY = "while True: sum(range(10000))"


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(options.busy)]
    try:
        with TemporaryDirectory(prefix="aurl-stopping-") as folder:
            found = [seconds_to_exit(Path(folder, str(number)), 0.5 * number) for number in range(options.runs)]
        print(f"{machine()}, {options.busy} busy processes beside it")
    finally:
        for process in busy:
            process.kill()
            process.wait()
    print(f"SIGTERM to exit in a sampling round, seconds: {spread(found, '.1f')} (at most 10)")


def seconds_to_exit(run: Path, after: float) -> float:
    """Train, and send SIGTERM so many seconds after the first evaluation, when samples are being drawn.

    Raises:
        RuntimeError: the run did not end as preempted, with a checkpoint.
    """
    command = [sys.executable, "-m", "aurl", "train", *OPTIONS, f"hydra.run.dir='{run}'"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        log = run / "events" / "records.jsonl"
        while process.poll() is None and not (log.exists() and b'"kind":"eval"' in log.read_bytes()):
            time.sleep(0.05)
        time.sleep(after)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait()
    if code != 75 or not (run / "checkpoints" / "latest").exists():
        raise RuntimeError(f"exit code {code}, checkpoints {[path.name for path in run.glob('checkpoints/*')]}")
    return time.monotonic() - began


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.stopping")
    parser.add_argument("--busy", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
