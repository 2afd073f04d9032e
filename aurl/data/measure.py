"""Measures on the windows of a corpus, for the report at the start of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from aurl.data.usage import summarise
from aurl.data.windows import Windows
from aurl.music.notes import Notes


@dataclass(frozen=True, slots=True)
class Measured:
    """What the windows look like as tokens, without augmentation.

    Attributes:
        windows: how many were measured.
        lengths: tokens of a window before it is cut: min, mean, p50, p95, max.
        cut_share: share of the windows longer than seq_len, 0..1.
        tokens_per_note: header and end included.
        altered_share: share of the notes that the tokenizer cannot write exactly, 0..1.
    """

    windows: int
    lengths: dict[str, float]
    cut_share: float
    tokens_per_note: float
    altered_share: float


def measure(windows: Windows, limit: int = 2000) -> Measured:
    """Measures of the windows of one training pass, or of `limit` of them, evenly spaced over the corpus."""
    planned = np.stack(windows.jittered(np.random.default_rng(0)), axis=1)
    sampled = planned[np.linspace(0, len(planned) - 1, min(limit, len(planned))).astype(np.int64)]
    chosen = [(piece, start) for piece, start in sampled.tolist() if len(windows.notes(piece, start))]
    lengths: Counter[int] = Counter()
    cut = 0
    for piece, start in chosen:
        window = windows.plain(piece, start)
        lengths[len(window.tokens) + window.cut] += 1
        cut += window.cut > 0
    cuts = [windows.notes(piece, start) for piece, start in chosen]
    notes = sum(map(len, cuts))
    altered = sum(_altered(each, windows.tokenizer.quantise(each)) for each in cuts)
    tokens = sum(length * count for length, count in lengths.items())
    return Measured(len(chosen), summarise(lengths), cut / len(chosen), tokens / notes, altered / notes)


def _altered(notes: Notes, written: Notes) -> int:
    """Notes that are not among the written ones."""
    if notes.same_as(written):
        return 0
    return (_rows(notes) - _rows(written)).total()


def _rows(notes: Notes) -> Counter[tuple[int, ...]]:
    columns = (notes.onset, notes.duration, notes.pitch, notes.velocity)
    return Counter(zip(*(column.tolist() for column in columns), strict=True))
