"""Three of MusDr's metrics: pitch-class entropies H1 and H4, and grooving similarity.

Wu & Yang, "The Jazz Transformer on the Front Line", ISMIR 2020. MusDr draws 1000 pairs of bars at random for the
similarity; here all pairs are counted, so the result is the mean that it estimates.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aurl.music.notes import Notes

NAMES = ("pitch_class_entropy_1", "pitch_class_entropy_4", "grooving_similarity")
POSITIONS = 64
MAX_BARS = 20_000


def musdr_metrics(notes: Notes) -> dict[str, float]:
    """H1, H4 (bits) and GS (0..1) of a piece's first 20,000 bars; NaN without notes, GS also for a single bar."""
    if not len(notes):
        return dict.fromkeys(NAMES, math.nan)
    bar, tick = np.divmod(notes.onset.astype(np.int64), notes.bar)
    kept = bar < MAX_BARS
    if not kept.any():
        return dict.fromkeys(NAMES, math.nan)
    bar, tick, pitch = bar[kept], tick[kept], notes.pitch[kept]
    bars = int(bar[-1]) + 1
    classes = np.bincount(bar * 12 + pitch % 12, minlength=bars * 12).reshape(bars, 12)
    struck = np.unique(bar * POSITIONS + tick * POSITIONS // notes.bar)
    return {
        "pitch_class_entropy_1": _mean_entropy(classes, 1),
        "pitch_class_entropy_4": _mean_entropy(classes, 4),
        "grooving_similarity": _grooving_similarity(np.bincount(struck % POSITIONS, minlength=POSITIONS), bars),
    }


def _mean_entropy(classes: NDArray[np.int64], span: int) -> float:
    """Mean entropy in bits of the pitch-class histograms of `span` bars, moved bar by bar, empty ones left out."""
    span = min(span, len(classes))
    total = np.cumsum(np.vstack([np.zeros((1, 12), np.int64), classes]), axis=0)
    windows = total[span:] - total[:-span]
    windows = windows[windows.sum(axis=1) > 0]
    share = windows / windows.sum(axis=1, keepdims=True)
    return float(-(share * np.log2(np.where(share > 0, share, 1))).sum(axis=1).mean())


def _grooving_similarity(struck: NDArray[np.int64], bars: int) -> float:
    """1 - mean over pairs of bars of the share of positions that one has struck and the other has not.

    A position struck in c of B bars differs in c (B - c) pairs.
    """
    if bars < 2:
        return math.nan
    pairs = bars * (bars - 1) / 2
    return float(1 - (struck * (bars - struck)).sum() / pairs / POSITIONS)
