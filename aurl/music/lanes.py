"""Splitting notes into lanes in which no two notes of one track and pitch sound at once.

A MIDI note-off names only channel and pitch, so of two overlapping notes of one pitch on one channel nobody can tell
which has ended: readers pair first in, first out, or end both. Voices that meet on one pitch are common in chorales.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from aurl.music.notes import IntArray, Notes


def lanes(notes: Notes) -> IntArray:
    """The lane of each note, int32 [N]: 0 for nearly all, the lowest free one for a note over another of its pitch.

    A note that begins where another of its track and pitch ends may follow it in the same lane.
    """
    lane_of = np.zeros(len(notes), np.int32)
    busy_until: dict[int, list[int]] = defaultdict(list)
    key = notes.pitch if notes.track is None else notes.pitch + 128 * notes.track
    columns = zip(notes.onset.tolist(), notes.duration.tolist(), key.tolist(), strict=True)
    for index, (onset, duration, pitch) in enumerate(columns):
        ends = busy_until[pitch]
        free = next((lane for lane, end in enumerate(ends) if end <= onset), len(ends))
        ends[free : free + 1] = [onset + duration]
        lane_of[index] = free
    return lane_of
