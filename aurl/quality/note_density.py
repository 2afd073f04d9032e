"""`note_density`: are there as many notes as usual, and do they follow without holes?"""

from __future__ import annotations

import numpy as np

from aurl.quality.metric import Measure, Metric, Value, Values
from aurl.quality.sheet import Sheet


class NoteDensity(Metric):
    """How full the music is.

    `density`: notes a beat, over the bars that the onsets span. `polyphony`: mean number of pitches that sound, where
    any does. Both are compared as logarithms; too low and too high are bad.
    `continuity`: of the note ends before the last onset, the share at which another note begins, corrected for chance:
    (share - p) / (1 - p), where p is the share of ticks with an onset. 1 where every voice goes on as soon as a note
    ends, 0 by chance. Too low is bad. Undefined where no note ends before the last onset, or onsets fill every tick.

    Source: density and polyphony are usual, as in Dong et al., "MusPy", ISMIR 2020; continuity is aurl's own, with
    the chance correction of Cohen's kappa (1960).
    """

    name = "note_density"
    measures = (
        Measure("density", "both", 0.08, log=True),
        Measure("polyphony", "both", 0.05, log=True),
        Measure("continuity", "low", 0.03),
    )

    def measure(self, sheet: Sheet) -> Values:
        polyphony = sheet.polyphony
        return {
            "density": len(sheet) / sheet.beats,
            "polyphony": float(polyphony[polyphony > 0].mean()),
            "continuity": _continuity(sheet),
        }


def _continuity(sheet: Sheet) -> Value:
    last = int(sheet.starts[-1])
    onsets = np.zeros(last + 1, bool)
    onsets[sheet.starts] = True
    ends = sheet.end[sheet.end <= last]
    chance = float(onsets.mean())
    if not len(ends):
        return "no note ends before the last onset"
    if chance == 1:
        return "notes begin at every tick"
    return (float(onsets[ends].mean()) - chance) / (1 - chance)
