"""One scalar of a run in constant memory, with every extreme."""

from __future__ import annotations

import math

from aurl.show.braille import Span

LIMIT = 2048


class MergedCurve:
    """The values of one scalar over steps, in at most `LIMIT` spans; neighbours are merged when there are more.

    Attributes:
        last: the newest value, also a non-finite one; None before the first.
        nonfinite: steps at which the value was NaN or infinite, the last hundred.
    """

    def __init__(self) -> None:
        self.last: float | None = None
        self.nonfinite: list[int] = []
        self._spans: list[Span] = []
        self._counts: list[int] = []
        self._stride = 1

    def add(self, step: int, value: float) -> None:
        """Take the value of a step."""
        self.last = value
        if not math.isfinite(value):
            self.nonfinite = [*self.nonfinite[-99:], step]
        elif self._counts and self._counts[-1] < self._stride:
            before = self._spans[-1]
            self._spans[-1] = Span(before.step, min(before.low, value), max(before.high, value))
            self._counts[-1] += 1
        else:
            self._spans.append(Span(step, value, value))
            self._counts.append(1)
            if len(self._spans) > LIMIT:
                self._merge()

    def rewind(self, step: int) -> None:
        """Forget what came after this step: the run went back to it."""
        kept = sum(1 for span in self._spans if span.step <= step)
        del self._spans[kept:], self._counts[kept:]
        self.nonfinite = [at for at in self.nonfinite if at <= step]

    def spans(self, *, log: bool = False) -> list[Span]:
        """The curve; with `log` the decimal logarithms of its positive values."""
        if not log:
            return list(self._spans)
        return [
            Span(span.step, math.log10(span.low if span.low > 0 else span.high), math.log10(span.high))
            for span in self._spans
            if span.high > 0
        ]

    def _merge(self) -> None:
        spans, counts = self._spans, self._counts
        pairs = range(0, len(spans) - 1, 2)
        merged = [
            Span(spans[i].step, min(spans[i].low, spans[i + 1].low), max(spans[i].high, spans[i + 1].high))
            for i in pairs
        ]
        odd = len(spans) % 2
        self._spans = [*merged, *spans[len(spans) - odd :]]
        self._counts = [*(counts[i] + counts[i + 1] for i in pairs), *counts[len(counts) - odd :]]
        self._stride *= 2
