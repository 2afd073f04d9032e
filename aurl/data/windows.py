"""The windows of a split: some bars of a piece, cut on bar lines, augmented, and written as tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aurl.data.lengths import WindowLengths
from aurl.music.augment import Applied, Augment
from aurl.music.notes import IntArray, Notes
from aurl.music.tokenizing.voices import voices
from aurl.music.tokens import Tokenizer

Ints = NDArray[np.int64]
UNCHANGED = Applied()


class Window(NamedTuple):
    """One training sequence.

    Attributes:
        tokens: int32 [T], at most seq_len.
        piece: index of the piece in its split.
        cut: tokens that did not fit into seq_len.
        applied: how the music was augmented.
    """

    tokens: IntArray
    piece: int
    cut: int = 0
    applied: Applied = UNCHANGED


class Windows:
    """Plans and cuts the windows of the pieces of one split.

    Every window starts at tick 0 on a bar line, and ends with the end token where it reaches the end of its piece.

    Args:
        pieces: P pieces with at least one note each.
        tokenizer: writes the windows.
        bars: length of a window in bars.
        seq_len: tokens a window has at most; what is over is cut.
        augment: changes to the music of training windows.
    """

    def __init__(
        self,
        pieces: Sequence[Notes],
        tokenizer: Tokenizer,
        *,
        bars: int,
        seq_len: int,
        augment: Augment | None = None,
    ) -> None:
        self.pieces = tuple(pieces)
        self.tokenizer = tokenizer
        self.seq_len = seq_len
        self._bars = bars
        self._span = augment.bars_needed(bars) if augment else bars
        self._augment = augment
        self._piece_bars = np.array([piece.bars for piece in self.pieces], np.int64)
        self._counts = -(-self._piece_bars // bars)
        self._length = int(self._counts.sum())
        self._lengths: WindowLengths | None = None
        self._voices: dict[int, int] = {}

    def __len__(self) -> int:
        """Windows in one pass: every piece has its bars divided by `bars`, rounded up."""
        return self._length

    def tiles(self) -> Iterator[tuple[int, int]]:
        """Piece and first bar of windows that cover each bar once; those without a note are left out."""
        for piece, start in zip(*(column.tolist() for column in self._tiles()), strict=True):
            if len(self.notes(piece, start)):
                yield piece, start

    def lengths(self, piece: Ints, start: Ints) -> Ints:
        """The most tokens that each augmented window may have, cut to seq_len, int64 like `piece`.

        Exact but for a token or two; where note values are stretched it is that of the longest stretch.
        """
        begins = self.measured.moved(piece, start, self._bars)
        return np.minimum(self.measured.of_windows(piece, begins, self._span), self.seq_len)

    @property
    def longest(self) -> int:
        """The most tokens that any window of these pieces may have, cut to seq_len."""
        return min(self.measured.longest(self._span), self.seq_len)

    @property
    def measured(self) -> WindowLengths:
        """What the bars of all pieces add to a window; measured when first asked for."""
        if self._lengths is None:
            self._lengths = WindowLengths.of(self.pieces, self.tokenizer)
        return self._lengths

    def jittered(self, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Piece [W] and first bar [W] of the windows of one training pass, piece after piece.

        A piece's windows lie side by side, moved together by a random number of bars (up to half a window back, less
        than half forward) and then into the piece, so that its beginning and its end each come in at least half of
        the passes.
        """
        piece, start = self._tiles()
        jitter = rng.integers(-(self._bars // 2), (self._bars + 1) // 2, size=len(self.pieces))
        latest = np.maximum(self._piece_bars - self._bars, 0)
        return piece, np.clip(start + jitter[piece], 0, latest[piece])

    def notes(self, piece: int, start: int) -> Notes:
        """The notes of the window that begins in bar `start`."""
        return self.pieces[piece].window(start, self._bars)

    def plain(self, piece: int, start: int) -> Window:
        """The window that begins in bar `start`, as it stands in the piece."""
        return self._written(
            self.notes(piece, start), piece, bool(start + self._bars >= self._piece_bars[piece]), UNCHANGED
        )

    def augmented(self, piece: int, start: int, rng: np.random.Generator, epoch: int) -> Window:
        """The same, augmented. Where it would have no note it is moved on to the next one: no sequence is empty."""
        whole = self.pieces[piece]
        next_bar = whole.bar_of(int(whole.onset[np.searchsorted(whole.onset, whole.bar_start(start))]))
        if next_bar >= start + self._bars:
            start = next_bar
        if self._augment is None:
            return self.plain(piece, start)
        changed, applied = self._augment(whole.window(start, self._span), rng, epoch=epoch)
        kept = changed if changed.bars <= self._bars else changed.window(0, self._bars)
        if not len(kept):  # stretched out of the window
            return self.plain(piece, start)
        reaches_end = bool(start + self._span >= self._piece_bars[piece]) and len(kept) == len(changed)
        return self._written(kept, piece, reaches_end, applied)

    def cells(self, window: Window, start: int) -> float:
        """Voices x sixteenths that a window from bar `start` covers; of one that was cut, the share that was kept."""
        piece = self.pieces[window.piece]
        if window.piece not in self._voices:
            self._voices[window.piece] = voices(piece)
        ticks = piece.bar_start(min(start + self._bars, piece.bars)) - piece.bar_start(start)
        kept = len(window.tokens) / (len(window.tokens) + window.cut)
        return kept * self._voices[window.piece] * 4 * ticks / piece.resolution

    def _tiles(self) -> tuple[Ints, Ints]:
        piece = np.repeat(np.arange(len(self.pieces)), self._counts)
        firsts = np.cumsum(self._counts) - self._counts
        return piece, (np.arange(len(piece)) - firsts[piece]) * self._bars

    def _written(self, notes: Notes, piece: int, reaches_end: bool, applied: Applied) -> Window:
        tokens = self.tokenizer.encode(notes, end=reaches_end)
        return Window(tokens[: self.seq_len], piece, max(0, len(tokens) - self.seq_len), applied)
