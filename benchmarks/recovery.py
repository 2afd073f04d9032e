"""What `anomaly.policy=recover` saves: runs with a passing fault, with recovery and without, beside their clean twins.

    OMP_NUM_THREADS=1 python -m benchmarks.recovery
    python -m benchmarks.recovery --seeds 3 --kept outputs/recovery.jsonl anomaly.recovery.regain_steps=50

A tiny transformer and a tiny VAE learn made-up music in aurl's own loop. At a step drawn by the seed comes a bad batch
(noise for tokens, with ten thousand times its weight), five steps with a hundred times the learning rate, or a batch
whose loss is NaN. Gradients are not clipped, which would spare the run that is left alone. What counts is the last
validation loss against that of the clean run of the same seed, and whether the clean run was left alone. Trials are
added to the file `--kept` as they end, and those that it holds are not made again. Arguments without dashes are
overrides of the config, for all runs.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson
import torch
from torch import Tensor, nn

import aurl.run
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from benchmarks.injection.bench import Bench
from benchmarks.injection.broken_data import BadBatches
from benchmarks.injection.broken_rates import Rate
from benchmarks.injection.broken_weights import NanObjective
from benchmarks.injection.conduct import import_ahead
from benchmarks.injection.fault import Fault
from benchmarks.injection.own import configured, model_overrides, tamper
from benchmarks.measure import in_child, machine, table

STEPS = 400
MODELS = ("transformer", "vae")
PLAN = ("anomaly=default", "checkpoint.every=10", "trainer.clip_norm=0", "optim.lr=3e-3")
NEAR = 0.05


class HeavyBatch(BadBatches):
    """A batch of noise, which counts ten thousand times: a corrupt sample with a corrupt weight."""

    def objective(self, step: int, value: Tensor) -> Tensor:
        return 1e4 * value if step == self.onset else value


class Passing(Fault):
    """Another fault, the first time that its steps are made; after a rollback they are made again, in peace."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.onset)
        self._fault = fault
        self._clean = Fault(fault.onset)
        self._furthest = 0

    def load(self, step: int, batch: Sequence[Tensor]) -> Sequence[Tensor]:
        return self._now(step).load(step, batch)

    def before(self, step: int, model: nn.Module, optimizers: Any) -> None:
        self._now(step).before(step, model, optimizers)

    def objective(self, step: int, value: Tensor) -> Tensor:
        return self._now(step).objective(step, value)

    def rate(self, step: int, phase: str) -> float:
        return self._now(step).rate(step, phase)

    def after(self, step: int, model: nn.Module, optimizers: Any) -> None:
        self._furthest = max(self._furthest, step)

    def _now(self, step: int) -> Fault:
        return self._fault if step > self._furthest else self._clean


FAULTS: Mapping[str, Callable[[int], Fault]] = {
    "bad batch": HeavyBatch,
    "learning rate x100": partial(Rate, factor=100.0, lasts=5),
    "NaN batch": NanObjective,
}


class Ended(NamedTuple):
    """How a run ended.

    Attributes:
        loss: its last validation loss; infinite where that is not finite, or never came.
        status: done or stopped.
        skips, rollbacks: what recovery did.
    """

    loss: float
    status: str
    skips: int
    rollbacks: int

    @property
    def interventions(self) -> int:
        return self.skips + self.rollbacks


class Trial(NamedTuple):
    """One fault in one run, with its twins."""

    fault: str
    model: str
    seed: int
    onset: int
    clean: Ended
    recovered: Ended
    left_alone: Ended


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    import_ahead()
    trials = [trial for seed in options.seeds for trial in _of_seed(seed, options.overrides, options.kept)]
    print(f"\n{machine()}\n")
    print(table(f"Last validation loss over that of the clean twin, {STEPS} steps", _HEAD, _rows(trials)))
    controls = [trial.clean for trial in trials]
    touched = sum(control.interventions > 0 for control in controls)
    print(f"\nClean runs with an intervention: {touched} of {len(controls) // len(FAULTS)}")


def _of_seed(seed: int, overrides: Sequence[str], kept: Path | None) -> list[Trial]:
    """The trials of a seed, from the file or made."""
    lines = kept.read_bytes().splitlines() if kept and kept.exists() else []
    known = [trial for trial in map(_read, lines) if trial.seed == seed]
    if known:
        return known
    trials = list(_trials(seed, overrides))
    if kept:
        with kept.open("ab") as file:
            file.writelines(orjson.dumps([*trial[:4], *map(list, trial[4:])]) + b"\n" for trial in trials)
    return trials


