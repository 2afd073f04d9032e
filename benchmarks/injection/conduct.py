"""Trains what a scenario says, in a process of its own, until its fault shows; keeps every run in the cache."""

from __future__ import annotations

import hashlib
import inspect
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import aurl
from aurl.runs.eventlog import read_records
from benchmarks.injection import bench, fault, own, stopwatch
from benchmarks.injection.bench import Bench
from benchmarks.injection.fault import Fault
from benchmarks.injection.scenario import Scenario
from benchmarks.injection.trace import Trace, Truth, load, save
from benchmarks.measure import in_child

ATTEMPTS = 4
_OTHER_SEED = 1000
_TRAINING_PARTS = ("models/*.py", "data/*.py", "engine.py", "loop.py", "optim.py", "probes.py")


class Cache(NamedTuple):
    """Where traces are kept.

    Attributes:
        folder: of the files.
        rescore: take what is there, whatever code made it, and train nothing.
    """

    folder: Path
    rescore: bool = False


class NotCachedError(LookupError):
    """`--rescore` asks for a run that was never trained."""


def provoke(scenario: Scenario, seed: int, cache: Cache) -> Trace:
    """The first run of this seed that shows the fault, or the last that was tried, which does not.

    Raises:
        NotCachedError: it would have to be trained, and may not be.
        RuntimeError: a training failed; the message holds what it printed.
    """
    for attempt in range(ATTEMPTS):
        trace = _trained(scenario, seed, attempt, cache, clean=False)
        shown = scenario.shows(trace)
        if shown and scenario.twin:
            shown = scenario.twin(trace, _trained(scenario, seed, attempt, cache, clean=True))
        if shown:
            break
    onset = scenario.turning(trace) if scenario.turning and shown else trace.truth.onset
    return Trace(trace.truth._replace(attempt=attempt, shown=shown, onset=onset), trace.records)


def onset_of(scenario: Scenario, seed: int, attempt: int) -> int:
    """The step at which the fault begins, drawn by the seed."""
    low, high = (int(share * scenario.steps) for share in scenario.span)
    return Random(f"{scenario.id} {seed} {attempt}").randint(low, high)


def _trained(scenario: Scenario, seed: int, attempt: int, cache: Cache, clean: bool) -> Trace:
    stem = f"{scenario.id}-{seed}-{attempt}{'-clean' if clean else ''}"
    path = cache.folder / f"{stem}-{fingerprint(scenario)}.jsonl.gz"
    if not path.exists() and cache.rescore:
        others = sorted(cache.folder.glob(f"{stem}-{'?' * 12}.jsonl.gz"), key=lambda file: file.stat().st_mtime)
        if not others:
            raise NotCachedError(f"{stem}: not in {cache.folder}; leave out --rescore to train it")
        path = others[-1]
    if not path.exists():
        import_ahead()
        save(train(scenario, seed, attempt, clean=clean), path)
    return load(path)


def import_ahead() -> None:
    """Import what trainings import late, once, before they are forked off: it takes longer than some of them."""
    for name in ("torch._dynamo", "polars", "psutil", "sklearn.datasets"):
        import_module(name)


def train(scenario: Scenario, seed: int, attempt: int = 0, *, clean: bool = False) -> Trace:
    """Train once, with the fault or without; whether it showed is not looked at.

    Raises:
        RuntimeError: the training failed; the message holds what it printed.
    """
    onset = onset_of(scenario, seed, attempt)

    def work() -> float:
        began = time.process_time()
        fault = Fault(onset) if clean else scenario.fault(onset)
        scenario.training(Bench(folder, seed + _OTHER_SEED * attempt, fault, scenario.steps))
        return time.process_time() - began

    with TemporaryDirectory(prefix="aurl-faults-") as home:
        folder = Path(home, "run")
        seconds = in_child(work, Path(home, "output.txt"))
        records = list(read_records(folder))
    truth = Truth(scenario.type, scenario.variant, seed, onset, scenario.steps, seconds=round(seconds, 2))
    return Trace(truth, records)


def fingerprint(scenario: Scenario) -> str:
    """Of everything that decides what a training leaves: its code and its settings."""
    parts = [scenario.training, scenario.fault]
    files = {Path(inspect.getfile(_function(part))) for part in parts}
    files |= {Path(module.__file__ or "") for module in (bench, fault, stopwatch)}
    package = Path(aurl.__file__).parent
    if _function(scenario.training) is _function(own.own("vae")):
        files |= {file for pattern in _TRAINING_PARTS for file in package.glob(pattern)}
    text = [_describe(part) for part in parts] + [str(scenario.span), str(scenario.steps)]
    text += [file.read_text() for file in sorted(files)]
    return hashlib.sha256("\0".join(text).encode()).hexdigest()[:12]


def _function(part: Any) -> Any:
    return _function(part.func) if isinstance(part, partial) else part


def _describe(part: object) -> str:
    """A description that is the same in every process."""
    if isinstance(part, partial):
        settings = [*part.args, *sorted(part.keywords.items())]
        return f"{_describe(part.func)}({', '.join(map(_describe, settings))})"
    if isinstance(part, tuple | list):
        return f"({', '.join(map(_describe, part))})"
    return getattr(part, "__qualname__", None) or repr(part)
