"""Pieces cut to windows of equal length, so that like is compared with like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aurl.music.notes import Notes
from aurl.quality.sheet import Sheet

FILLED = 0.75


def windows(pieces: Iterable[Notes], n_bars: int, *, most: int) -> list[Notes]:
    """At most `most` windows of `n_bars` bars, taken evenly from all that the pieces have, in their order.

    Windows follow one another without overlap. Kept are those whose onsets span three quarters of the bars and that
    have a note a bar.
    """
    found = [window for piece in pieces for window in _cut(piece.heard(), n_bars)]
    if len(found) <= most:
        return found
    return [found[index * len(found) // most] for index in range(most)]


def _cut(piece: Notes, n_bars: int) -> Iterator[Notes]:
    for first in range(0, piece.bars, n_bars):
        window = piece.window(first, n_bars)
        if len(window) >= n_bars and Sheet(window).bars >= FILLED * n_bars:
            yield window


def first_bars(notes: Notes, n_bars: int) -> Notes:
    """The first `n_bars` bars, counted from the bar of the first note."""
    return notes.window(notes.bar_of(int(notes.onset[0])), n_bars) if len(notes) else notes


def nearest_length(bars: int, lengths: Sequence[int]) -> int:
    """The length whose ratio to `bars` is nearest to 1; the shorter of two that are equally near."""
    return min(sorted(lengths), key=lambda length: max(length, bars) / max(1, min(length, bars)))
