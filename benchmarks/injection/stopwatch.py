"""Times of a step, as loops that are not aurl's log them: raw, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from benchmarks.injection.fault import Fault


class Stopwatch:
    """Hands out the batches of a training, by way of its fault, and times loading and steps."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._began = 0.0
        self._waited = 0.0
        self._size = 0

    def batches(self, batches: Iterable[Sequence[Tensor]], steps: int) -> Iterator[tuple[int, Sequence[Tensor]]]:
        """Pairs of step, from 1, and batch."""
        source = iter(batches)
        for step in range(1, steps + 1):
            self._began = self._fault.clock.now()
            batch = self._fault.load(step, next(source))
            self._waited = self._fault.clock.now() - self._began
            self._size = len(batch[0])
            self._fault.tick()
            yield step, batch

    def scalars(self) -> dict[str, float]:
        """`time/step`, `time/data` (seconds) and `throughput/samples` (per second) of the step in hand."""
        spent = self._fault.clock.now() - self._began
        return {"time/step": spent, "time/data": self._waited, "throughput/samples": self._size / max(spent, 1e-9)}