def _read(line: bytes) -> Trial:
    *plain, clean, recovered, left_alone = orjson.loads(line)
    runs = (Ended(math.inf if loss is None else loss, *rest) for loss, *rest in (clean, recovered, left_alone))
    return Trial(*plain, *runs)


def _trials(seed: int, overrides: Sequence[str]) -> Iterable[Trial]:
    model = MODELS[seed % len(MODELS)]
    start = partial(run, (*model_overrides(model), *PLAN, *overrides), seed)
    clean = start(Fault(0), "recover")
    for name, fault in FAULTS.items():
        onset = Random(f"{name} {seed}").randint(int(0.4 * STEPS), int(0.6 * STEPS))
        recovered, left_alone = (start(fault(onset), policy) for policy in ("recover", "warn"))
        trial = Trial(name, model, seed, onset, clean, recovered, left_alone)
        print(_line(trial), flush=True)
        yield trial


def run(overrides: Sequence[str], seed: int, fault: Fault, policy: str) -> Ended:
    """Train once, in a process of its own.

    Args:
        policy: what the run does about the fault.
    """

    def work() -> str:
        torch.set_num_threads(1)
        bench = Bench(folder, seed, Passing(fault), STEPS)
        config = configured(bench, *overrides, f"anomaly.policy={policy}")
        tamper(bench.fault)
        return aurl.run.execute(config, folder, ["benchmark"]).status

    with TemporaryDirectory(prefix="aurl-recovery-") as home:
        folder = Path(home, "run")
        status = in_child(work, Path(home, "output.txt"))
        return _ended(status, list(read_records(folder)))


def _ended(status: str, records: Sequence[Record]) -> Ended:
    losses = [record.scalars["val/loss/total"] for record in records if record.kind is Kind.EVAL]
    actions = [
        record.fields["action"]
        for record in records
        if record.kind is Kind.NOTE and record.fields.get("module") == "recovery"
    ]
    loss = losses[-1] if losses and status == "done" and math.isfinite(losses[-1]) else math.inf
    return Ended(loss, status, actions.count("skip"), actions.count("rollback"))


_HEAD = ("fault", "runs", "recovered within 5 %", "median ratio", "worst", "without within 5 %", "median ratio", "best",
         "skips", "rollbacks")  # fmt: skip


def _rows(trials: Sequence[Trial]) -> list[list[str]]:
    rows = []
    for name in (*FAULTS, "all"):
        mine = [trial for trial in trials if name in {"all", trial.fault}]
        saved, lost = [_ratio(t.recovered, t.clean) for t in mine], [_ratio(t.left_alone, t.clean) for t in mine]
        kept, spared = sum(ratio < 1 + NEAR for ratio in saved), sum(ratio < 1 + NEAR for ratio in lost)
        skips, rollbacks = sum(t.recovered.skips for t in mine), sum(t.recovered.rollbacks for t in mine)
        cells = [name, len(mine), kept, f"{median(saved):.3f}", f"{max(saved):.3f}"]
        cells += [spared, f"{median(lost):.3f}", f"{min(lost):.3f}", skips, rollbacks]
        rows.append([str(cell) for cell in cells])
    return rows


def _line(trial: Trial) -> str:
    saved, lost = _ratio(trial.recovered, trial.clean), _ratio(trial.left_alone, trial.clean)
    done = f"{trial.recovered.skips} skips, {trial.recovered.rollbacks} rollbacks, {trial.recovered.status}"
    return (
        f"{trial.fault}, {trial.model}, seed {trial.seed}, step {trial.onset}: clean {trial.clean.loss:.3f}, "
        f"recovered x{saved:.3f} ({done}), without x{lost:.3f}; clean run: {trial.clean.interventions} interventions"
    )


def _ratio(ended: Ended, clean: Ended) -> float:
    """Infinite where the run ended without a finite loss."""
    return ended.loss / clean.loss


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="of the config, for all runs")
    parser.add_argument("--seeds", type=int, default=6, help="runs of each fault; the models take turns")
    parser.add_argument("--quick", action="store_true", help="two seeds only")
    parser.add_argument("--kept", type=Path, help="file of trials, JSON lines")
    options = parser.parse_args(argv)
    options.seeds = range(1, 1 + (2 if options.quick else options.seeds))
    return options


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
