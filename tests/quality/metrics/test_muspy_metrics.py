"""MusPy's metrics by hand, and, in the slow test, by MusPy itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurl.music.corpus import Corpus
from aurl.music.notes import Notes
from aurl.quality.metrics.muspy_metrics import NAMES, muspy_metrics
from tests.quality.conftest import SPOILS


def overlapping() -> Notes:
    """Unisons that overlap, gaps, a long rest, a note that ends on a bar line."""
    return Notes.build([0, 0, 3, 48, 300, 300, 301], [10, 20, 40, 48, 12, 12, 5], [60, 60, 60, 72, 61, 61, 66])


def test_unisons_that_overlap_count_once() -> None:
    found = muspy_metrics(overlapping())
    assert found["polyphony"] == pytest.approx((43 + 48 + 12 + 5) / (43 + 48 + 5 + 7))
    assert found["polyphony_rate"] == 0.0
    assert found["empty_beat_rate"] == pytest.approx(1 - 11 / 27)
    assert found["groove_consistency"] == pytest.approx(1 - 4 / (48 * 6))
    assert found["pitch_range"] == 12
    assert found["n_pitches_used"] == 4
    assert found["scale_consistency"] == 1.0  # C, C sharp and F sharp are in D flat major
    shares = (4 / 7, 2 / 7, 1 / 7)
    assert found["pitch_class_entropy"] == pytest.approx(-sum(share * math.log2(share) for share in shares))


def test_without_notes_nothing_is_defined() -> None:
    assert all(map(math.isnan, muspy_metrics(Notes.build([], [], [])).values()))
    assert math.isnan(muspy_metrics(Notes.build([0], [1], [60]))["groove_consistency"])


def test_a_late_note_costs_nothing() -> None:
    found = muspy_metrics(Notes.build([0, 2_000_000_000], [12, 12], [60, 64]))
    assert found["polyphony"] == 1.0
    assert found["empty_beat_rate"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow
def test_the_ten_equal_muspy(chorales: Corpus) -> None:
    import muspy

    rng = np.random.default_rng(0)
    pieces = [overlapping(), Notes.build([0, 100_000], [1, 5], [60, 60]), *chorales.validation[:5]]
    pieces += [spoil(piece, rng) for spoil in SPOILS.values() for piece in chorales.validation[5:7]]
    for notes in pieces:
        columns = zip(notes.onset.tolist(), notes.pitch.tolist(), notes.duration.tolist(), strict=True)
        music = muspy.Music(resolution=12, tracks=[muspy.Track(notes=[muspy.Note(*row, 80) for row in columns])])
        found = muspy_metrics(notes)
        for name in NAMES:
            measure = getattr(muspy, name)
            theirs = measure(music, notes.bar) if name == "groove_consistency" else measure(music)
            assert found[name] == pytest.approx(theirs, abs=1e-9, rel=0), (notes.name, name)
