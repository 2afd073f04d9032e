"""Faults of memory, speed and, simulated, the GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmarks.injection.fault import Fault

Optimizers = Mapping[str, Optimizer]
_GB = 1024**3


class KeptOutputs(Fault):
    """A list of outputs for some report, which grows by `megabytes` a step."""

    def __init__(self, onset: int, megabytes: float = 1.0) -> None:
        super().__init__(onset)
        self._numbers = int(megabytes * 2**18)
        self._kept: list[Tensor] = []

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if self.is_due(step):
            self._kept.append(torch.ones(self._numbers))


class Ballast(Fault):
    """Something large is loaded, until 95 % of the memory limit is used.

    The limit that is logged is 1.3 times what the process used at first: with the machine's own the benchmark would
    have to fill it.
    """

    _limit = 0.0
    _kept: Tensor | None = None

    def system(self, step: int, scalars: Mapping[str, float]) -> Mapping[str, float]:
        used = scalars["system/ram_gb"]
        self._limit = self._limit or 1.3 * used
        if self.is_due(step) and self._kept is None:
            missing = max(0.0, 0.95 * self._limit - used)
            self._kept = torch.ones(int(missing * _GB / 4))
        return {**scalars, "system/ram_total_gb": self._limit}


class SlowSteps(Fault):
    """Steps take `factor` times as long, at once or, with `ramp`, growing over so many steps."""

    def __init__(self, onset: int, factor: float = 2.0, ramp: int = 0) -> None:
        super().__init__(onset)
        self._factor, self._ramp = factor, ramp

    def before(self, step: int, model: nn.Module, optimizers: Optimizers) -> None:
        if self.is_due(step):
            share = min(1.0, (step - self.onset + 1) / self._ramp) if self._ramp else 1.0
            self.clock.sleep((self._factor - 1.0) * share * self.usual_step())


class Gpu(Fault):
    """SIMULATED: there is no GPU. What one would show is made up, with noise around `busy` percent.

    It is the base of the faults below and, alone, no fault: a GPU at work.
    """

    busy = 90.0

    def utilisation(self, step: int) -> float:
        """Mean utilisation in percent at a step."""
        return self.busy

    def system(self, step: int, scalars: Mapping[str, float]) -> Mapping[str, float]:
        noise = 6.0 * float(torch.randn((), generator=self.random))
        return {**scalars, "system/gpu_percent": min(100.0, max(0.0, self.utilisation(step) + noise))}


class IdleGpu(Gpu):
    """SIMULATED: utilisation falls to 4 percent with nothing else to see, as when a model falls back to the CPU."""

    def utilisation(self, step: int) -> float:
        return 4.0 if self.is_due(step) else self.busy


class StarvedGpu(Gpu):
    """The loader really makes each step wait for 19 times its length; SIMULATED is that the GPU idles meanwhile."""

    def load(self, step: int, batch: Any) -> Any:
        if self.is_due(step):
            self.clock.sleep(19.0 * self.usual_step())
        return batch

    def utilisation(self, step: int) -> float:
        return self.busy / 20.0 if self.is_due(step) else self.busy
