"""What all sinks together cost the training thread, what a message costs, and what a kill loses; peers in the same run.

    python -m benchmarks.sinks                    # all three tables, some twenty minutes
    python -m benchmarks.sinks cost --rounds 1
    python -m benchmarks.sinks message
    python -m benchmarks.sinks killed --kills 5

`cost` is `benchmarks.monitor_cost` with everything on: event log, text log, TensorBoard, W&B offline and all detectors.
`message` times one INFO line: a NOTE record through the Monitor, with the text log behind it, and Python's
RotatingFileHandler with the same file size and number of backups. `killed` lets a process log a step every few
milliseconds, ends it with SIGKILL at a random moment, and counts the steps that were acknowledged, that is whose call
had returned, but cannot be read back; then `aurl replay` writes TensorBoard and W&B from aurl's log, and both are
counted by their own readers.
"""

from __future__ import annotations

import argparse
import csv
import logging
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from aurl.lint.readers.wandb_log import WandbLog
from aurl.monitor import Monitor
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.runs.rundir import RunDirectory
from aurl.sinks.chosen import choose_sinks
from aurl.sinks.replay import replay
from aurl.sinks.textlog import TextLog
from benchmarks import monitor_cost
from benchmarks.loggers import LOGGERS, available
from benchmarks.measure import in_child, machine, spread, table

EVERYTHING = "aurl: all sinks and detectors"
PEERS = (
    "SummaryWriter", "wandb offline (optional)", "Lightning CSVLogger, saved each step", "trackio (optional)",
    "mlflow, file store (optional)",
)  # fmt: skip
LIMITS = {"hot": 60.0, "cold": 150.0}
SIZE, BACKUPS = 100_000_000, 5
Reader = Callable[[Path], set[int]]


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    parts = {"cost": cost, "message": message, "killed": killed}
    for name in [options.part] if options.part else parts:
        with TemporaryDirectory(prefix="aurl-sinks-", dir=options.folder) as folder:
            print(f"{name}: {machine()}", flush=True)
            print(f"\n{parts[name](options, Path(folder))}\n", flush=True)


def cost(options: argparse.Namespace, folder: Path) -> str:
    """Microseconds a step on the training thread, and the CPU of everything, aurl with all sinks beside its peers."""
    chosen = {name: make for name, make in available().items() if name in (EVERYTHING, monitor_cost.BASE, *PEERS)}
    found: dict[str, list[monitor_cost.Cost]] = {name: [] for name in chosen}
    for number in range(options.rounds):
        for place, (name, make) in enumerate(chosen.items()):
            home = folder / f"{number}-{place}"
            found[name].append(monitor_cost.measure(make, home, options.steps, options.cold_steps))
    ours = found[EVERYTHING]
    rows = [[when, f"{limit:.0f}", spread([getattr(c, when) for c in ours], ".1f")] for when, limit in LIMITS.items()]
    verdict = table("Everything on, median microseconds a step", ["", "at most", "measured"], rows)
    return f"{monitor_cost.cost_table(found)}\n\n{verdict}"


def message(options: argparse.Namespace, folder: Path) -> str:
    """Microseconds that one log message costs its caller."""
    sides = {"aurl: NOTE record, text log behind it": _note, "RotatingFileHandler": _handler}
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(options.rounds):
        for place, (name, side) in enumerate(sides.items()):
            home = folder / f"{number}-{place}"
            home.mkdir()
            found[name].append(in_child(partial(side, home, options.messages), home / "out.txt"))
    theirs = median(found["RotatingFileHandler"])
    rows = [[name, spread(values, ".1f"), f"{median(values) / theirs:.2f}"] for name, values in found.items()]
    return table("Median microseconds a message on the caller", ["", "us", "ratio"], rows)


def killed(options: argparse.Namespace, folder: Path) -> str:
    """Acknowledged steps that cannot be read after SIGKILL."""
    rows: list[list[str]] = []
    for name, read in _readers():
        lost, acknowledged = [], 0
        for number in range(options.kills):
            home = folder / f"{number}-{len(rows)}"
            home.mkdir()
            told = _log_until_killed(name, home, random.Random(number).uniform(1.0, 3.0), options.pause)
            lost.append(len(told - read(home)))
            acknowledged += len(told)
        rows.append([name, str(options.kills), str(acknowledged), spread(lost, "g"), str(sum(lost))])
    head = ["logger", "kills", "steps acknowledged", "lost a kill", "lost in all"]
    return table(f"SIGKILL while a step is logged every {options.pause * 1e3:g} ms", head, rows)


