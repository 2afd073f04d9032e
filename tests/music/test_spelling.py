from __future__ import annotations

import pytest

from aurl.music.notes import Notes
from aurl.music.spelling import pitch_name, spell


def test_a_bar_is_a_line_of_beats_and_pitches() -> None:
    notes = Notes.build([0, 0, 18, 96], [12] * 4, [60, 64, 70, 21])
    assert spell(notes).splitlines() == ["  1 | 1: C4 E4  2.5: Bb4", "  2 | -", "  3 | 1: A0"]


def test_bars_beyond_the_limit_are_counted() -> None:
    notes = Notes.build([48 * bar for bar in range(20)], [12] * 20, [60] * 20)
    assert spell(notes, bars=3).splitlines()[-1] == "... and 17 bars more"
    assert len(spell(notes, bars=3).splitlines()) == 4


def test_silence_is_named() -> None:
    assert spell(Notes.build([], [], [])) == "no notes"


@pytest.mark.parametrize(("pitch", "name"), [(0, "C-1"), (60, "C4"), (69, "A4"), (127, "G9")])
def test_middle_c_is_c4(pitch: int, name: str) -> None:
    assert pitch_name(pitch) == name
