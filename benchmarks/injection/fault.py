"""What goes wrong in a training, and when: hooks that every training of the benchmark calls at fixed places."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_REFERENCES = 8


class Clock:
    """Seconds that the training thread would have taken on a machine of its own, and those that it was made to sleep.

    The benchmark shares its machine. By a wall clock other people's work would slow down runs that are to be healthy,
    and truly so. So this is CPU time, corrected for what others take from caches and shared cores: before each step a
    piece of work that is always the same is timed, and CPU time counts as much less as that takes longer.
    """

    def __init__(self) -> None:
        self.slept = 0.0
        self._counted = 0.0
        self._last = time.thread_time()
        self._references: deque[float] = deque(maxlen=_REFERENCES)
        self._nominal = 0.0
        self._speed = 1.0
        self._matrix = torch.eye(48)

    def now(self) -> float:
        """Seconds since some moment."""
        cpu = time.thread_time()
        self._counted += (cpu - self._last) * self._speed
        self._last = cpu
        return self._counted + self.slept

    perf_counter = now

    def calibrate(self) -> None:
        """See how fast the machine is at the moment; takes no time by this clock."""
        self.now()
        began = time.thread_time()
        x = self._matrix
        for _ in range(8):
            x = torch.tanh(x @ self._matrix)
        self._references.append(time.thread_time() - began)
        if len(self._references) == _REFERENCES:
            usual = median(self._references)
            self._nominal = self._nominal or usual
            self._speed = self._nominal / usual
        self._last = time.thread_time()

    def sleep(self, seconds: float) -> None:
        """Sleep, and count it."""
        time.sleep(seconds)
        self.slept += seconds


class Fault:
    """Nothing goes wrong; each provocation overrides the hooks that it needs.

    Steps count from 1, as in records: hooks of step n act on what the record of step n tells.

    Attributes:
        onset: the first step that is touched.
        clock: what the training takes its times from.
        random: for whatever a provocation draws; equal onsets draw equal numbers.

    Args:
        onset: see above; 0 for a run that is wrong from the start.
    """

    def __init__(self, onset: int) -> None:
        self.onset = onset
        self.clock = Clock()
        self.random = torch.Generator().manual_seed(onset)
        self._ticks: list[float] = []

    def is_due(self, step: int) -> bool:
        """Whether the fault is there at this step."""
        return step >= self.onset

    def load(self, step: int, batch: Sequence[Tensor]) -> Sequence[Tensor]:
        """The batch to train on, while loading is timed: `[tokens]` or `[inputs, targets]`."""
        return batch

    def before(self, step: int, model: nn.Module, optimizers: Mapping[str, Optimizer]) -> None:
        """Called before the forward pass; time spent here is the step's own."""

    def after(self, step: int, model: nn.Module, optimizers: Mapping[str, Optimizer]) -> None:
        """Called after the optimisers' step."""

    def objective(self, step: int, value: Tensor) -> Tensor:
        """What is differentiated; losses are logged before this changes them."""
        return value

    def bound(self, step: int, recon: Tensor, kl: Tensor) -> Tensor:
        """What a VAE with a loop of its own differentiates, from the two terms of its bound, the KL weighted."""
        return self.objective(step, recon + kl)

    def kl_weight(self, step: int) -> float:
        """What the weight of the KL is multiplied by there; logged as it is used."""
        return 1.0

    def rate(self, step: int, phase: str) -> float:
        """What the learning rate of a phase is multiplied by; logged as it is used."""
        return 1.0

    def system(self, step: int, scalars: Mapping[str, float]) -> Mapping[str, float]:
        """What is logged of the machine, measured values given."""
        return scalars

    def tick(self) -> None:
        """A step begins; keeps the time for `usual_step`."""
        self.clock.calibrate()
        if len(self._ticks) < 101:
            self._ticks.append(self.clock.now())

    def usual_step(self) -> float:
        """Median time of the run's first steps, seconds."""
        return median(after - before for before, after in zip(self._ticks[20:], self._ticks[21:], strict=False))
