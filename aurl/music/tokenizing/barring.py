"""Bars as tokens tell them: how long each is and in which unit it is counted, with changes.

A metre is written as one or two lengths: of the bar, and of the unit that its denominator names. The second stands
only where it is not the plainest (3/4 is a bar of three quarters; 6/8 is that bar in units of an eighth), so that music
in plain metres has the same tokens whether there are others or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aurl.music.metre import bar_ticks, time_signature
from aurl.music.notes import Notes
from aurl.music.score import Metre, Ticks

Flags = NDArray[np.bool_]


class Signed(NamedTuple):
    """A metre from a bar on.

    Attributes:
        bar: number of the first bar in it.
        length: ticks in a bar.
        unit: ticks of the denominator, or 0 for the plainest time signature of the length.
    """

    bar: int
    length: int
    unit: int


class Bars(NamedTuple):
    """The bars of a piece.

    Attributes:
        signed: its metres, the first in bar 0, each other than the one before.
        starts: int64 [B], the tick of each bar, up to the last that holds an onset.
    """

    signed: list[Signed]
    starts: Ticks

    def place(self, onset: Ticks) -> tuple[Ticks, Ticks]:
        """Number of the bar of each onset, and its ticks in it."""
        bar = np.searchsorted(self.starts, onset, side="right") - 1
        return bar, onset - self.starts[bar]


class Alphabet(NamedTuple):
    """Which bars can be written.

    Attributes:
        resolution: ticks to the quarter note.
        step: lengths and units are multiples of so many ticks.
        longest: of bars, in ticks; a multiple of `step`.
    """

    resolution: int
    step: int
    longest: int

    @classmethod
    def of(cls, resolution: int, longest: int) -> Alphabet:
        """Multiples of the shortest note value down to the 64th that has a whole number of ticks."""
        step = next(4 * resolution // one for one in (64, 32, 16, 8, 4) if 4 * resolution % one == 0)
        return cls(resolution, step, max(step, longest // step * step))

    def nearest(self, bar: int) -> int:
        """The length that a bar is written with: rounded; long ones are divided evenly."""
        if bar <= self.longest:
            return max(self.step, (bar + self.step // 2) // self.step * self.step)
        even = (bar // parts for parts in range(2, 65) if bar % (parts * self.step) == 0)
        return next((part for part in even if part <= self.longest), self.longest)

    def bars(self, notes: Notes) -> Bars:
        """The bars of a piece as they are written."""
        last = int(notes.onset[-1]) if len(notes) else 0
        if len(notes.metres) > 1 and (several := self._several(notes.metres, last)):
            return several
        length = self.nearest(notes.bar)
        unit = self._unit(notes.metres[0], length) if len(notes.metres) == 1 else 0
        return Bars([Signed(0, length, unit)], np.arange(0, last + 1, length, dtype=np.int64))

    def _several(self, metres: Sequence[Metre], last: int) -> Bars | None:
        """Every change on its tick; None where the bars between two changes cannot be written."""
        lengths: list[Ticks] = []
        units: list[Ticks] = []
        within = [metre for metre in metres if metre.tick <= last]
        for metre, stop in zip(within, [*(metre.tick for metre in within[1:]), None], strict=True):
            length = self.nearest(bar_ticks(metre, self.resolution) or 1)
            span = (last + 1 if stop is None else stop) - metre.tick
            count, rest = -(-span // length), span % length
            each, unit = np.full(count, length), np.full(count, self._unit(metre, length))
            if stop is not None and rest:
                if rest % self.step:
                    return None
                each[-1], unit[-1] = rest, 0
            lengths.append(each)
            units.append(unit)
        length_of, unit_of = np.concatenate(lengths).astype(np.int64), np.concatenate(units)
        changes = np.flatnonzero(np.diff(length_of * (self.longest + 1) + unit_of, prepend=-1))
        signed = [Signed(int(at), int(length_of[at]), int(unit_of[at])) for at in changes]
        return Bars(signed, np.cumsum(length_of) - length_of)

    def _unit(self, metre: Metre, length: int) -> int:
        """The unit token's value: 0 where the length alone says the metre."""
        numerator, denominator = time_signature(length, self.resolution)
        unit, rest = divmod(4 * self.resolution, metre.denominator)
        if rest or unit % self.step or bar_ticks(metre, self.resolution) != length:
            return 0
        return 0 if (numerator, denominator) == metre[1:] else unit

    def means(self, length: int, unit: int) -> bool:
        """Whether a unit makes a time signature of a bar, and not the one it has without."""
        denominator, rest = divmod(4 * self.resolution, unit)
        exact = not rest and denominator & (denominator - 1) == 0 and length % unit == 0 and length // unit <= 255
        return exact and (length // unit, denominator) != time_signature(length, self.resolution)

    def metres(self, bars: Bars) -> tuple[Metre, ...]:
        """The time signatures of bars, with their ticks."""
        found = []
        for first, length, unit in bars.signed:
            tick = int(bars.starts[first])
            if unit:
                found.append(Metre(tick, length // unit, 4 * self.resolution // unit))
            else:
                found.append(Metre(tick, *time_signature(length, self.resolution)))
        return tuple(found)


def laid_out(signed: Sequence[Signed], count: int) -> tuple[Ticks, Ticks]:
    """Start and length of `count` bars, int64 [count] each."""
    firsts = np.array([one.bar for one in signed], np.int64)
    each = np.array([one.length for one in signed], np.int64)
    lengths = each[np.searchsorted(firsts, np.arange(count), side="right") - 1]
    return np.cumsum(lengths) - lengths, lengths


def read_metres(metre: Flags, ticks: Ticks, bars: Ticks, alphabet: Alphabet) -> tuple[list[Signed], Ticks]:
    """The metres of a sequence of tokens, and the places of the tokens that mean one.

    The first Metre before any Bar means the metre of the beginning; one right before a Bar that of what follows, also
    where the sequence is cut there. A second right behind it is its unit.

    Args:
        metre: which tokens are Metres, bool [T].
        ticks: their values, int [T].
        bars: Bars up to each token, itself included, int [T].
    """
    places = np.flatnonzero(metre)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(places) else []
    signed: list[Signed] = []
    meant: list[int] = []
    opening = next((run for run in runs if bars[run[0]] == 0), None)
    for run in runs:
        bar, behind = int(bars[run[0]]), run[-1] + 1
        if run is opening:
            pair = run[:2]
        elif bar and (behind == len(bars) or bars[behind] > bar):
            pair = run[-2:]
        else:
            continue
        length, unit = int(ticks[pair[0]]), int(ticks[pair[1]]) if len(pair) > 1 else 0
        if unit and not alphabet.means(length, unit):
            length, unit = (length, 0) if run is opening else (unit, 0)
            pair = pair[:1] if run is opening else pair[1:]
        meant += pair.tolist()
        if not signed and bar:
            signed.append(Signed(0, 4 * alphabet.resolution, 0))
        if not signed or signed[-1][1:] != (length, unit):
            signed.append(Signed(bar, length, unit))
    return signed or [Signed(0, 4 * alphabet.resolution, 0)], np.array(meant, np.int64)
