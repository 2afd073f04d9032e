"""How much of a sample stands note for note, in whatever key, in the training set.

The n-gram is of n steps from one onset to the next: the chord's shape above its lowest note, the interval from that
note to the next chord's lowest, and the time between. Quality alone rewards copying; this is what tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aurl.errors import ConfigError
from aurl.music.notes import Notes
from aurl.quality.counting import ngrams, random_codes
from aurl.quality.sheet import Flags, Ints

DEFAULT_N = 8
_SHAPE = random_codes(128, seed=4)
_BASS = random_codes(256, seed=5)
_GAP = random_codes(193, seed=6)
_LONGEST_GAP = 192


@dataclass(frozen=True, slots=True)
class CopyIndex:
    """The n-grams of a corpus.

    Attributes:
        hashes: sorted, distinct, uint64 [M].
        n: onsets in a row that count as copied, at least 2.

    Raises:
        ConfigError: `n` under 2.
    """

    hashes: NDArray[np.uint64]
    n: int = DEFAULT_N

    def __post_init__(self) -> None:
        if self.n < 2:
            raise ConfigError(f"quality.copying={self.n}: allowed is 2 or more, or null")

    @classmethod
    def of(cls, pieces: Iterable[Notes], n: int = DEFAULT_N) -> CopyIndex:
        """The index of these pieces."""
        grams = [ngrams(_steps(piece.heard()), n) for piece in pieces]
        return cls(np.unique(np.concatenate([np.empty(0, np.uint64), *grams])), n)

    def copied_fraction(self, notes: Notes) -> float:
        """The share of a sample's onsets that lie within an n-gram of the corpus; NaN with n onsets or fewer."""
        covered = self._covered(notes.heard())
        return float(covered.mean()) if len(covered) else math.nan

    def spans(self, notes: Notes) -> list[tuple[int, int]]:
        """The copied passages: the ticks, of 12 a quarter, of their first and last onset."""
        notes = notes.heard()
        covered = self._covered(notes)
        if not len(covered):
            return []
        onsets = notes.onset[_first(notes)]
        edges = np.flatnonzero(np.diff(covered, prepend=False, append=False))
        return [(int(onsets[start]), int(onsets[stop - 1])) for start, stop in edges.reshape(-1, 2)]

    def _covered(self, notes: Notes) -> Flags:
        """For each onset whether it is copied, bool [G]; empty with n onsets or fewer."""
        grams = ngrams(_steps(notes), self.n)
        if not len(grams):
            return np.empty(0, bool)
        at = np.minimum(np.searchsorted(self.hashes, grams), max(0, len(self.hashes) - 1))
        known = self.hashes[at] == grams if len(self.hashes) else np.zeros(len(grams), bool)
        change = np.zeros(len(grams) + self.n + 1, np.int64)
        change[: len(grams)] += known
        change[self.n + 1 :] -= known
        return np.cumsum(change)[:-1] > 0


def _first(notes: Notes) -> Ints:
    return np.flatnonzero(np.diff(notes.onset, prepend=-1))


def _steps(notes: Notes) -> NDArray[np.uint64]:
    """One code for each onset but the last, uint64 [G - 1]."""
    first = _first(notes)
    if len(first) < 2:
        return np.empty(0, np.uint64)
    bass = notes.pitch[first]
    above = notes.pitch - np.repeat(bass, np.diff(first, append=len(notes)))
    shape = np.add.reduceat(_SHAPE[above], first)[:-1]
    gap = np.minimum(np.diff(notes.onset[first]), _LONGEST_GAP)
    steps: NDArray[np.uint64] = shape * np.uint64(3) + _BASS[np.diff(bass) + 128] + _GAP[gap]
    return steps
