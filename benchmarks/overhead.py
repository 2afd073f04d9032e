"""Tokens a second of aurl's whole loop beside a bare PyTorch loop and beside Lightning, same model and batches.

    OMP_NUM_THREADS=1 python -m benchmarks.overhead
    python -m benchmarks.overhead --sizes base --starts 3 --threads 2

aurl has everything on: event log, text log, console, TensorBoard, run.json, detectors, probe. Lightning has its
TensorBoardLogger, CSVLogger and progress bar, and logs the model's scalars each step; once more with its default of
every 50 steps. Evaluation, samples and checkpoints are off on all sides. That all sides do the same is seen from their
losses.

Each side is a process that stands still while the others take their turn of one epoch; a turn of aurl ends only when
its sinks have shown all of it. Where its memory happens to lie makes a process some per cent faster or slower for its
whole life, so all are started anew several times; ratios are of sides started together, and their median is told with
their range. CPU time counts all threads, and suffers less than wall time from other programs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import machine, silence, spread, table
from benchmarks.sides import SIDES, Task, Turn, overrides

OURS, BARE, PEER = "aurl", "bare PyTorch", "Lightning"


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    print(f"before: {machine()}, {options.threads} torch threads", flush=True)
    reports = []
    for size in options.sizes:
        sums: dict[str, list[Turn]] = {name: [] for name in options.sides}
        for _ in range(options.starts):
            with TemporaryDirectory(prefix="aurl-overhead-", dir=options.folder) as folder:
                tokens, turns = compare(size, options, Path(folder))
            for name, total in turns.items():
                sums[name].append(total)
        reports.append(report(size, tokens, sums))
    print(f"after: {machine()}")
    print("\n\n".join(["", *reports]))


def compare(size: str, options: argparse.Namespace, folder: Path) -> tuple[int, dict[str, Turn]]:
    """Start every side once: the tokens of its turns, and their sum without the first one, which warms up."""
    sides = {name: _Side(name, size, options, folder) for name in options.sides}
    tokens = {side.wait_until_ready() for side in sides.values()}
    if len(tokens) != 1:
        raise RuntimeError(f"the sides do not train on the same batches: {tokens} tokens an epoch")
    rounds = [
        {name: sides[name].take_turn() for name in random.sample(list(sides), len(sides))}
        for _ in range(options.rounds + 1)
    ]
    for side in sides.values():
        side.end()
    return tokens.pop() * options.rounds, {name: _sum([taken[name] for taken in rounds[1:]]) for name in sides}


def report(size: str, tokens: int, sums: dict[str, list[Turn]]) -> str:
    """A row for each side: tokens a second, and ratios to the bare loop and to Lightning."""
    rows = []
    for name, mine in sums.items():
        rate, cpu = spread([tokens / turn.wall for turn in mine], ".0f"), spread([turn.cpu for turn in mine], ".2f")
        ratios = [_ratio(sums, name, other, what) for other in (BARE, PEER) for what in ("wall", "cpu")]
        rows.append([name, rate, cpu, *ratios, f"{mine[-1].loss:.5f}"])
    compared = [f"to {other}, {what}" for other in ("bare", PEER) for what in ("wall", "CPU")]
    starts = len(next(iter(sums.values())))
    title = f"Transformer {size}, {starts} starts of {tokens} tokens; relative speed, above 1 is faster"
    return table(title, ["side", "tokens/s", "CPU s", *compared, "loss after"], rows) + _own_share(sums.get(OURS, []))


def _sum(turns: Sequence[Turn]) -> Turn:
    wall, cpu, model = (sum(getattr(turn, name) for turn in turns) for name in ("wall", "cpu", "model"))
    return Turn(wall, cpu, model, turns[-1].loss)


def _own_share(turns: Sequence[Turn]) -> str:
    """What aurl adds, measured within its own process, where other programs disturb it least."""
    shares = [1 - turn.model / turn.cpu for turn in turns]
    return f"\n\nCPU time of {OURS} that is not data or model: {spread(shares, '.2%')}" if turns else ""


def _ratio(turns: dict[str, list[Turn]], name: str, other: str, what: str) -> str:
    if other not in turns or name == other:
        return ""
    pairs = zip(turns[name], turns[other], strict=True)
    return spread([getattr(yours, what) / getattr(mine, what) for mine, yours in pairs], ".3f")


class _Side:
    """One side's process, and the pipe by which it gets its turns."""

    def __init__(self, name: str, size: str, options: argparse.Namespace, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        home = folder / name.replace(" ", "_").replace(",", "")
        home.mkdir()
        self._output = home / "output.txt"
        self._process = context.Process(
            target=_train,
            args=(name, Task(overrides(size, options.device), options.device, home, theirs), self._output),
            daemon=True,
        )
        self._process.start()
        theirs.close()

    def wait_until_ready(self) -> int:
        """Tokens of the first epoch."""
        return int(self._receive())

    def take_turn(self) -> Turn:
        self._pipe.send("go")
        turn: Turn = self._receive()
        return turn

    def end(self) -> None:
        self._process.kill()
        self._process.join()

    def _receive(self) -> Any:
        try:
            return self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"a side failed: {self._output.read_text(errors='replace')[-2000:]}") from None


def _train(name: str, task: Task, output: Path) -> None:
    silence(output)
    SIDES[name](task)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.overhead")
    parser.add_argument("--sizes", nargs="+", default=["tiny", "base"], choices=["tiny", "base"])
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--starts", type=int, default=5, help="times that all sides are started anew")
    parser.add_argument("--rounds", type=int, default=2, help="epochs of each side and start, the first one apart")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--folder", help="where to write; the temporary folder by default")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
