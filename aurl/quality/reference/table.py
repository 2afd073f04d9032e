"""The raw measures of many samples as one array, which is what a profile keeps of its reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aurl.quality.metric import Value, Values
from aurl.quality.sheet import Floats


def number(value: Value | None) -> float:
    """A measure as a number: NaN where there is none, or a reason instead."""
    return math.nan if value is None or isinstance(value, str) else float(value)


def mean(values: Iterable[float]) -> float:
    """The mean of those that are defined; NaN where none is."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def null(value: float) -> float | None:
    """A number for JSON, which has no NaN."""
    return None if math.isnan(value) else value


@dataclass(frozen=True, slots=True)
class Table:
    """N samples, K measures.

    Attributes:
        names: of the measures.
        values: float32 [N, K], NaN where a sample has no such measure.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, samples: Iterable[Values], names: Sequence[str]) -> Table:
        """A table of these measures of the samples."""
        rows = [[number(sample.get(name)) for name in names] for sample in samples]
        return cls(tuple(names), np.array(rows, np.float32).reshape(len(rows), len(names)))

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> Floats:
        """One measure over all samples, float64 [N]; NaN throughout for an unknown name."""
        if name not in self.names:
            return np.full(len(self), math.nan)
        return self.values[:, self.names.index(name)].astype(np.float64)

    def rows(self) -> Iterator[dict[str, Value]]:
        """Each sample's measures by name."""
        for row in self.values.tolist():
            yield dict(zip(self.names, row, strict=True))
