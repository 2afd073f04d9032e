"""Which note-off ends which note-on: all at once on arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aurl.music.score import Ticks

Flags = NDArray[np.bool_]


class Paired(NamedTuple):
    """Notes in the order of their onsets.

    Attributes:
        onset, duration: ticks, int64 [N].
        pitch, velocity, channel: int64 [N].
        hung: how many were never ended; they last until their pitch begins again, or to the end of the track.
    """

    onset: Ticks
    duration: Ticks
    pitch: Ticks
    velocity: Ticks
    channel: Ticks
    hung: int


def pair(ticks: list[int], codes: list[int], end: int, quarter: int) -> Paired:
    """Notes of a track's events (see `TrackEvents`), by channel and pitch: what began first ends first.

    Note-offs without a note are passed over. Where a pitch is begun more often than it is ended, each of its notes
    ends when the next event of that pitch comes, or with the track; one struck as the track ends lasts a quarter note.
    One whose end stands right before its beginning has no length: writers that sort ends first leave it so.
    """
    tick, code = np.array(ticks, np.int64), np.array(codes, np.int64)
    velocity = code & 127
    starts = (code >> 16 >= 0x90) & (velocity > 0)
    key = (code >> 16 & 15) << 7 | code >> 8 & 127
    order = np.argsort(key, kind="stable")
    tick, key, starts = tick[order], key[order], starts[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    which = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(key))))

    stray = ~starts & _stray(starts, which, first)
    on, off = np.flatnonzero(starts), np.flatnonzero(~starts & ~stray)
    begun, ended = (np.bincount(which[at], minlength=len(first)) for at in (on, off))
    nth = np.arange(len(on)) - (begun.cumsum() - begun)[which[on]]
    torn = (begun > ended)[which[on]]
    stops = np.full(len(on), end, np.int64)
    stops[~torn] = tick[off[((ended.cumsum() - ended)[which[on]] + nth)[~torn]]]
    stops[torn] = _next_of_its_pitch(tick, which, on[torn], end)
    stops[torn & (stops == end) & (tick[on] == end)] += quarter
    empty = torn & (on > 0) & stray[on - 1] & (which[on - 1] == which[on]) & (tick[on - 1] == tick[on])
    stops[empty] = tick[on[empty]]
    hung = int((begun - ended).sum() - empty.sum())
    back = np.argsort(order[on])
    on, stops = on[back], stops[back]
    return Paired(tick[on], stops - tick[on], key[on] & 127, velocity[order[on]], key[on] >> 7, hung)


def _stray(starts: Flags, which: Ticks, first: Ticks) -> Flags:
    """Which note-offs come while nothing of their pitch sounds: where a count of open notes would go below zero."""
    step = np.where(starts, 1, -1).cumsum()
    before = np.concatenate(([0], step))[first]
    floor = -which * (2 * len(starts) + 1)  # each pitch lies below the one before, so that one running minimum serves
    lowest = np.minimum.accumulate(np.minimum(step - before[which] + floor, floor))
    previous = np.concatenate(([0], lowest[:-1]))
    previous[first] = floor[first]
    return lowest < previous


def _next_of_its_pitch(tick: Ticks, which: Ticks, on: Ticks, end: int) -> Ticks:
    after = np.minimum(on + 1, len(tick) - 1)
    follows = (on + 1 < len(tick)) & (which[after] == which[on])
    return np.where(follows, tick[after], end)
