"""What is copied from the training set, and where."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurl.errors import ConfigError
from aurl.music.corpus import Corpus
from aurl.music.notes import Notes
from aurl.quality.reference.copying import CopyIndex
from tests.quality.conftest import changed


@pytest.fixture(scope="module")
def index(chorales: Corpus) -> CopyIndex:
    return CopyIndex.of(chorales.train)


def test_training_pieces_are_copied_whole_in_any_key(index: CopyIndex, chorales: Corpus) -> None:
    for piece in chorales.train[:10]:
        assert index.copied_fraction(piece) == 1.0
        assert index.copied_fraction(changed(piece, pitch=piece.pitch - 5)) == 1.0
        assert index.copied_fraction(piece.window(3, 4)) == 1.0
        assert index.spans(piece) == [(int(piece.onset[0]), int(piece.onset[-1]))]


def test_validation_pieces_are_hardly_copied(index: CopyIndex, chorales: Corpus) -> None:
    assert np.mean([index.copied_fraction(piece) for piece in chorales.validation]) < 0.02


def test_a_passage_is_found_where_it_stands(index: CopyIndex, chorales: Corpus) -> None:
    own, copied = chorales.validation[0].window(0, 4), chorales.train[7].window(0, 4)
    later = copied.onset + 4 * own.bar
    both = Notes.build(
        np.append(own.onset, later),
        np.append(own.duration, copied.duration),
        np.append(own.pitch, copied.pitch),
        bar=own.bar,
    )
    assert index.spans(both) == [(int(later[0]), int(later[-1]))]
    onsets = len(np.unique(both.onset))
    assert index.copied_fraction(both) == pytest.approx(len(np.unique(later)) / onsets)


def test_a_changed_note_ends_a_copy(index: CopyIndex, chorales: Corpus) -> None:
    piece = chorales.train[0]
    pitch = piece.pitch.copy()
    pitch[len(pitch) // 2] += 1
    spans = index.spans(changed(piece, pitch=pitch))
    assert len(spans) == 2
    assert 0.9 < index.copied_fraction(changed(piece, pitch=pitch)) < 1


def test_what_is_too_short_has_no_copied_fraction(index: CopyIndex) -> None:
    for notes in (Notes.build([], [], []), Notes.build(np.arange(8) * 12, 12, 60)):
        assert math.isnan(index.copied_fraction(notes))
        assert index.spans(notes) == []
    assert CopyIndex.of([]).copied_fraction(Notes.build(np.arange(9) * 12, 12, 60)) == 0


def test_the_length_of_a_copy_is_at_least_two() -> None:
    with pytest.raises(ConfigError, match=r"quality\.copying=1: allowed is 2 or more, or null"):
        CopyIndex.of([], 1)
