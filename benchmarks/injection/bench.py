"""One training under test: where it writes, its seed, its fault, and what is logged of the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurl.machine.host import MachineMemory, ProcessTree
from aurl.monitor import Monitor
from aurl.record import Kind
from aurl.runs.rundir import RunDirectory
from benchmarks.injection.fault import Fault

STEPS = 600
LONG = 1200  # of cheap runs whose fault takes its time
EVAL_EVERY = 20
SYSTEM_EVERY = 2


@dataclass(frozen=True)
class Bench:
    """What a training is given.

    Attributes:
        folder: its run directory.
        seed: of weights, data order and noise.
        fault: what goes wrong.
        steps: how long it lasts.
    """

    folder: Path
    seed: int
    fault: Fault
    steps: int = STEPS


Training = Callable[[Bench], None]
"""Trains, and leaves its records in the event log of its folder."""


class ProbedMonitor(Monitor):
    """A Monitor that logs the machine after every second step, where the real one would every few seconds.

    Nothing is detected while it runs: the records are shown to detectors afterwards, as often as one likes.
    """

    def __init__(self, fault: Fault, run: RunDirectory, **settings: Any) -> None:
        self._fault = fault
        self._sources = (ProcessTree(rescan=1e9), MachineMemory())
        super().__init__(run, **settings)

    def step(self, step: int, scalars: Any, **fields: Any) -> None:
        super().step(step, scalars, **fields)
        if step % SYSTEM_EVERY == 0:
            measured = {name: value for source in self._sources for name, value in source.sample().items()}
            self.say(Kind.SYSTEM, step, self._fault.system(step, measured))


def open_monitor(bench: Bench) -> ProbedMonitor:
    """A Monitor for a training that has a loop of its own."""
    run = RunDirectory(bench.folder)
    run.create()
    monitor = ProbedMonitor(bench.fault, run, policy="observe")
    monitor.say(Kind.START, 0, run=run.id, name=run.id, steps=bench.steps, resumed_from=None)
    return monitor