def _note(folder: Path, count: int) -> float:
    run = RunDirectory(folder / "run")
    run.create()
    spent = []
    with Monitor(run, sinks=[TextLog(max_bytes=SIZE, backups=BACKUPS)]) as monitor:
        for number in range(count):
            start = time.perf_counter_ns()
            monitor.note(f"message {number} of a training that says something now and then")
            spent.append(time.perf_counter_ns() - start)
    return median(spent) / 1e3


def _handler(folder: Path, count: int) -> float:
    log = logging.getLogger("benchmark")
    log.setLevel(logging.INFO)
    log.propagate = False
    handler = RotatingFileHandler(folder / "train.log", maxBytes=SIZE, backupCount=BACKUPS)
    handler.setFormatter(logging.Formatter("[%(asctime)s.%(msecs)03d] [%(levelname)s] [%(module)s] %(message)s"))
    log.addHandler(handler)
    spent = []
    for number in range(count):
        start = time.perf_counter_ns()
        log.info("message %d of a training that says something now and then", number)
        spent.append(time.perf_counter_ns() - start)
    return median(spent) / 1e3


def _readers() -> Iterator[tuple[str, Reader]]:
    """Each logger, and how the steps that it kept are read back by its own reader."""
    yield EVERYTHING, lambda folder: {r.step for r in read_records(folder / "run") if r.kind is Kind.STEP}
    yield f"{EVERYTHING}; TensorBoard after replay", _tensorboard_again
    if "wandb offline (optional)" in available():
        yield f"{EVERYTHING}; W&B after replay", _wandb_again
    yield "SummaryWriter", lambda folder: _tensorboard(folder / "run")
    if "wandb offline (optional)" in available():
        yield "wandb offline (optional)", lambda folder: _wandb(folder / "run")
    if "Lightning CSVLogger, saved each step" in available():
        yield "Lightning CSVLogger, saved each step", _csv


def _tensorboard_again(folder: Path) -> set[int]:
    [sink] = choose_sinks("tensorboard")
    replay(folder / "run", sink)
    return _tensorboard(folder / "run" / "events" / "tensorboard")


def _wandb_again(folder: Path) -> set[int]:
    [sink] = choose_sinks("wandb")
    replay(folder / "run", sink)
    return _wandb(folder / "run" / "events" / "wandb")


def _tensorboard(folder: Path) -> set[int]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    scalars = accumulator.Tags()["scalars"]
    return {event.step for event in accumulator.Scalars("loss/total")} if "loss/total" in scalars else set()


def _wandb(folder: Path) -> set[int]:
    files = [path for path in folder.rglob("run-*.wandb") if path.is_file()]
    rows = [row for path in files for row in WandbLog(path).rows(lambda _line, _reason: None)]
    return {int(row.values.get("step", row.step or 0)) for row in rows if "loss/total" in row.values}


def _csv(folder: Path) -> set[int]:
    steps: set[int] = set()
    for path in folder.rglob("metrics.csv"):
        with path.open(newline="") as file:
            steps |= {int(row["step"]) for row in csv.DictReader(file) if row.get("step") and row.get("loss/total")}
    return steps


def _log_until_killed(name: str, folder: Path, seconds: float, pause: float) -> set[int]:
    """Start a process that logs with this logger, kill it after so many seconds of logging; the steps it had done."""
    arguments = [sys.executable, "-m", "benchmarks.sinks", "--child", name.partition(";")[0], str(folder), str(pause)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
    time.sleep(1.0)  # helpers of a killed logger may still write what they were given
    whole = (first + rest).rpartition(b"\n")[0]
    return {int(line) for line in whole.split()}


def _child(name: str, folder: Path, pause: float) -> None:
    """Log until killed; a step is acknowledged on standard output once its call has returned."""
    (folder / "run").mkdir(exist_ok=True)
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever a logger prints is no acknowledgement
    logger = LOGGERS[name](folder / "run")
    step = 0
    while True:
        step += 1
        logger.log(step, dict.fromkeys(monitor_cost.NAMES, 1 / step))
        out.write(f"{step}\n")
        out.flush()
        time.sleep(pause)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.sinks")
    parser.add_argument("part", nargs="?", choices=["cost", "message", "killed"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20_000, help="back to back")
    parser.add_argument("--cold-steps", type=int, default=1_000, help="with work between")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--pause", type=float, default=0.005, help="seconds between two steps of what is killed")
    parser.add_argument("--folder", help="where to write; the temporary folder by default")
    return parser.parse_args(argv)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
    else:
        main()
