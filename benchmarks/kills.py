"""What survives `kill -9`: trainings killed at random moments and resumed until they are done.

    python -m benchmarks.kills
    python -m benchmarks.kills --kills 10 --model transformer

A parent imports everything once and forks a child for each attempt, which runs `aurl train` (at first) or
`aurl train resume=RUN`, with every sink on. It is killed at a random moment, after a random number of records, in its
start-up, or while it writes a checkpoint, evaluates, samples or closes: alone, with all its children, or one child
only, after which it must go on. The child announces each record that the event log has acknowledged, in a pipe that
outlives it. Then: every announced record must be in the log, unchanged; every line of the log must be readable; and
what the finished run has logged, without the stretches that a resume superseded, must equal an uninterrupted run.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import torch

from aurl.errors import AurlError
from aurl.record import Kind
from aurl.runs.eventlog import read_records, segments
from aurl.runs.listing import is_run
from benchmarks.killable import VICTIMS, Attempt, attempt, digest
from benchmarks.measure import machine, table

RUN = (
    "data=synthetic", "data.source.pieces=12", "data.source.bars=4", "data.bars=2", "data.batch_size=4",
    "data.seq_len=96", "model/size=tiny", "model.d_model=32", "model.n_layers=1", "optim.warmup_steps=2",
    "sample.audio=false", "sample.count=1", "sample.continuations=0", "sample.length=48", "logging=all",
    "logging.wandb.mode=offline",
    "trainer.epochs=8", "trainer.eval_every=null", "sample.scored=2", "checkpoint.every=7", "probe_seconds=0.5",
    "name=kills",
)  # fmt: skip
IN = {"in a checkpoint": "c", "in an evaluation": "e", "while sampling": "s", "while closing": "x"}
PLANS = ("any moment", "after a record", "in start-up", *IN)
MOST_ATTEMPTS = 6
"""Kills a run has to bear before it may finish."""
Logged: TypeAlias = dict[tuple[str, int], dict[str, float]]
_COMPARED = frozenset({Kind.STEP, Kind.EVAL, Kind.EPOCH})
_TIMED = ("time/", "throughput/")


@dataclass
class Tally:
    """What happened under one plan of killing."""

    kills: int = 0
    early: int = 0  # further ones, before there was anything to resume
    acknowledged: int = 0
    lost: int = 0
    unreadable: int = 0
    orphaned: int = 0  # only a child was killed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the kills and print the tables; 1 where something was lost or differed."""
    options = _options(argv)
    torch.set_num_threads(1)
    chance = random.Random(options.seed)
    print(machine(), flush=True)
    with TemporaryDirectory(prefix="aurl-kills-", dir=options.folder) as folder:
        killing = Killing(Path(folder), [f"model={options.model}", *RUN], chance)
        while killing.kills < options.kills:
            killing.run_through(options.kills)
    print(killing.report())
    return killing.faults > 0


