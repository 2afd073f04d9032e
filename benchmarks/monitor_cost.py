"""What logging 12 scalars a step costs the training thread, and all threads together.

    python -m benchmarks.monitor_cost
    python -m benchmarks.monitor_cost --rounds 1 --only aurl limit

Hot is back to back; cold is after some 2 ms of Python and numpy work, which is nearer to what a loop sees. Each
measurement runs in a process of its own, and the loggers take turns, so that a busy machine hits all alike. Imports
are not counted, opening is not either, closing is. wandb and trackio are measured where they are installed; trackio
pins other packages than aurl does and wants an environment of its own.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from benchmarks.loggers import Logger, available, import_ahead
from benchmarks.measure import cpu_seconds, in_child, machine, percentile, spread, table

NAMES = (
    "loss/total", "loss/recon", "loss/kl", "loss/adv", "loss/disc", "grad/norm", "grad/norm_disc", "lr", "time/step",
    "time/data", "throughput/samples", "throughput/tokens",
)  # fmt: skip
OURS, WRITER = "aurl: event log, text log, TensorBoard", "SummaryWriter"
BASE, LIMIT = "nothing", "limit: orjson + write"


class Cost(NamedTuple):
    """Caller's microseconds a step, and CPU seconds of the process (for the hot steps, closing included)."""

    hot: float
    hot_p99: float
    cold: float
    cold_p99: float
    cpu: float


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    loggers = {name: make for name, make in available().items() if _wanted(name, options.only)}
    import_ahead(loggers)
    print(f"before: {machine()}")
    found: dict[str, list[Cost]] = defaultdict(list)
    with TemporaryDirectory(prefix="aurl-cost-", dir=options.folder) as folder:
        for number in range(options.rounds):
            for place, (name, make) in enumerate(loggers.items()):
                home = Path(folder, f"{number}-{place}")
                found[name].append(measure(make, home, options.steps, options.cold_steps))
    print(f"after: {machine()}, {options.rounds} rounds of {options.steps} hot and {options.cold_steps} cold steps\n")
    print(cost_table(found))
    if {OURS, WRITER, BASE, LIMIT} <= found.keys():
        print("\n" + target_table(found))


def measure(make: Callable[[Path], Logger], home: Path, steps: int, cold_steps: int) -> Cost:
    """One logger once, hot and cold, each in a new process and folder."""

    def hot() -> tuple[list[int], float]:
        return _spent(make, _made(home / "hot"), steps, work=None)

    def cold() -> tuple[list[int], float]:
        return _spent(make, _made(home / "cold"), cold_steps, work=_Work())

    home.mkdir(parents=True)
    fast, cpu = in_child(hot, home / "hot.txt")
    slow, _ = in_child(cold, home / "cold.txt")
    return Cost(
        hot=median(fast) / 1e3,
        hot_p99=percentile(fast, 0.99) / 1e3,
        cold=median(slow) / 1e3,
        cold_p99=percentile(slow, 0.99) / 1e3,
        cpu=cpu,
    )


def cost_table(found: dict[str, list[Cost]]) -> str:
    """A row for each logger: medians over the rounds, and the range of the medians."""
    base = median(cost.cpu for cost in found[BASE]) if BASE in found else 0.0
    rows = []
    for name, costs in found.items():
        hot, hot_p99, cold, cold_p99, cpu = zip(*costs, strict=True)
        shown = [spread(hot, ".1f"), f"{median(hot_p99):.0f}", spread(cold, ".0f"), f"{median(cold_p99):.0f}"]
        rows.append([name, *shown, f"{median(cpu) - base:.2f}"])
    head = ["logger", "hot median", "hot p99", "cold median", "cold p99", "CPU s, hot steps"]
    return table("Microseconds a step of 12 scalars on the calling thread; CPU of all threads and children", head, rows)


def target_table(found: dict[str, list[Cost]]) -> str:
    """The figures that aurl aims at, and what they come to beside the others of the same round."""
    base = [cost.cpu for cost in found[BASE]]
    cpu = {name: [cost.cpu - idle for cost, idle in zip(found[name], base, strict=True)] for name in (OURS, WRITER)}
    rows = [
        ["hot median, us", "15", *_ratios(found, "hot")],
        ["cold median, us", "60", *_ratios(found, "cold")],
        ["CPU of all, s", "0.2 of SummaryWriter's", spread(cpu[OURS], ".2f"), "", _ratio(cpu[OURS], cpu[WRITER])],
    ]
    head = ["figure", "at most", "aurl", "ratio to the limit", "ratio to SummaryWriter"]
    return table(f"{OURS}: median over the rounds, and range", head, rows)


def _ratios(found: dict[str, list[Cost]], figure: str) -> list[str]:
    ours, limit, writer = ([getattr(cost, figure) for cost in found[name]] for name in (OURS, LIMIT, WRITER))
    return [spread(ours, ".1f"), _ratio(ours, limit), _ratio(ours, writer)]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return spread([mine / yours for mine, yours in zip(ours, theirs, strict=True)], ".3f")


def _spent(
    make: Callable[[Path], Logger], folder: Path, steps: int, work: Callable[[], object] | None
) -> tuple[list[int], float]:
    """Nanoseconds of each step's call, and CPU seconds from the first step to the end of closing."""
    logger = make(folder)
    spent = []
    began = cpu_seconds()
    for step, scalars in enumerate(_scalars(steps), 1):
        if work is not None:
            work()
        start = time.perf_counter_ns()
        logger.log(step, scalars)
        spent.append(time.perf_counter_ns() - start)
    logger.close()
    return spent, cpu_seconds() - began


def _scalars(steps: int) -> Iterator[dict[str, float]]:
    """Losses as they are: falling, with noise of some per cent; a fiftieth of a step is waiting for data."""
    noise = 1 + 0.03 * np.random.default_rng(0).standard_normal((steps, len(NAMES)))
    noise[:, NAMES.index("time/data")] *= 0.02
    falling = 1 / np.sqrt(1 + np.arange(steps) / 1000)
    for row in (noise * falling[:, None]).tolist():
        yield dict(zip(NAMES, row, strict=True))


class _Work:
    """Some 2 ms of Python and numpy, over more memory than the nearest caches hold."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def __call__(self) -> object:
        values = self._rng.standard_normal(30_000)
        values.sort()
        return {number: str(number) for number in range(3_000)}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _wanted(name: str, only: Sequence[str] | None) -> bool:
    return not only or any(part in name for part in only)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.monitor_cost")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20_000, help="back to back")
    parser.add_argument("--cold-steps", type=int, default=1_000, help="with work between")
    parser.add_argument("--only", nargs="*", help="loggers whose names contain one of these words")
    parser.add_argument("--folder", help="where to write; the temporary folder by default")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
