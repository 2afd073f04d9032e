"""A long run: whether a step costs in the end what it cost at first, whether memory stays, and what `close` takes.

    python -m benchmarks.soak                    # 2 million steps of 12 scalars
    python -m benchmarks.soak --steps 200000 --logging tensorboard wandb

The steps come back to back, which no training does: it is the worst case for the sinks and for `close`. The cost is the
caller's, the median of each tenth; memory is that of the process, without its children.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import polars as pl
import psutil

from aurl.monitor import Monitor
from benchmarks.measure import machine, table
from benchmarks.monitor_cost import NAMES, _scalars

TENTHS = 10


class Tenth(NamedTuple):
    """One tenth of the run: microseconds a step, and the process's memory in MB after it."""

    median_us: float
    memory_mb: float


class Soaked(NamedTuple):
    """What a run took."""

    tenths: list[Tenth]
    close_seconds: float
    rows: int


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    print(f"before: {machine()}")
    with TemporaryDirectory(prefix="aurl-soak-", dir=options.folder) as folder:
        soaked = soak(Path(folder, "run"), options.steps, options.logging, options.pause)
    print(f"after: {machine()}\n")
    rows = [[f"{number}/{TENTHS}", f"{us:.1f}", f"{mb:.0f}"] for number, (us, mb) in enumerate(soaked.tenths, 1)]
    print(table(f"{options.steps:,} steps of {len(NAMES)} scalars", ["part", "us a step", "memory, MB"], rows))
    first, last = soaked.tenths[1], soaked.tenths[-1]
    print(f"\ncost at the end / at the beginning: {last.median_us / first.median_us:.2f} (at most 1.1)")
    print(f"memory at the end / at the beginning: {last.memory_mb / first.memory_mb:.2f}")
    print(f"close(): {soaked.close_seconds:.1f} s (at most 20); rows in scalars.parquet: {soaked.rows:,}")


def soak(path: Path, steps: int, logging: Sequence[str], pause: float = 0.0) -> Soaked:
    """Log so many steps to a new run at `path`, and close it.

    Args:
        pause: seconds to sleep after every hundred steps.
    """
    process = psutil.Process()
    monitor = Monitor.open(path, logging=list(logging), anomaly="default")
    values = cycle(list(_scalars(min(steps, 20_000))))
    tenths, spent = [], []
    for step in range(1, steps + 1):
        scalars = next(values)
        began = time.perf_counter_ns()
        monitor.step(step, scalars)
        spent.append(time.perf_counter_ns() - began)
        if pause and step % 100 == 0:
            time.sleep(pause)
        if step % max(1, steps // TENTHS) == 0:
            tenths.append(Tenth(median(spent) / 1e3, process.memory_info().rss / 2**20))
            spent = []
    began = time.perf_counter_ns()
    monitor.close()
    seconds = (time.perf_counter_ns() - began) / 1e9
    found = pl.scan_parquet(path / "events" / "scalars.parquet").filter(pl.col("kind") == "step")
    return Soaked(tenths, seconds, found.select(pl.len()).collect().item())


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.soak")
    parser.add_argument("--steps", type=int, default=2_000_000)
    parser.add_argument("--logging", nargs="*", default=["tensorboard"])
    parser.add_argument("--pause", type=float, default=0.0, help="seconds after every hundred steps")
    parser.add_argument("--folder", help="where to write; the temporary folder by default")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
