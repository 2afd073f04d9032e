"""`gpu_idle`: the GPU has little to do while training goes on."""

from __future__ import annotations

from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.blocks import median
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record, Severity

_KEPT = 24  # samples; two minutes of the default probe
_IDLE = 15.0  # percent
_LOW = 40.0


class GpuIdle(Rule):
    """Utilisation over the last 24 samples, in which training made steps.

    A warning when the 90 % quantile is below 15 %; an info when the median is below 40 %.

    Args:
        warmup: samples before anything is told, at least 8; start-up and compilation idle.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "gpu_idle"
    kinds = frozenset({Kind.STEP, Kind.SYSTEM})
    needs = frozenset({Role.GPU_PERCENT})
    memory = ("_samples", "_steps", "_seen")

    def __init__(self, *, warmup: int = 16, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("warmup", warmup, warmup >= 8, "8 or more")
        self.warmup = warmup
        self._samples: list[float] = []
        self._steps: list[int] = []
        self._seen = 0

    def look(self, record: Record) -> Iterable[Record]:
        value = self.context.value(Role.GPU_PERCENT)
        if value is None:
            return ()
        self._seen += 1
        self._samples = [*self._samples[1 - _KEPT :], value]
        self._steps = [*self._steps[1 - _KEPT :], record.step]
        if self._seen < self.warmup + _KEPT or self._steps[-1] <= self._steps[0]:
            return ()
        busiest = sorted(self._samples)[int(0.9 * _KEPT)]
        middle = median(self._samples)
        if busiest >= _IDLE / self.scale and middle >= _LOW / self.scale:
            return ()
        name = self.context.name(Role.GPU_PERCENT)
        return (
            self.found(
                Severity.WARNING if busiest < _IDLE / self.scale else Severity.INFO,
                f"{name} has been {middle:.0f} % over the last {_KEPT} samples, at most {max(self._samples):.0f} %",
                metric=name,
                value=value,
                expected=(_LOW, 100.0),
                suggestions=(
                    self.settings.scale("batch_size", 2.0),
                    self.settings.scale("workers", 2.0, why="if steps wait for data"),
                    "profile a few steps: profile=true",
                ),
                onset_step=self._steps[0],
            ),
        )
