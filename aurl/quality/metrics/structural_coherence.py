"""`structural_coherence`: does the order of the bars matter?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aurl.music.notes import Notes
from aurl.quality.metric import ContrastMetric, Measure, Value, Values
from aurl.quality.metrics.barlines import BarLines
from aurl.quality.sheet import CELL, Ints, Sheet

_FEWEST_BARS = 4
_FEWEST_PAIRS = 6


def shuffle_bars(notes: Notes, rng: np.random.Generator) -> Notes:
    """The same notes with their bars in random order, lengths kept; what has bars but no structure."""
    bar = notes.onset // notes.bar
    order = rng.permutation(notes.bars)
    return Notes.build(
        notes.onset + (order[bar] - bar) * notes.bar,
        notes.duration,
        notes.pitch,
        notes.velocity,
        bar=notes.bar,
        tempo=notes.tempo,
        name=notes.name,
    )


class StructuralCoherence(ContrastMetric):
    """Seven chance-corrected numbers, 0 where bars follow in random order, joined by Fisher's discriminant.

    Bars are compared by the onsets they share: S[i, j] is the cosine of their sixteenth x pitch-class matrices, and
    R[i, j] the cosine of their sixteenth-note rhythms.
    `parallels`: correlation of S[i, j] with S[i + 1, j + 1] over i < j: passages that return as a whole.
    `return`, `rhythm_return`: the highest mean diagonal of S (of R, from the second) less its mean off the diagonal:
    returns after a fixed number of bars.
    `voice_leading`, `top_line`, `bass`, `texture`: 1 - cost of each bar line / cost between any two bars, with the
    costs of `aurl.quality.metrics.barlines`.
    Too low is bad. Undefined under 4 bars; `parallels` under 5; bar-line measures with fewer than 3 bar lines.

    Sources: Foote & Cooper, "Visualizing musical structure and rhythm via self-similarity", ICMC 2001; Tymoczko, "The
    geometry of musical chords", Science 313, 2006 (voice-leading size); Fisher, "The use of multiple measurements in
    taxonomic problems", 1936.
    """

    name = "structural_coherence"
    measures = (
        Measure("parallels", "low", 0.02),
        Measure("return", "low", 0.01),
        Measure("rhythm_return", "low", 0.01),
        Measure("voice_leading", "low", 0.02),
        Measure("top_line", "low", 0.02),
        Measure("bass", "low", 0.02),
        Measure("texture", "low", 0.02),
    )

    def null(self, notes: Notes, rng: np.random.Generator) -> Notes:
        return shuffle_bars(notes, rng)

    def measure(self, sheet: Sheet) -> Values:
        if sheet.bars < _FEWEST_BARS:
            return {measure.name: f"fewer than {_FEWEST_BARS} bars" for measure in self.measures}
        similarity, rhythm = _similarities(sheet)
        lines = BarLines(sheet)
        return {
            "parallels": _parallels(similarity),
            "return": _return(similarity, 1),
            "rhythm_return": _return(rhythm, 2),
            "voice_leading": lines.gain(lines.voice_leading()),
            "top_line": lines.gain(lines.top_line()),
            "bass": lines.gain(lines.bass()),
            "texture": lines.gain(lines.texture()),
        }


def _similarities(sheet: Sheet) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosine similarity of the bars by onsets of pitch classes and by onsets alone, float32 [B, B] each."""
    bar = sheet.onset // sheet.bar
    position = (sheet.onset - bar * sheet.bar) // CELL
    onsets = np.zeros((sheet.bars, -(-sheet.bar // CELL), 12), np.float32)
    onsets[bar, position, sheet.pitch % 12] = 1
    rhythm = np.zeros(onsets.shape[:2], np.float32)
    rhythm[bar, position] = 1
    return _cosines(onsets.reshape(sheet.bars, -1)), _cosines(rhythm)


def _cosines(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    shared = rows @ rows.T
    length = np.sqrt(np.maximum(np.diagonal(shared), 1))
    cosines: NDArray[np.float32] = shared / (length[:, None] * length)
    return cosines


def _parallels(similarity: NDArray[np.float32]) -> Value:
    above = _above_diagonal(len(similarity))
    here, next_ = similarity.ravel()[above].astype(float), similarity.ravel()[above + len(similarity) + 1].astype(float)
    if len(here) < _FEWEST_PAIRS:
        return "fewer than 5 bars"
    here -= here.mean()
    next_ -= next_.mean()
    spread = float(np.sqrt((here @ here) * (next_ @ next_)))
    return float(here @ next_) / spread if spread > 1e-9 else 0.0


@lru_cache(maxsize=16)
def _above_diagonal(bars: int) -> Ints:
    """Where the pairs i < j < bars - 1 lie in a flat [bars, bars], row by row."""
    row, column = np.triu_indices(bars - 1, 1)
    return row * bars + column


def _return(similarity: NDArray[np.float32], nearest: int) -> float:
    bars = len(similarity)
    index = np.arange(bars)
    lags = index - index[:, None] + bars - 1
    diagonals = np.bincount(lags.ravel(), similarity.ravel())[bars - 1 :]
    means = diagonals / (bars - index)
    off_diagonal = 2 * float(diagonals[1:].sum()) / (bars * (bars - 1))
    return float(means[nearest : bars // 2 + 1].max()) - off_diagonal
