"""`melodic_contour`: does the melody move like a melody?"""

from __future__ import annotations

import numpy as np

from aurl.quality.counting import clipped_counts, entropy, gini_mean_difference
from aurl.quality.metric import Measure, Metric, Values
from aurl.quality.sheet import Sheet

_FEWEST = 4
_WIDEST = 24


class MelodicContour(Metric):
    """The intervals i_1 .. i_K, in semitones, of the skyline (the top note of each onset with nothing above it).

    `contour`: 1 - mean |i| / (mean absolute difference of any two skyline pitches); 0 is what random order gives,
    and also where all pitches are one. Too low is bad.
    `leap`: log2(1 + mean |i|). Too low and too high are bad.
    `interval_entropy`: Shannon entropy in bits of |i|, those over two octaves counted as one. Both sides are bad.
    Undefined with fewer than 4 skyline notes.

    Source: step inheritance after von Hippel, "Redefining pitch proximity", Music Perception 17, 2000.
    """

    name = "melodic_contour"
    measures = (
        Measure("contour", "low", 0.03),
        Measure("leap", "both", 0.08),
        Measure("interval_entropy", "both", 0.1),
    )

    def measure(self, sheet: Sheet) -> Values:
        line = sheet.skyline
        if len(line) < _FEWEST:
            return {measure.name: f"fewer than {_FEWEST} melody notes" for measure in self.measures}
        steps = np.abs(np.diff(line))
        by_chance = gini_mean_difference(line)
        return {
            "contour": 1 - float(steps.mean()) / by_chance if by_chance else 0.0,
            "leap": float(np.log2(1 + steps.mean())),
            "interval_entropy": entropy(clipped_counts(steps, _WIDEST)),
        }
