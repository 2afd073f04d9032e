"""`note_density`: are there as many notes as usual, and do they follow without holes?"""

from __future__ import annotations

import numpy as np

from aurl.quality.metric import Measure, Metric, Value, Values
from aurl.quality.sheet import Sheet

_NEAR = 4
_LANE = 256  # more than 128 pitches and twice `_NEAR`, so that what lies near a pitch never reaches another tick


class NoteDensity(Metric):
    """How full the music is.

    `density`: notes a beat, over the bars that the onsets span. `polyphony`: mean number of pitches that sound, where
    any does. Both are compared as logarithms; too low and too high are bad.
    `sounding`: the share of sixteenths in which anything sounds. Too low is bad.
    `continuity`: of the note ends up to the last onset, the share s at which another note begins at most a major third
    away, so that a voice goes on; corrected for chance, (s - p) / (1 - p), where p is the mean share of ticks with
    such an onset. 1 where every voice goes on as soon as a note ends, 0 by chance. Too low is bad. Undefined where
    no note ends before the last onset, or onsets fill every tick.

    Source: density, polyphony and silence are usual, as in Dong et al., "MusPy", ISMIR 2020; continuity is aurl's own,
    after the step inheritance of von Hippel, "Redefining pitch proximity", Music Perception 17, 2000, with the chance
    correction of Cohen's kappa (1960).
    """

    name = "note_density"
    measures = (
        Measure("density", "both", 0.08, log=True),
        Measure("polyphony", "both", 0.05, log=True),
        Measure("sounding", "low", 0.02),
        Measure("continuity", "low", 0.03),
    )

    def measure(self, sheet: Sheet) -> Values:
        sounding = np.count_nonzero(sheet.polyphony)
        return {
            "density": len(sheet) / sheet.beats,
            "polyphony": int(sheet.polyphony.sum()) / sounding,
            "sounding": sounding / len(sheet.polyphony),
            "continuity": _continuity(sheet),
        }


def _continuity(sheet: Sheet) -> Value:
    last = int(sheet.starts[-1])
    early = sheet.end <= last
    pitch = sheet.pitch[early]
    if not len(pitch):
        return "no note ends before the last onset"
    onsets = sheet.onset * _LANE + sheet.pitch  # in order, for notes are sorted by onset, then pitch
    place = sheet.end[early] * _LANE + pitch
    found = np.searchsorted(onsets, place + _NEAR, "right") > np.searchsorted(onsets, place - _NEAR)
    near = np.convolve(np.bincount(sheet.pitch, minlength=128), np.ones(2 * _NEAR + 1, int))[_NEAR:]
    chance = float(np.minimum(1, near[pitch] / (last + 1)).mean())
    if chance == 1:
        return "notes begin at every tick"
    return (float(found.mean()) - chance) / (1 - chance)
