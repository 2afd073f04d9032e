"""`repetition_score`: is as much repeated as usual?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurl.quality.counting import distinct, random_codes
from aurl.quality.metric import Measure, Metric, Values
from aurl.quality.sheet import Sheet

_PITCH = random_codes(128, seed=1)
_GAP = random_codes(128, seed=2)
_STEP = random_codes(256, seed=3)
_LONGEST_GAP = 127
_LOOP = 16


class RepetitionScore(Metric):
    """Distinct n-grams among all n-grams, 0..1: a loop is near 0, noise at 1.

    `distinct2`: of pairs of onsets in a row, each onset being the set of its pitches and the time to the next one.
    `melodic_distinct3`: of three skyline intervals in a row.
    `short_loop`: the largest share of onsets that equal the one k onsets earlier, over k = 1..16, by Laplace's rule
    (one more, of two more). Compared as a logarithm.
    Too low and too high are bad. Undefined with fewer than 3 onsets; the second with fewer than 6 skyline notes.

    Source: Li et al., "A diversity-promoting objective function for neural conversation models", NAACL 2016.
    """

    name = "repetition_score"
    measures = (
        Measure("distinct2", "both", 0.02),
        Measure("melodic_distinct3", "both", 0.02),
        Measure("short_loop", "both", 0.2, log=True),
    )

    def measure(self, sheet: Sheet) -> Values:
        events = np.add.reduceat(_PITCH[sheet.pitch], sheet.first) * np.uint64(3)
        events[:-1] += _GAP[np.minimum(sheet.iois, _LONGEST_GAP)]
        steps = np.diff(sheet.skyline)
        too_few = "fewer than 3 onsets" if len(events) < 3 else ""
        return {
            "distinct2": too_few or distinct(events, 2),
            "melodic_distinct3": distinct(_STEP[steps + 128], 3) if len(steps) > 4 else "fewer than 6 melody notes",
            "short_loop": too_few or _short_loop(events[:-1]),
        }


def _short_loop(events: NDArray[np.uint64]) -> float:
    """The highest share of equal pairs at a distance of up to 16; the last onset has no time to a next one."""
    lags = range(1, min(_LOOP, len(events) // 2) + 1)
    return max(int(np.count_nonzero(events[lag:] == events[:-lag]) + 1) / (len(events) - lag + 2) for lag in lags)
