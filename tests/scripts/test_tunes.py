"""The same tune in another key, harmony, metre or ornament is recognised, another tune is not."""

from __future__ import annotations

import numpy as np
import pytest

from aurl.music.notes import Notes
from scripts.tunes import families, on_the_beat, top_line, tune


def melody(seed: int, length: int = 48) -> list[int]:
    steps = np.random.default_rng(seed).choice([-4, -2, -1, 0, 1, 2, 3], length)
    return (60 + np.cumsum(steps) % 17).tolist()


def hymn(pitches: list[int], *, beat: int = 12, bass_seed: int = 0, shift: int = 0) -> Notes:
    bass = np.random.default_rng(bass_seed).integers(40, 52, len(pitches)).tolist()
    onset = [beat * index for index in range(len(pitches))]
    return Notes.build(onset * 2, beat, [pitch + shift for pitch in pitches] + bass)


TUNE = melody(1)
ORIGINAL = tune([hymn(TUNE)])


def ornamented() -> Notes:
    """A passing note after every other melody note."""
    onset, pitch = [], []
    for index, note in enumerate(TUNE):
        onset.append(12 * index)
        pitch.append(note)
        if index % 2:
            onset.append(12 * index + 6)
            pitch.append(note + 1)
    return Notes.build(onset, 6, pitch)


def triple_time() -> Notes:
    """Every other melody note twice as long."""
    lengths = [24 if index % 2 == 0 else 12 for index in range(len(TUNE))]
    return Notes.build(np.cumsum([0, *lengths[:-1]]), lengths, TUNE, bar=36)


@pytest.mark.parametrize(
    "other",
    [hymn(TUNE, shift=-5), hymn(TUNE, bass_seed=7), hymn(TUNE[:30]), triple_time(), ornamented()],
    ids=["transposed", "reharmonised", "shortened", "other metre", "ornamented"],
)
def test_the_same_tune(other: Notes) -> None:
    assert tune([other]).like(ORIGINAL)
    assert ORIGINAL.like(tune([other]))


def test_other_tunes_are_not_alike() -> None:
    assert not any(tune([hymn(melody(seed))]).like(ORIGINAL) for seed in range(2, 20))


def test_any_of_several_lines_may_hold_the_tune() -> None:
    obbligato = Notes.build([6 * i for i in range(96)], 6, np.random.default_rng(3).integers(80, 95, 96))
    assert tune([obbligato, hymn(TUNE)]).like(ORIGINAL)
    assert not tune([obbligato]).like(ORIGINAL)


def test_pieces_too_short_for_an_ngram_are_like_nothing() -> None:
    short = tune([hymn(TUNE[:4])])
    assert not short.like(ORIGINAL)
    assert not short.like(short)
    assert not tune([Notes.build([], [], [])]).like(ORIGINAL)


def test_families_chain() -> None:
    first, second = melody(31), melody(32)
    both = first + second
    groups = families([tune([hymn(line)]) for line in (first, melody(33), second, both)])
    assert sorted(map(sorted, groups)) == [[0, 2, 3], [1]]


def test_top_line_and_beats() -> None:
    notes = Notes.build([0, 0, 6, 18], [12, 48, 24, 6], [60, 48, 67, 55])
    assert top_line(notes).tolist() == [60, 67, 55]
    assert on_the_beat(notes).tolist() == [60, 67, 67, 48]  # the note at tick 18 sounds on no beat; 67 from 6 to 30
