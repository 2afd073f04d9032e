"""MusDr's metrics against their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings

from aurl.music.notes import Notes
from aurl.quality.metrics.musdr_metrics import POSITIONS, musdr_metrics
from tests.quality.test_sheet import some_notes


@settings(max_examples=30, deadline=None)
@given(some_notes())
def test_grooving_similarity_is_the_mean_over_pairs_of_bars(notes: Notes) -> None:
    struck = np.zeros((notes.bars, POSITIONS), bool)
    struck[notes.onset // notes.bar, notes.onset % notes.bar * POSITIONS // notes.bar] = True
    pairs = [(a != b).mean() for a, b in itertools.combinations(struck, 2)]
    expected = 1 - np.mean(pairs) if pairs else math.nan
    assert musdr_metrics(notes)["grooving_similarity"] == pytest.approx(expected, nan_ok=True)


def test_pitch_class_entropies() -> None:
    bars = [[60], [60, 64], [], [60, 64, 67, 71], [72]]
    notes = Notes.build([i * 48 for i, bar in enumerate(bars) for _ in bar], 12, [p for bar in bars for p in bar])
    found = musdr_metrics(notes)
    assert found["pitch_class_entropy_1"] == pytest.approx((0 + 1 + 2 + 0) / 4)
    windows = [[4 - 1, 2, 1, 1], [3, 2, 1, 1]]
    entropies = [-sum(n / sum(w) * math.log2(n / sum(w)) for n in w) for w in windows]
    assert found["pitch_class_entropy_4"] == pytest.approx(np.mean(entropies))


def test_no_notes_and_notes_too_late() -> None:
    assert all(map(math.isnan, musdr_metrics(Notes.build([], [], [])).values()))
    assert all(map(math.isnan, musdr_metrics(Notes.build([2_000_000_000], [1], [60])).values()))