class Killing:
    """Kills runs and compares them with one that was left alone.

    Args:
        folder: for all runs.
        overrides: of the configuration; the same for all runs.
        chance: draws the plans and moments.
    """

    def __init__(self, folder: Path, overrides: list[str], chance: random.Random) -> None:
        self.folder, self.overrides, self.chance = folder, overrides, chance
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        self.runs = self.differing = self.failed = self.torn = 0
        self.whole = folder / "whole"
        self.reference = attempt(self._command(self.whole), folder / "whole.txt")
        if self.reference.code:
            raise RuntimeError(f"the uninterrupted run failed: {self.reference.output}")
        self.expected = logged(self.whole)

    @property
    def kills(self) -> int:
        return sum(tally.kills for tally in self.tallies.values())

    @property
    def faults(self) -> int:
        """How much was not as promised."""
        return self.differing + self.failed + sum(each.lost + each.unreadable for each in self.tallies.values())

    def run_through(self, most: int) -> None:
        """One run from its beginning to its end, killed again and again on the way."""
        self.runs += 1
        run = self.folder / f"run{self.runs:03d}"
        acknowledged: Counter[bytes] = Counter()
        for number in range(MOST_ATTEMPTS + 1):
            plan = self.chance.choice(PLANS) if number < MOST_ATTEMPTS and self.kills < most else None
            moment = self._moment(plan) if plan else None
            end = attempt(self._command(run), self.folder / "attempt.txt", moment, self.chance.choice(VICTIMS))
            acknowledged.update(end.records)
            if plan is not None and end.killed:
                self._judge_kill(self.tallies[plan], run, end, acknowledged)
            else:
                if plan is not None and end.orphaned:
                    self.tallies[plan].orphaned += 1
                    self.tallies[plan].lost += (acknowledged - Counter(_digests(run))).total()
                self._judge_end(run, end)
                return

    def report(self) -> str:
        """A table of kills and one of runs."""
        rows = [
            [plan, *(str(value) for value in (t.kills, t.early, t.orphaned, t.acknowledged, t.lost, t.unreadable))]
            for plan, t in sorted(self.tallies.items())
        ]
        head = [
            "killed at",
            "kills",
            "and before a run began",
            "and of a child alone",
            "records acknowledged",
            "of these lost",
            "log unreadable",
        ]
        scalars = sum(map(len, self.expected.values()))
        told = [str(value) for value in (self.runs, self.torn, self.failed, scalars, self.differing)]
        compared = ["runs", "torn lines", "failed to resume", "scalars compared in each", "runs that differ"]
        return "\n\n".join(["", table("SIGKILL", head, rows), table("Resumed to the end", compared, [told])])

    def _command(self, run: Path) -> list[str]:
        if is_run(run):
            return ["train", f"resume='{run}'"]
        return ["train", *self.overrides, f"hydra.run.dir='{run}'"]

    def _moment(self, plan: str) -> Callable[[Attempt], float | None]:
        """Tells, given what the child has announced, in how many seconds it is to be killed; None: not yet."""
        if plan == "any moment":
            delay = self.chance.uniform(0, self.reference.seconds)
            return lambda seen: delay
        count, delay = self.chance.randint(1, len(self.reference.records)), self.chance.uniform(0, 0.03)
        if plan == "in start-up":
            delay = self.chance.uniform(0, 1.2 * self.reference.opened)
            return lambda seen: delay
        if plan == "after a record":
            count, delay = self.chance.randint(1, len(self.reference.records)), self.chance.uniform(0, 0.03)
            return lambda seen: delay if len(seen.records) >= count else None
        mark, delay = IN[plan], self.chance.uniform(0, 0.3 if plan == "while closing" else 0.06)
        which = self.chance.randint(1, min(4, self.reference.begun[mark]))
        return lambda seen: delay if seen.begun[mark] >= which else None

    def _judge_kill(self, tally: Tally, run: Path, end: Attempt, acknowledged: Counter[bytes]) -> None:
        if not is_run(run):
            tally.early += 1
            tally.lost += len(end.records)
            return
        tally.kills += 1
        tally.acknowledged += len(end.records)
        tally.lost += (acknowledged - Counter(_digests(run))).total()
        tally.unreadable += not _is_readable(run)

    def _judge_end(self, run: Path, end: Attempt) -> None:
        if end.code:
            self.failed += 1
            print(f"{run.name} failed with {end.code}: {end.output[-1000:]}", flush=True)
            return
        skipped: list[str] = []
        found = logged(run, lambda path, line, reason: skipped.append(f"{path.name}:{line}: {reason}"))
        self.torn += len(skipped)
        if found != self.expected:
            self.differing += 1
            print(f"{run.name} differs from the uninterrupted run", flush=True)


def logged(run: Path, on_skip: Callable[[Path, int, str], None] | None = None) -> Logged:
    """The scalars of steps, evaluations and epochs by kind and step, superseded stretches and all times left out."""
    kept: Logged = {}
    for record in read_records(run, on_skip=on_skip):
        resumed_from = record.fields.get("resumed_from") if record.kind == Kind.START else None
        if isinstance(resumed_from, int):
            kept = {key: values for key, values in kept.items() if key[1] <= resumed_from}
        if record.kind in _COMPARED:
            values = {name: value for name, value in record.scalars.items() if not name.startswith(_TIMED)}
            kept[str(record.kind), record.step] = values
    return kept


def _digests(run: Path) -> Iterator[bytes]:
    for path in segments(run / "events"):
        with path.open("rb") as file:
            yield from map(digest, file)


def _is_readable(run: Path) -> bool:
    try:
        logged(run)
        return True
    except (AurlError, ValueError):
        return False


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.kills")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--model", default="vae_gan", choices=["transformer", "vae", "vae_gan"])
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", help="where to write; the temporary folder by default")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
