"""Values that wait: while every metric is near its level, records are taken eight at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from aurl.anomaly.statistics.curve import Curve

SIZE = 8


class MetricBatch:
    """The statistics of the metrics of like records, and the values that have not entered them yet.

    What a step costs after other work is not arithmetic but fetching what lies scattered in memory. A quiet record is
    compared with bounds that lie together, and waits; nothing of the curves is touched. The bounds are those of when
    values last entered, so a record is quiet or not by levels that are eight records old at most.

    Args:
        watched: statistics that rules read at each record.
        others: statistics that are read now and then.
    """

    def __init__(self, watched: Sequence[Curve], others: Sequence[Curve]) -> None:
        self._curves = (*watched, *others)
        self._watched = tuple(watched)
        self._names = tuple(curve.name for curve in self._curves)
        self._rows: list[list[float]] = []
        self._bounds: list[tuple[float, float]] = []
        self.begin()

    def begin(self) -> None:
        """Look up what is quiet now; to be called after the curves took values from elsewhere or began anew."""
        self._bounds = [curve.quiet for curve in self._watched]

    def take(self, scalars: Mapping[str, float]) -> bool:
        """Take the values of a record, all of them finite; whether all that are watched are near their levels."""
        values = [scalars[name] for name in self._names]
        for value, (low, high) in zip(values, self._bounds, strict=False):
            if not low < value < high:
                self.settle()
                self._push(values)
                return False
        self._rows.append(values)
        if len(self._rows) >= SIZE:
            self.settle()
        return True

    def take_finite(self, scalars: Mapping[str, float]) -> None:
        """Take those values of a record that are finite."""
        self.settle()
        self._push([scalars[name] for name in self._names])

    def settle(self) -> None:
        """Enter what waits."""
        if self._rows:
            rows, self._rows = self._rows, []
            for place, curve in enumerate(self._curves):
                for row in rows:
                    curve.push(row[place])
            self.begin()

    def _push(self, values: Sequence[float]) -> None:
        for curve, value in zip(self._curves, values, strict=True):
            if math.isfinite(value):
                curve.push(value)
        self.begin()
