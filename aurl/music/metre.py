"""Where bars begin: time signatures, upbeats and changes of metre as bar lines.

A time signature that comes before its bar is full ends that bar, and begins a new one. A first bar that is shorter than
the bars of the next time signature is an upbeat, however it is signed: notation programs write an upbeat of one quarter
as a metre of 1/4.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from aurl.music.score import Metre, Ticks

_DENOMINATORS = (4, 8, 16, 32, 64, 2, 1)


def time_signature(bar: int, resolution: int = 12) -> tuple[int, int]:
    """The plainest numerator and denominator of a bar of `bar` ticks (of 12 to the quarter: 48 is 4/4, 18 is 3/8).

    The largest unit from quarter to 64th that divides the bar; longer units where the numerator would not fit its byte.
    Bars that no power of two divides (a bar of 10 ticks) get the nearest number of sixteenths.
    """
    for denominator in _DENOMINATORS:
        unit, rest = divmod(4 * resolution, denominator)
        if not rest and bar % unit == 0 and bar // unit <= 255:
            return bar // unit, denominator
    return min(255, max(1, round(bar * 4 / resolution))), 16


def bar_ticks(metre: Metre, resolution: int) -> int | None:
    """Ticks in a bar, or None where they are no whole number."""
    ticks, rest = divmod(metre.numerator * 4 * resolution, metre.denominator)
    return None if rest or not ticks else ticks


class Upbeat(NamedTuple):
    """A piece's metres once its upbeat is known.

    Attributes:
        ticks: how long the incomplete first bar lasts; 0 without.
        metres: the metres from the first full bar on, the first at tick `ticks`.
    """

    ticks: int
    metres: tuple[Metre, ...]


def find_upbeat(metres: Sequence[Metre], ticks_per_quarter: int, end: int) -> Upbeat:
    """Tell an upbeat from a metre.

    Args:
        metres: from tick 0, ascending.
        end: the tick at which the music ends; metres from there on do not count.
    """
    within = tuple(metre for metre in metres if metre.tick < end) or tuple(metres[:1])
    if len(within) > 1:
        first, second = within[0], within[1]
        if second.tick < second.quarters * ticks_per_quarter and second.tick <= first.quarters * ticks_per_quarter:
            return Upbeat(second.tick, within[1:])
    return Upbeat(0, within)


def longest(metres: Sequence[Metre], end: int) -> Metre:
    """The time signature that lasts longest until `end`; the earliest of several."""
    held: dict[tuple[int, int], int] = {}
    ends = [*(metre.tick for metre in metres[1:]), max(end, metres[-1].tick)]
    for metre, stop in zip(metres, ends, strict=True):
        key = (metre.numerator, metre.denominator)
        held[key] = held.get(key, 0) + stop - metre.tick
    key = max(held, key=lambda one: held[one])
    return next(metre for metre in metres if (metre.numerator, metre.denominator) == key)


class BarMap:
    """Bar lines on a grid.

    A bar before a change of metre may be a tick longer or shorter than its time signature says, where it is cut.

    Args:
        metres: from tick 0, ascending, in ticks of the grid; the bars of each are a whole number of ticks.
        resolution: ticks to the quarter note.
    """

    def __init__(self, metres: Sequence[Metre], resolution: int) -> None:
        self._begins = np.array([metre.tick for metre in metres], np.int64)
        self._lengths = np.array([bar_ticks(metre, resolution) or 1 for metre in metres], np.int64)
        counts = np.maximum(1, np.rint(np.diff(self._begins) / self._lengths[:-1]).astype(np.int64))
        self._firsts = np.concatenate(([0], np.cumsum(counts)))
        self._last = np.append(self._firsts[1:] - 1, 2**62)

    def index(self, ticks: Ticks | int) -> Ticks:
        """The number of the bar in which a tick lies, int64 like `ticks`."""
        part = np.searchsorted(self._begins, ticks, side="right") - 1
        index = self._firsts[part] + (ticks - self._begins[part]) // self._lengths[part]
        inside: Ticks = np.minimum(index, self._last[part])
        return inside

    def start(self, bar: Ticks | int) -> Ticks:
        """The tick at which a bar begins, int64 like `bar`."""
        part = np.searchsorted(self._firsts, bar, side="right") - 1
        start: Ticks = self._begins[part] + (bar - self._firsts[part]) * self._lengths[part]
        return start


def on_grid(upbeat: Upbeat, ticks_per_quarter: int, resolution: int) -> tuple[int, tuple[Metre, ...], int]:
    """The metres of a piece in ticks of a grid.

    An upbeat is filled up to a whole bar, and a bar that a change of metre cuts short becomes a bar of a metre of its
    own. Bars that are no whole number of ticks are joined in twos or fours (7/32 to 7/16).

    Returns:
        The ticks of the grid that come before the piece's first tick; its metres; and how many of the file's metres
        had to be joined or moved.
    """
    scale = Fraction(resolution, ticks_per_quarter)
    joined = [_joined(metre, resolution) for metre in upbeat.metres]
    shift = -round(upbeat.ticks * scale) % _bar(joined[0], resolution) if upbeat.ticks else 0
    begins = [0, *(round(metre.tick * scale) + shift for metre in joined[1:])]
    altered = sum(new[1:] != old[1:] for new, old in zip(joined, upbeat.metres, strict=True))
    altered += sum((metre.tick * scale).denominator > 1 for metre in upbeat.metres)
    found: list[Metre] = []
    for metre, begin, stop in zip(joined, begins, [*begins[1:], None], strict=True):
        found.append(metre._replace(tick=begin))
        if stop is not None and (rest := (stop - begin) % _bar(metre, resolution)):
            found.append(Metre(stop - rest, *time_signature(rest, resolution)))
    return shift, _without_repeats(found, resolution), altered


def _joined(metre: Metre, resolution: int) -> Metre:
    for times in (1, 2, 4, 8, 16):
        numerator, denominator = metre.numerator * times, metre.denominator
        while numerator % 2 == 0 and denominator > 1 and times > 1:
            numerator, denominator = numerator // 2, denominator // 2
        candidate = Metre(metre.tick, numerator, denominator)
        if numerator <= 255 and bar_ticks(candidate, resolution):
            return candidate
    return Metre(metre.tick, 4, 4)


def _without_repeats(metres: Sequence[Metre], resolution: int) -> tuple[Metre, ...]:
    """Metres of whole bars: one that lasts no time goes, and one like the bar before it needs no sign."""
    kept: list[Metre] = []
    for metre in metres:
        if kept and kept[-1].tick == metre.tick:
            kept.pop()
        previous = kept[-1] if kept else None
        if previous and previous[1:] == metre[1:] and (metre.tick - previous.tick) % _bar(previous, resolution) == 0:
            continue
        kept.append(metre)
    return tuple(kept)


def _bar(metre: Metre, resolution: int) -> int:
    return bar_ticks(metre, resolution) or 1
