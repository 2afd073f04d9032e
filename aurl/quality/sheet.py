"""What the metrics share of one sample, each part computed when first asked for and then kept.

Ticks are those of `aurl.music.notes`, 12 to the quarter note; a cell is a sixteenth note, 3 ticks. All numbers are
whole until the last division, so that a transposed sample gives the same measures to the last bit.
"""

from __future__ import annotations

from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.music.notes import TICKS_PER_BEAT, Notes

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

CELL = 3
MAX_BARS = 128
MAX_NOTES = 20_000
MAX_TICKS = 128 * 12 * TICKS_PER_BEAT
"""128 bars of 12/4: a metre of 64/1 must not make the arrays large."""

_AT_ONCE = 1024
"""Notes drawn at a time: many that all last to the end must not make the arrays large."""


class Sheet:
    """The first 128 bars, 1536 beats or 20,000 notes of a sample, moved by whole bars so that it begins in bar 0.

    Attributes:
        onset, end: int64 [N], ticks; no note ends after the last bar.
        held: bool [N], whether the note sounds on over the end of its bar, also of the last one.
        pitch: int64 [N], 0..127.
        velocity: float64 [N], 1..127.
        bar: ticks in a bar.
    """

    def __init__(self, notes: Notes) -> None:
        origin = int(notes.onset[0]) // notes.bar * notes.bar if len(notes) else 0
        limit = origin + min(MAX_BARS * notes.bar, MAX_TICKS)
        count = min(int(np.searchsorted(notes.onset, limit)), MAX_NOTES)
        self.bar = notes.bar
        self.onset: Ints = notes.onset[:count].astype(np.int64) - origin
        end = self.onset + notes.duration[:count]
        self.held: Flags = end > (self.onset // self.bar + 1) * self.bar
        self.end: Ints = np.minimum(end, self.ticks)
        self.pitch: Ints = notes.pitch[:count].astype(np.int64)
        self.velocity: Floats = notes.velocity[:count].astype(np.float64)

    def __len__(self) -> int:
        return len(self.onset)

    @cached_property
    def bars(self) -> int:
        """How many bars the onsets span."""
        return int(self.onset[-1]) // self.bar + 1 if len(self) else 0

    @cached_property
    def ticks(self) -> int:
        """Length in ticks, whole bars."""
        return self.bars * self.bar

    @property
    def beats(self) -> float:
        """Length in quarter notes."""
        return self.ticks / TICKS_PER_BEAT

    @cached_property
    def first(self) -> Ints:
        """Index of the first note of each group of notes that begin together, int64 [G]."""
        return np.flatnonzero(np.concatenate(([True], self.onset[1:] != self.onset[:-1])))

    @cached_property
    def starts(self) -> Ints:
        """The tick of each group, int64 [G]."""
        return self.onset[self.first]

    @cached_property
    def counts(self) -> Ints:
        """Notes in each group, int64 [G]."""
        return np.diff(np.concatenate((self.first, [len(self)])))

    @cached_property
    def iois(self) -> Ints:
        """Inter-onset intervals in ticks, int64 [G - 1]."""
        return np.diff(self.starts)

    @cached_property
    def lowest(self) -> int:
        """The lowest pitch of the sample."""
        return int(self.pitch.min())

    @cached_property
    def highest(self) -> int:
        """The highest pitch of the sample."""
        return int(self.pitch.max())

    @cached_property
    def base(self) -> int:
        """The lowest pitch rounded down to a C: row 0 of `roll`."""
        return self.lowest - self.lowest % 12

    @cached_property
    def roll(self) -> Flags:
        """Which pitch sounds in which cell, bool [K, cells]; row 0 is `base`, and K a multiple of 12."""
        cells = -(-self.ticks // CELL)
        rows = -(-(self.highest + 1 - self.base) // 12) * 12
        begin = self.onset // CELL
        size = np.maximum(1, -(-self.end // CELL) - begin)
        place = (self.pitch - self.base) * cells + begin
        roll = np.zeros(rows * cells, bool)
        for start in range(0, len(self), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            roll[_ranges(place[part], size[part])] = True
        return roll.reshape(rows, cells)

    @cached_property
    def polyphony(self) -> Ints:
        """Pitches sounding in each cell, int64 [cells]."""
        count: Ints = np.add.reduce(self.roll, axis=0, dtype=np.uint8).astype(np.int64)
        return count

    @cached_property
    def top(self) -> Ints:
        """The highest pitch sounding in each cell, int64 [cells]; meaningless in silence."""
        row = np.arange(len(self.roll), dtype=np.uint8)  # bytes: an eighth of the way through memory
        top: Ints = self.base + np.max(self.roll * row[:, None], axis=0).astype(np.int64)
        return top

    @cached_property
    def chroma(self) -> NDArray[np.float32]:
        """Pitches of each class sounding in each cell, float32 [12, cells]; row 0 is C."""
        by_octave = self.roll.reshape(-1, 12, self.roll.shape[1])
        chroma: NDArray[np.float32] = np.add.reduce(by_octave, axis=0, dtype=np.uint8).astype(np.float32)
        return chroma

    @cached_property
    def group_top(self) -> Ints:
        """The highest pitch that begins in each group, int64 [G]; notes of a group are sorted by pitch."""
        top: Ints = self.pitch[self.first + self.counts - 1]
        return top

    @cached_property
    def skyline(self) -> Ints:
        """The melody: the top note of every group above which nothing sounds, int64 [up to G].

        Uitdenbogerd & Zobel, "Melodic matching techniques for large music databases", ACM Multimedia 1999.
        """
        line: Ints = self.group_top[self.group_top >= self.top[self.starts // CELL]]
        return line


def _ranges(start: Ints, size: Ints) -> Ints:
    """start, start + 1, ... of each range of at least one number, one range after the other, int64 [sum of sizes]."""
    every = np.arange(int(size.sum()))
    every += np.repeat(start - np.cumsum(size) + size, size)
    return every
