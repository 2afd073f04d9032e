"""MusPy's ten metrics of a piece, equal to its own, without its piano roll of every tick.

Dong, Chen, McAuley, Berg-Kirkpatrick, "MusPy: A Toolkit for Symbolic Music Generation", ISMIR 2020; version 0.5.0. The
resolution is ours, 12 ticks to the quarter note, and a measure is the piece's bar. Time and memory grow with the notes,
not with the length, so a note at beat 100,000 costs nothing.
"""

from __future__ import annotations

import math

import numpy as np

from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.quality.counting import entropy
from aurl.quality.metrics.harmonic_coherence import SCALES
from aurl.quality.sheet import Ints

NAMES = (
    "pitch_range",
    "n_pitches_used",
    "n_pitch_classes_used",
    "polyphony",
    "polyphony_rate",
    "scale_consistency",
    "pitch_entropy",
    "pitch_class_entropy",
    "empty_beat_rate",
    "groove_consistency",
)
_MAJOR = SCALES[:12].astype(float)  # MusPy's minor is the natural one, the same pitch classes as a major scale
_MANY = 2


def muspy_metrics(notes: Notes) -> dict[str, float]:
    """The ten by MusPy's names; all NaN without notes. `groove_consistency` is NaN for a single measure."""
    if not len(notes):
        return dict.fromkeys(NAMES, math.nan)
    pitches = np.bincount(notes.pitch, minlength=128)
    classes = np.bincount(notes.pitch % 12, minlength=12)
    onset = notes.onset.astype(np.int64)
    end = onset + notes.duration
    polyphony, rate = _polyphony(onset, end, notes.pitch.astype(np.int64))
    return {
        "pitch_range": float(notes.pitch.max() - notes.pitch.min()),
        "n_pitches_used": float(np.count_nonzero(pitches)),
        "n_pitch_classes_used": float(np.count_nonzero(classes)),
        "polyphony": polyphony,
        "polyphony_rate": rate,
        "scale_consistency": float((_MAJOR @ classes).max() / len(notes)),
        "pitch_entropy": entropy(pitches),
        "pitch_class_entropy": entropy(classes),
        "empty_beat_rate": _empty_rate(onset // TICKS_PER_BEAT, end // TICKS_PER_BEAT),
        "groove_consistency": _groove(onset, int(end.max()), notes.bar),
    }


def _merged(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """The union of half-open intervals as disjoint ones, in order."""
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(stop[order])
    first = np.flatnonzero(np.append(True, start[1:] > reach[:-1]))
    return start[first], reach[np.append(first[1:], len(start)) - 1]


def _polyphony(onset: Ints, end: Ints, pitch: Ints) -> tuple[float, float]:
    """Mean distinct pitches over the ticks with any, and the share of all ticks with more than two."""
    length = int(end.max())
    lane = pitch * (length + 1)  # a stretch of the number line for each pitch: what overlaps in one counts once
    begin, stop = _merged(onset + lane, end + lane)
    ticks = np.concatenate([begin % (length + 1), stop % (length + 1)])
    step = np.repeat((1, -1), len(begin))
    order = np.argsort(ticks, kind="stable")
    sounding = np.cumsum(step[order])
    span = np.diff(ticks[order], append=length)
    active = int(span[sounding > 0].sum())
    return float((sounding * span).sum() / active), float(span[sounding > _MANY].sum() / length)


def _empty_rate(first: Ints, last: Ints) -> float:
    """The share of cells 0..max(last) that no interval [first, last], both included, touches."""
    begin, stop = _merged(first, last + 1)
    total = int(last.max()) + 1
    return 1 - int((stop - begin).sum()) / total


def _groove(onset: Ints, length: int, bar: int) -> float:
    """1 - mean Hamming distance of the onset patterns of measures in a row, a share of the measure."""
    measures = length // bar + 1
    if measures < 2:
        return math.nan
    struck = np.unique(onset)
    shared = np.isin(struck + bar, struck, assume_unique=True).sum()
    ends = np.count_nonzero(struck < bar) + np.count_nonzero(struck >= (measures - 1) * bar)
    differing = 2 * len(struck) - ends - 2 * int(shared)
    return float(1 - differing / (bar * (measures - 1)))
