"""`dynamic_range`: are loud and soft used as usual?"""

from __future__ import annotations

import numpy as np

from aurl.quality.counting import gini_mean_difference
from aurl.quality.metric import Measure, Metric, Value, Values
from aurl.quality.sheet import Floats, Sheet

_FEWEST = 4


class DynamicRange(Metric):
    """Velocities, 1..127.

    `dynamics`: 95th minus 5th percentile of the notes. Too low and too high are bad.
    `dynamics_smoothness`: 1 - mean |v_k+1 - v_k| / (mean absolute difference of any two), for the mean velocities
    v_k of the onsets; 0 is what random order gives. Too low is bad. Undefined with fewer than 4 onsets, or where all
    are equally loud.
    Where the reference itself has no dynamics (95 % of it keeps within 2 units), the metric does not apply.

    Source: the chance correction is that of von Neumann, "Distribution of the ratio of the mean square successive
    difference to the variance", 1941, with absolute differences.
    """

    name = "dynamic_range"
    measures = (
        Measure("dynamics", "both", 2.0, least=2.0),
        Measure("dynamics_smoothness", "low", 0.05),
    )

    def measure(self, sheet: Sheet) -> Values:
        low, high = np.percentile(sheet.velocity, (5, 95))
        loudness = np.add.reduceat(sheet.velocity, sheet.first) / sheet.counts
        return {"dynamics": float(high - low), "dynamics_smoothness": _smoothness(loudness)}


def _smoothness(loudness: Floats) -> Value:
    if len(loudness) < _FEWEST:
        return f"fewer than {_FEWEST} onsets"
    by_chance = gini_mean_difference(loudness)
    if by_chance <= 0:
        return "all notes are equally loud"
    return 1 - float(np.abs(np.diff(loudness)).mean()) / by_chance
