"""`harmonic_coherence`: do notes that sound together, and near one another, fit?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurl.quality.metric import Measure, Metric, Value, Values
from aurl.quality.sheet import CELL, Sheet

Mask = NDArray[np.float32]


def _transposed(*kinds: tuple[int, ...]) -> Mask:
    """Each set of pitch classes in all 12 transpositions, float32 [12 kinds, 12]."""
    masks = np.zeros((len(kinds), 12, 12), np.float32)
    for mask, kind in zip(masks, kinds, strict=True):
        for root in range(12):
            mask[root, (np.array(kind) + root) % 12] = 1
    return masks.reshape(-1, 12)


SCALES: Mask = _transposed((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11))
"""The 24 major (which are the natural minor) and harmonic minor scales as pitch-class masks, float32 [24, 12]."""
CHORDS: Mask = _transposed((0, 3, 7), (0, 4, 7, 10))
"""Minor triads and dominant sevenths, float32 [24, 12]; the latter hold the major and the diminished triads."""
_CLASS = np.arange(12)
_PARTNER = (_CLASS[None] + np.arange(1, 7)[:, None]) % 12  # [interval class - 1, pitch class]
_TIMES = np.array([1, 1, 1, 1, 1, 0.5])  # a tritone's two pitch classes find each other twice
_WINDOW_BARS = 4
_TRITONE = 6


class HarmonicCoherence(Metric):
    """What fits among the pitch classes: at one time, in one bar, in four, in all, and from one melody note on.

    From the chroma C[pitch class, sixteenth]:
    `consonance`: with ic_k = sum over time of C[p] C[p + k], summed over p (k = 6 halved), (ic3 + ic4 + ic5) /
    (ic1 + ... + ic6): the share of thirds, sixths, fourths and fifths in all intervals that sound; 6/11 by chance.
    `chord_fit`: the share of what sounds in the best of 24 chords (`CHORDS`), chosen anew every sixteenth.
    `bar_fit`, `scale_fit`: the share in the best of 24 scales (`SCALES`), chosen anew every bar, every 4 bars.
    From the counts n[pitch class] of N onsets:
    `thirds`: (|sum over p of n[p] i^p|^2 - N) / (N^2 - N): the strength of the third Fourier coefficient, each note's
    meeting with itself left out; 0 by chance. Major thirds and octaves add to it, whole tones and tritones take away.
    `tritones`: the share of tritones, octaves aside, from each skyline note to the next and to the one after it.
    Too low is bad, of tritones too much. Undefined: a consonance where no two pitch classes meet, tritones with fewer
    than 4 skyline notes.

    Sources: interval classes after Forte, "The Structure of Atonal Music", 1973; scale share after Mogren,
    "C-RNN-GAN", 2016, by windows; the coefficient after Quinn, "General equal-tempered harmony", Perspectives of New
    Music 44-45, 2006-2007, and Yust, "Schubert's harmonic language and Fourier phase space", JMT 59, 2015.
    """

    name = "harmonic_coherence"
    measures = (
        Measure("consonance", "low", 0.01),
        Measure("chord_fit", "low", 0.01),
        Measure("bar_fit", "low", 0.01),
        Measure("scale_fit", "low", 0.01),
        Measure("thirds", "low", 0.02),
        Measure("tritones", "high", 0.005),
    )

    def measure(self, sheet: Sheet) -> Values:
        bars = _joined(sheet.chroma, max(1, sheet.bar // CELL))
        return {
            "consonance": _consonance(sheet.chroma),
            "chord_fit": _fit(CHORDS, sheet.chroma),
            "bar_fit": _fit(SCALES, bars),
            "scale_fit": _fit(SCALES, _joined(bars, _WINDOW_BARS)),
            "thirds": _thirds(sheet),
            "tritones": _tritones(sheet),
        }


def _joined(chroma: Mask, span: int) -> Mask:
    """Sums over spans of `span` columns, the last one shorter."""
    sums: Mask = np.add.reduceat(chroma, np.arange(0, chroma.shape[1], span), axis=1)
    return sums


def _fit(masks: Mask, chroma: Mask) -> float:
    return float((masks @ chroma).max(axis=0).sum() / chroma.sum())


def _consonance(chroma: Mask) -> Value:
    together = chroma @ chroma.T
    classes = together[_CLASS, _PARTNER].sum(axis=1) * _TIMES
    total = float(classes.sum())
    return float(classes[2:5].sum()) / total if total > 0 else "no two pitch classes meet"


def _thirds(sheet: Sheet) -> float:
    count = len(sheet)
    by_class = np.bincount(sheet.pitch & 3, minlength=4)  # i^p has a period of 4, of which 12 is a multiple
    real, imaginary = int(by_class[0] - by_class[2]), int(by_class[1] - by_class[3])
    return (real**2 + imaginary**2 - count) / (count**2 - count)


def _tritones(sheet: Sheet) -> Value:
    line = sheet.skyline
    if len(line) < 4:
        return "fewer than 4 melody notes"
    shares = [np.count_nonzero((line[lag:] - line[:-lag]) % 12 == _TRITONE) / (len(line) - lag) for lag in (1, 2)]
    return float(sum(shares) / 2)
