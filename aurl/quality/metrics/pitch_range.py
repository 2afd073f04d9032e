"""`pitch_range`: how far apart the lowest and the highest note are."""

from __future__ import annotations

from aurl.quality.metric import Measure, Metric, Values
from aurl.quality.sheet import Sheet


class PitchRange(Metric):
    """`range`: highest minus lowest pitch in semitones. Too low and too high are bad.

    Source: Dong et al., "MusPy", ISMIR 2020, whose `pitch_range` it equals.
    """

    name = "pitch_range"
    measures = (Measure("range", "both", 2.0),)

    def measure(self, sheet: Sheet) -> Values:
        return {"range": float(sheet.highest - sheet.lowest)}
