"""How many voices a piece has, as far as notes without parts tell."""

from __future__ import annotations

import numpy as np

from aurl.music.notes import Notes

_SHARE = 0.05


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
