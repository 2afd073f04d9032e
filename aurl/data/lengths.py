"""How long every possible window of a corpus is in tokens, known without writing it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.music.notes import Notes
from aurl.music.tokens import BarTokens, Tokenizer

Ints: TypeAlias = NDArray[np.int64]


class WindowLengths:
    """The lengths of windows, from what each bar adds; see `aurl.music.tokens.BarTokens`.

    Args:
        firsts: int64 [P], where the bars of each piece begin in the columns of `bars`.
        bars: of all pieces end to end.
        fixed: int32 [P], of each piece.
    """

    def __init__(self, firsts: Ints, bars: BarTokens, fixed: NDArray[np.int32]) -> None:
        self._firsts, self._ends = firsts, np.append(firsts[1:], len(bars.tokens))
        self._bars, self._fixed = bars, fixed

    @classmethod
    def of(cls, pieces: Sequence[Notes], tokenizer: Tokenizer) -> WindowLengths:
        """Measured on the pieces, each with a note at least; a tenth to a third of a millisecond a piece."""
        found = [tokenizer.bar_tokens(piece) for piece in pieces]
        ends = np.cumsum([len(each.tokens) for each in found], dtype=np.int64)
        starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        columns = (np.concatenate(column) for column in zip(*(each[:4] for each in found), strict=True))
        fixed = np.array([each.fixed for each in found], np.int32)
        tokens, sounds, loud, long = columns
        return cls(starts, BarTokens(tokens, sounds, loud, long, 0, found[0].program), fixed)

    def of_windows(self, piece: Ints, start: Ints, bars: int) -> Ints:
        """The most tokens that each window of `bars` bars may have, int64 like `piece`."""
        first, end = self._firsts[piece] + start, self._ends[piece]
        tokens = self._fixed[piece].astype(np.int64)
        seen = np.zeros(len(piece), np.uint32)
        for bar in range(bars):
            inside = first + bar < end
            at = np.minimum(first + bar, end - 1)
            tokens += np.where(inside, self._bars.tokens[at], 0)
            new = np.where(inside, self._bars.sounds[at], 0).astype(np.uint32) & ~seen
            tokens += self._bars.program * _ones(new)
            tokens += _ones(new & ~self._bars.loud[at]) + _ones(new & ~self._bars.long[at])
            seen |= new
        return tokens

    def moved(self, piece: Ints, start: Ints, bars: int) -> Ints:
        """The first bars of the windows, those without a note moved on to the next bar that has one."""
        first, end = self._firsts[piece] + start, self._ends[piece]
        sounds = np.zeros(len(piece), bool)
        for bar in range(bars):
            sounds |= (first + bar < end) & (self._bars.sounds[np.minimum(first + bar, end - 1)] != 0)
        moved = start.copy()
        for silent in np.flatnonzero(~sounds).tolist():
            rest = np.flatnonzero(self._bars.sounds[first[silent] : end[silent]])
            moved[silent] += rest[0] if len(rest) else 0
        return moved

    def longest(self, bars: int) -> int:
        """The most tokens that any window may have."""
        firsts = np.repeat(self._firsts, self._ends - self._firsts)
        piece = np.repeat(np.arange(len(self._firsts)), self._ends - self._firsts)
        longest = 0
        for part in _parts(len(piece)):
            start = np.arange(part.start, part.stop) - firsts[part]
            longest = max(longest, int(self.of_windows(piece[part], start, bars).max(initial=0)))
        return longest


def _ones(masks: NDArray[np.uint32]) -> Ints:
    """How many bits of each are set."""
    return np.bitwise_count(masks).astype(np.int64)


def _parts(count: int, size: int = 1_000_000) -> Iterable[slice]:
    return (slice(start, min(count, start + size)) for start in range(0, count, size))
