"""A fault to provoke: where, how, when, how one sees that it came about, and what a detector may say to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.injection.bench import STEPS, Training
from benchmarks.injection.checks import Check
from benchmarks.injection.fault import Fault
from benchmarks.injection.trace import Trace

HEALTHY = "healthy"
FROM_START = (0.0, 0.0)

BLOWN_UP = frozenset({
    "gradient_explosion", "loss_spike", "training_divergence", "loss_oscillation", "loss_plateau", "gradient_vanishing",
    "nan_values",
})  # fmt: skip
"""What a blow-up may rightly be followed by: swings, NaN, a loss that stays at chance, units that are dead."""


@dataclass(frozen=True)
class Scenario:
    """One way to provoke an anomaly.

    Attributes:
        type: the anomaly type, or `healthy`.
        variant: what is done, and in which training; a phrase for the table.
        training: what is trained.
        fault: makes the fault, given its onset.
        shows: whether it came about.
        causes: names that may rightly be ranked first.
        accept: types that count as found, as in the table of the benchmark's design.
        also: types that are true as well from the onset on, consequences; neither right nor wrong.
        throughout: types that are true of such a run at any time.
        span: shares of the run between which the onset is drawn.
        within: steps after the onset in which it must be told; None to the end of the run.
        steps: length of the run.
        turning: finds the onset where the run itself decides it.
        twin: compares the run with one of the same seed without the fault; the two must pass it.
    """

    type: str
    variant: str
    training: Training
    fault: Callable[[int], Fault]
    shows: Check
    causes: frozenset[str]
    accept: frozenset[str]
    also: frozenset[str] = frozenset()
    throughout: frozenset[str] = frozenset()
    span: tuple[float, float] = (0.4, 0.6)
    within: int | None = None
    steps: int = STEPS
    turning: Callable[[Trace], int] | None = None
    twin: Callable[[Trace, Trace], bool] | None = None

    @property
    def id(self) -> str:
        """A name for files."""
        words = "".join(letter if letter.isalnum() else " " for letter in f"{self.type} {self.variant}").split()
        return "-".join(words)

    def longer(self, times: int) -> Scenario:
        """The same in a run that is so many times as long, at the same share of it."""
        if times == 1:
            return self
        return replace(self, variant=f"{self.variant}, {times} times as long", steps=times * self.steps)


def names(*types: str) -> frozenset[str]:
    return frozenset(types)
