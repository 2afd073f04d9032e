"""Made-up music with structure, for tests and smoke runs that need no files."""

from __future__ import annotations

import numpy as np

from aurl.data.source import Source
from aurl.data.split import split_pieces
from aurl.errors import ConfigError
from aurl.music.corpus import Corpus
from aurl.music.notes import DEFAULT_BAR, Notes

_MAJOR = np.array([0, 2, 4, 5, 7, 9, 11])
_LOOPS = ((0, 5, 3, 4), (0, 3, 4, 0), (0, 4, 5, 3), (5, 3, 0, 4), (0, 1, 4, 0))  # degrees of the scale, from 0
_RHYTHMS = ((12, 12, 12, 12), (24, 12, 12), (12, 12, 24), (18, 6, 12, 12), (12, 6, 6, 24))  # ticks, a bar each
_PHRASE = 4  # bars
_MELODY = 72  # an octave above the chords, so that no note doubles one of theirs


class Synthetic(Source):
    """Pieces in 4/4: phrases of four bars in the form AABA, a melody over block chords and a bass, with a final chord.

    Args:
        pieces: how many, at least 1.
        bars: length of each, at least 1.
        seed: equal seeds give equal pieces; piece i does not depend on how many there are.

    Raises:
        ConfigError: a value outside its range.
    """

    def __init__(self, pieces: int = 64, bars: int = 16, seed: int = 0) -> None:
        for key, value in (("pieces", pieces), ("bars", bars)):
            if value < 1:
                raise ConfigError(f"data.{key}={value}: needs at least 1.")
        self.pieces = pieces
        self.bars = bars
        self.seed = seed

    def load(self) -> Corpus:
        """Make the pieces; a tenth each is for validation and test."""
        made = [compose(self.bars, np.random.default_rng((self.seed, index))) for index in range(self.pieces)]
        named = [Notes.build(*rows.T, tempo=100.0, name=f"synthetic {index}") for index, rows in enumerate(made)]
        splits = split_pieces(named, 0.1, 0.1)
        return Corpus("synthetic", splits.train, splits.validation, splits.test, warnings=splits.warnings)


def compose(bars: int, rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """One piece as rows of onset, duration, pitch and velocity, int64 [N, 4]."""
    tonic = int(rng.integers(-5, 7))
    phrases = [_phrase(rng), _phrase(rng)]
    rows: list[tuple[int, int, int, int]] = []
    for bar in range(bars - 1):
        phrase = phrases[bar // _PHRASE % 4 == 2]
        rows += [(bar * DEFAULT_BAR + on, length, pitch, speed) for on, length, pitch, speed in phrase[bar % _PHRASE]]
    last = (bars - 1) * DEFAULT_BAR
    rows += [(last, DEFAULT_BAR, pitch, 80) for pitch in (36, 48, 52, 55, _MELODY)]
    return np.array([(on, length, pitch + tonic, speed) for on, length, pitch, speed in rows])


def _phrase(rng: np.random.Generator) -> list[list[tuple[int, int, int, int]]]:
    """Four bars in C major: rows of onset in the bar, duration, pitch and velocity."""
    chords = _LOOPS[rng.integers(len(_LOOPS))]
    rhythm = _RHYTHMS[rng.integers(len(_RHYTHMS))]
    bars = []
    step = 7
    for chord in chords:
        bar = [(0, DEFAULT_BAR, 36 + _scale(chord), 70)]
        triad = [48 + _scale(chord + third) for third in (0, 2, 4)]
        bar += [(half, DEFAULT_BAR // 2, pitch, 60) for half in (0, DEFAULT_BAR // 2) for pitch in triad]
        onset = 0
        for index, length in enumerate(rhythm):
            step = _next_step(step, chord, strong=index == 0, rng=rng)
            bar.append((onset, length, _MELODY + _scale(step), 90 if index == 0 else 80))
            onset += length
        bars.append(bar)
    return bars


def _next_step(step: int, chord: int, *, strong: bool, rng: np.random.Generator) -> int:
    """The next melody note in scale steps above C5: chord tones on the strong beat, else a step up or down."""
    if not strong:
        return int(np.clip(step + rng.choice((-1, 1)), 0, 14))
    tones = [tone for tone in range(15) if (tone - chord) % 7 in (0, 2, 4)]
    return min(tones, key=lambda tone: (abs(tone - step), tone))


def _scale(step: int) -> int:
    octave, degree = divmod(step, 7)
    return int(12 * octave + _MAJOR[degree])
