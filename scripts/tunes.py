"""Which pieces set the same tune, whatever their key and harmony.

Two signatures, each a set of pitch interval n-grams and so blind to transposition: of the top line's notes one by
one, which survives a change of metre, and of the top line as it sounds on every beat, which survives ornament.
Two pieces set the same tune when a fifth of the n-grams of the poorer one occur in the other. On the chorales
unrelated pairs share under a tenth, and settings of one hymn mostly more than half.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from aurl.music.notes import TICKS_PER_BEAT, IntArray, Notes

NOTE_GRAM = 8
BEAT_GRAM = 7
SHARED = 0.2


class Tune(NamedTuple):
    """The two signatures of a tune."""

    notes: frozenset[bytes]
    beats: frozenset[bytes]

    def like(self, other: Tune) -> bool:
        """Whether both are one tune, as the head of this file says."""
        return _overlap(self.notes, other.notes) >= SHARED or _overlap(self.beats, other.beats) >= SHARED


def tune(lines: Iterable[Notes]) -> Tune:
    """The signature of a piece whose tune lies in the top line of one of `lines`, mostly the one whole piece."""
    notes: set[bytes] = set()
    beats: set[bytes] = set()
    for line in lines:
        notes |= _grams(top_line(line), NOTE_GRAM)
        beats |= _grams(on_the_beat(line), BEAT_GRAM)
    return Tune(frozenset(notes), frozenset(beats))


def families(tunes: Sequence[Tune]) -> list[list[int]]:
    """The indices of the pieces grouped by tune; likeness carries over (single linkage)."""
    parent = list(range(len(tunes)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    for later in range(len(tunes)):
        for earlier in range(later):
            if tunes[later].like(tunes[earlier]):
                parent[root(later)] = root(earlier)
    groups: dict[int, list[int]] = {}
    for index in range(len(tunes)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())


def top_line(notes: Notes) -> IntArray:
    """The highest pitch that begins at each onset, int32 [onsets]."""
    last = np.flatnonzero(np.diff(notes.onset, append=-1))  # notes are sorted by pitch within an onset
    return notes.pitch[last]


def on_the_beat(notes: Notes) -> IntArray:
    """The highest pitch that sounds on each beat; beats of silence are left out."""
    highest = np.full(notes.end // TICKS_PER_BEAT + 1, -1, np.int32)
    first = -(-notes.onset // TICKS_PER_BEAT)
    last = -(-(notes.onset + notes.duration) // TICKS_PER_BEAT)
    for start, stop, pitch in zip(first.tolist(), last.tolist(), notes.pitch.tolist(), strict=True):
        np.maximum(highest[start:stop], pitch, out=highest[start:stop])
    sounding: IntArray = highest[highest >= 0]
    return sounding


def _grams(pitches: IntArray, length: int) -> set[bytes]:
    intervals = np.diff(pitches).astype(np.int8)
    if len(intervals) < length:
        return set()
    return {window.tobytes() for window in np.lib.stride_tricks.sliding_window_view(intervals, length)}


def _overlap(a: frozenset[bytes], b: frozenset[bytes]) -> float:
    return len(a & b) / max(1, min(len(a), len(b)))
