"""`rhythm_diversity`: are there as many note values as usual?"""

from __future__ import annotations

import numpy as np

from aurl.music.notes import TICKS_PER_BEAT
from aurl.quality.counting import clipped_counts, entropy
from aurl.quality.metric import Measure, Metric, Values
from aurl.quality.sheet import Sheet


class RhythmDiversity(Metric):
    """The times d_1 .. d_K between one onset and the next.

    `ioi_entropy`: Shannon entropy in bits of their histogram, those over 4 beats counted as one value.
    `npvi`: normalised pairwise variability, mean of 2 |d_k+1 - d_k| / (d_k+1 + d_k), 0..2; 0 for even notes.
    Too low and too high are bad. Undefined with fewer than 3 onsets.

    Source: Grabe & Low, "Durational variability in speech and the rhythm class hypothesis", 2002 (nPVI).
    """

    name = "rhythm_diversity"
    measures = (Measure("ioi_entropy", "both", 0.1), Measure("npvi", "both", 0.03))

    def measure(self, sheet: Sheet) -> Values:
        intervals = sheet.iois
        if len(intervals) < 2:
            return dict.fromkeys(("ioi_entropy", "npvi"), "fewer than 3 onsets")
        change = np.abs(np.diff(intervals)) / (intervals[1:] + intervals[:-1])
        return {
            "ioi_entropy": entropy(clipped_counts(intervals, 4 * TICKS_PER_BEAT)),
            "npvi": 2 * float(change.mean()),
        }
