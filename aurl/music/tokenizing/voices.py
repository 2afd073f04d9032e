"""How many voices a piece has, and which note belongs to which, as far as notes without parts tell."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np

from aurl.music.notes import IntArray, Notes

_SHARE = 0.05
_FREE = 1000  # further away than any pitch: a voice of its own only where no other is free


def voices(notes: Notes) -> int:
    """The most notes that sound together for at least 5 % of the time in which anything sounds, at least 1.

    A chorale in four parts has 4, also where two parts meet in one note or one of them divides at the end.
    """
    if not len(notes):
        return 1
    ticks = np.concatenate((notes.onset, notes.onset + notes.duration))
    order = np.argsort(ticks, kind="stable")
    sounding = np.cumsum(np.repeat((1, -1), len(notes))[order])[:-1]
    lasting = np.bincount(sounding, weights=np.diff(ticks[order]))[1:]
    at_least = np.cumsum(lasting[::-1])[::-1]  # time with so many notes or more, from 1 on
    return int(np.count_nonzero(at_least >= _SHARE * at_least[0])) or 1


def separate(notes: Notes, most: int) -> IntArray:
    """The voice of each note, int32 [N], 0 for the highest; -1 for notes that no voice has time for.

    Where all voices sound, they are told by pitch. A note that never sounds together with all of them goes to the voice
    that is free meanwhile and whose nearest note is nearest in pitch. So voices seldom cross. No two notes of a voice
    sound together. After the contigs of Chew and Wu 2004, doi.org/10.1007/978-3-540-31807-1_1.

    Args:
        notes: of one track.
        most: voices at most; those beyond the usual number take single notes that divide a voice.
    """
    usual = min(voices(notes), most)
    onset, end = notes.onset.tolist(), (notes.onset + notes.duration).tolist()
    pitch = notes.pitch.tolist()
    taken = [_Voice() for _ in range(most)]
    voice_of = [-1] * len(notes)

    def give(note: int, voice: int) -> None:
        voice_of[note] = voice
        taken[voice].add(onset[note], end[note], pitch[note])

    for chord in _chords(onset, end):
        if len(chord) != usual:
            continue
        held = {voice_of[note] for note in chord} - {-1}
        free = iter([voice for voice in range(usual) if voice not in held])
        for note in sorted((note for note in chord if voice_of[note] < 0), key=lambda note: -pitch[note]):
            voice = next(free, None)
            if voice is not None and taken[voice].is_free(onset[note], end[note]):
                give(note, voice)
    for note in (note for note, voice in enumerate(voice_of) if voice < 0):
        fits = [voice for voice in range(most) if taken[voice].is_free(onset[note], end[note])]
        if fits:
            give(note, min(fits, key=lambda voice: (taken[voice].distance(onset[note], pitch[note]), voice)))
    return np.array(voice_of, np.int32)


class _Voice:
    """Notes of one voice by onset."""

    def __init__(self) -> None:
        self._onsets: list[int] = []
        self._ends: list[int] = []
        self._pitches: list[int] = []

    def is_free(self, onset: int, end: int) -> bool:
        at = bisect_left(self._onsets, onset)
        return (at == 0 or self._ends[at - 1] <= onset) and (at == len(self._onsets) or self._onsets[at] >= end)

    def add(self, onset: int, end: int, pitch: int) -> None:
        at = bisect_left(self._onsets, onset)
        self._onsets.insert(at, onset)
        self._ends.insert(at, end)
        self._pitches.insert(at, pitch)

    def distance(self, onset: int, pitch: int) -> int:
        """Semitones to the nearer of the notes before and behind; a thousand in a voice that has none yet."""
        at = bisect_left(self._onsets, onset)
        return min((abs(pitch - near) for near in self._pitches[max(0, at - 1) : at + 1]), default=_FREE)


def _chords(onset: list[int], end: list[int]) -> Iterator[list[int]]:
    """The notes that sound together at each onset, by their places."""
    sounding: list[int] = []
    for note, tick in enumerate(onset):
        sounding = [one for one in sounding if end[one] > tick]
        sounding.append(note)
        if note + 1 == len(onset) or onset[note + 1] > tick:
            yield sounding
