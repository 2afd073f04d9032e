"""`harmonic_coherence`: do notes that sound together, and near one another, fit?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurl.quality.metric import Measure, Metric, Value, Values
from aurl.quality.sheet import CELLS_PER_BEAT, Sheet

_MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], np.float32)  # C D E F G A B
_HARMONIC_MINOR = np.array([1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1], np.float32)  # C D Eb F G Ab B
SCALES: NDArray[np.float32] = np.stack(
    [np.roll(kind, root) for kind in (_MAJOR, _HARMONIC_MINOR) for root in range(12)]
)
"""The 24 major (which are the natural minor) and harmonic minor scales as pitch-class masks, float32 [24, 12]."""
_CLASS = np.arange(12)
_PARTNER = (_CLASS[None] + np.arange(1, 7)[:, None]) % 12  # [interval class - 1, pitch class]
_TIMES = np.array([1, 1, 1, 1, 1, 0.5])  # a tritone's two pitch classes find each other twice
_WINDOW_BARS = 4


class HarmonicCoherence(Metric):
    """Shares of consonant intervals and of notes that stay in a scale, from the chroma C[pitch class, time].

    With ic_k = sum over time of C[p] C[p + k], summed over p (k = 6 halved), consonance = (ic3 + ic4 + ic5) /
    (ic1 + ... + ic6): the share of thirds, sixths, fourths and fifths; 6/11 by chance.
    `consonance`: of what falls in one beat; `vertical_consonance`: of what sounds in one sixteenth.
    `scale_fit`: the duration-weighted share of notes in the best of 24 scales (major and harmonic minor), chosen
    anew every 4 bars.
    Too low is bad. A consonance is undefined where no two pitch classes meet.

    Sources: interval classes after Forte, "The Structure of Atonal Music", 1973; scale share after Mogren,
    "C-RNN-GAN", 2016, by windows.
    """

    name = "harmonic_coherence"
    measures = (
        Measure("consonance", "low", 0.01),
        Measure("vertical_consonance", "low", 0.01),
        Measure("scale_fit", "low", 0.01),
    )

    def measure(self, sheet: Sheet) -> Values:
        cells = sheet.chroma
        beats = _joined(cells, CELLS_PER_BEAT)
        windows = _joined(beats, max(1, round(_WINDOW_BARS * sheet.beats / sheet.bars)))
        return {
            "consonance": _consonance(beats),
            "vertical_consonance": _consonance(cells),
            "scale_fit": float((SCALES @ windows).max(axis=0).sum() / windows.sum()),
        }


def _joined(chroma: NDArray[np.float32], span: int) -> NDArray[np.float32]:
    """Sums over spans of `span` columns, the last one shorter."""
    sums: NDArray[np.float32] = np.add.reduceat(chroma, np.arange(0, chroma.shape[1], span), axis=1)
    return sums


def _consonance(chroma: NDArray[np.float32]) -> Value:
    together = chroma @ chroma.T
    classes = together[_CLASS, _PARTNER].sum(axis=1) * _TIMES
    total = float(classes.sum())
    return float(classes[2:5].sum()) / total if total > 0 else "no two pitch classes meet"
