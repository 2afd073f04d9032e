"""`rhythm_consistency`: is there a pulse?"""

from __future__ import annotations

import numpy as np

from aurl.music.notes import TICKS_PER_BEAT
from aurl.quality.metric import Measure, Metric, Values
from aurl.quality.sheet import Floats, Sheet

_SHORTEST, _LONGEST = 3, 4 * TICKS_PER_BEAT
_SILENT = 1e-9


class RhythmConsistency(Metric):
    """Autocorrelation of the onset train x[t] = sqrt(notes that begin at tick t), its mean removed. 0 is chance.

    `pulse`: r(L) = mean(x[t] x[t + L]) / mean(x[t]^2), the highest over L of 1 beat, 2 beats, 1 bar, 2 bars.
    `loose_pulse`: the same for x smoothed by (1, 2, 1)/4, over every lag from a sixteenth note to 4 beats: what is
    left of a pulse in performances that follow no beat grid.
    Too low is bad. Undefined where no lag fits twice into the sample, or where notes begin at every tick alike.

    Source: Brown, "Determination of the meter of musical scores by autocorrelation", JASA 94, 1993.
    """

    name = "rhythm_consistency"
    measures = (Measure("pulse", "low", 0.03), Measure("loose_pulse", "low", 0.03))

    def measure(self, sheet: Sheet) -> Values:
        train = np.zeros(sheet.ticks)
        train[sheet.starts] = np.sqrt(sheet.counts)
        train -= train.mean()
        lags = [lag for lag in (TICKS_PER_BEAT, 2 * TICKS_PER_BEAT, sheet.bar, 2 * sheet.bar) if 2 * lag <= len(train)]
        if not lags:
            return dict.fromkeys(("pulse", "loose_pulse"), "shorter than two beats and than two bars")
        power = float(train @ train) / len(train)
        if power < _SILENT:
            return dict.fromkeys(("pulse", "loose_pulse"), "notes begin at every tick alike")
        pulse = max(float(train[:-lag] @ train[lag:]) / (len(train) - lag) for lag in lags) / power
        return {"pulse": pulse, "loose_pulse": _loose_pulse(train)}


def _loose_pulse(train: Floats) -> float:
    smooth = np.convolve(train, (0.25, 0.5, 0.25), mode="same")
    lags = np.arange(_SHORTEST, min(_LONGEST, len(train) // 2) + 1)
    spectrum = np.fft.rfft(smooth, 1 << (len(train) + _LONGEST).bit_length())
    correlation = np.fft.irfft(spectrum * spectrum.conj())[lags] / (len(train) - lags)
    return float(correlation.max() / (smooth @ smooth / len(smooth)))
