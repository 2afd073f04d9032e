"""What happens across bar lines, compared with what would happen if any bar could follow any other.

B bars. All costs are int64 or float32 [B, B]: entry (i, j) is what it costs to go from the end of bar i to the
beginning of bar j.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aurl.quality.metric import Value
from aurl.quality.sheet import CELL, Flags, Ints, Sheet

_FAR = 12
_FAR_TOP = 24
_FEWEST = 3


class BarLines:
    """The end of every bar (what sounds last in it) and its beginning (the first notes that begin in it).

    Attributes:
        ends: bool [B], whether anything sounds in the bar.
        begins: bool [B], whether a note begins in the bar.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        edges = np.arange(sheet.bars) * sheet.bar
        cells = np.where(sheet.polyphony > 0, np.arange(len(sheet.polyphony)), -1)
        self._last = np.maximum.reduceat(cells, edges // CELL)
        self.ends: Flags = self._last >= edges // CELL
        at = np.searchsorted(sheet.starts, edges)
        self._group = np.minimum(at, len(sheet.starts) - 1)
        self.begins: Flags = sheet.starts[self._group] // sheet.bar == np.arange(sheet.bars)

    def gain(self, cost: NDArray[np.int64] | NDArray[np.float32]) -> Value:
        """1 - mean cost from each bar to the next / mean cost between any two bars; 0 by chance."""
        joins, neighbours = self._joins
        count = np.count_nonzero(neighbours)
        if count < _FEWEST:
            return f"fewer than {_FEWEST} bar lines with notes on both sides"
        by_chance = float(np.vdot(joins, cost)) / np.count_nonzero(joins)
        if by_chance <= 0:
            return "all bars join equally well"
        return 1 - float(np.vdot(neighbours, np.diagonal(cost, 1))) / count / by_chance

    @cached_property
    def _joins(self) -> tuple[Flags, Flags]:
        """Between which two different bars there is anything to compare, bool [B, B], and so for neighbours [B - 1]."""
        joins = self.ends[:, None] & self.begins
        np.fill_diagonal(joins, False)
        return joins, np.diagonal(joins, 1)

    @cached_property
    def _sounding(self) -> Flags:
        return self._sheet.roll[:, np.maximum(self._last, 0)].T

    @cached_property
    def _beginning(self) -> Flags:
        sheet = self._sheet
        size = sheet.counts[self._group]
        bar = np.repeat(np.arange(sheet.bars), size)
        first = np.repeat(sheet.first[self._group] - np.cumsum(size) + size, size)
        begins = np.zeros_like(self._sounding)
        begins[bar, sheet.pitch[first + np.arange(len(first))] - sheet.base] = True
        return begins

    def voice_leading(self) -> NDArray[np.float32]:
        """The way, in semitones, from each pitch to the nearest of the other side, both ways, each at most 12."""
        ends, begins = self._sounding, self._beginning
        forth = _means(ends, _nearest(begins))
        back = _means(begins, _nearest(ends))
        return forth + back.T

    def top_line(self) -> Ints:
        """The way of the highest pitch, in semitones, at most 24."""
        sheet = self._sheet
        ends = sheet.top[np.maximum(self._last, 0)]
        way: Ints = np.minimum(np.abs(ends[:, None] - sheet.group_top[self._group]), _FAR_TOP)
        return way

    def bass(self) -> Ints:
        """0 where the lowest pitch stays or moves by a second, fourth, fifth or seventh (octaves aside), else 1."""
        sheet = self._sheet
        ends = np.argmax(self._sounding, axis=1) + sheet.base
        move = (sheet.pitch[sheet.first[self._group]] - ends[:, None]) % 12
        awkward: Ints = _AWKWARD[move]
        return awkward

    def texture(self) -> Ints:
        """How far the notes held over the line and those that begin on it are, in number, from the usual polyphony."""
        sheet = self._sheet
        bar = sheet.onset // sheet.bar
        held = np.bincount(bar[sheet.held], minlength=sheet.bars)
        struck = np.bincount(bar[sheet.onset == bar * sheet.bar], minlength=sheet.bars)
        ordered = np.sort(sheet.polyphony[sheet.polyphony > 0])
        usual = int(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2
        excess: Ints = np.abs(held[:, None] + struck - usual)
        return excess


_AWKWARD = np.array([0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0])


def _nearest(pitches: Flags) -> NDArray[np.float32]:
    """The distance of every pitch to the nearest one of each set, at most 12; sets and result are [B, K]."""
    index = np.arange(pitches.shape[1], dtype=np.int16)
    below = np.maximum.accumulate(np.where(pitches, index, np.int16(-_FAR)), axis=1)
    above = np.minimum.accumulate(np.where(pitches, index, np.int16(len(index) + _FAR))[:, ::-1], axis=1)[:, ::-1]
    distance: NDArray[np.float32] = np.minimum(np.minimum(index - below, above - index), _FAR).astype(np.float32)
    return distance


def _means(pitches: Flags, distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean distance of the pitches of set i under the distances of set j, float32 [B, B]."""
    chosen = pitches.astype(np.float32)
    means: NDArray[np.float32] = chosen @ distance.T / np.maximum(chosen.sum(axis=1), 1)[:, None]
    return means
