from __future__ import annotations

import re

import pytest

from aurl.music.corpus import load_chorales
from aurl.music.key import UNKNOWN, estimate_key
from aurl.music.notes import Notes

C_MAJOR = [0, 2, 4, 5, 7, 9, 11, 12]
A_MINOR = [9, 11, 12, 14, 16, 17, 20, 21]


def scale(steps: list[int], up: int = 0) -> Notes:
    """A scale with its triad held longer."""
    pitch = [60 + up + step for step in steps]
    triad = [60 + up + steps[place] for place in (0, 2, 4)]
    return Notes.build([12 * place for place in range(11)], [12] * 8 + [48] * 3, pitch + triad)


@pytest.mark.parametrize(("up", "name"), [(0, "C"), (2, "D"), (3, "Eb"), (7, "G"), (10, "Bb")])
def test_a_major_scale_is_in_its_key(up: int, name: str) -> None:
    assert estimate_key(scale(C_MAJOR, up)) == f"{name} major"


def test_a_harmonic_minor_scale_is_in_its_key() -> None:
    assert estimate_key(scale(A_MINOR)) == "A minor"


def test_transposing_by_an_octave_changes_nothing() -> None:
    assert estimate_key(scale(C_MAJOR, 12)) == estimate_key(scale(C_MAJOR))


def test_no_notes_and_all_notes_have_no_key() -> None:
    assert estimate_key(Notes.build([], [], [])) == UNKNOWN
    assert estimate_key(Notes.build(range(12), [12] * 12, range(60, 72))) == UNKNOWN


def test_the_chorales_end_on_their_estimated_tonic() -> None:
    """The last bass note of a chorale is its tonic nearly always; no estimate of the key knows about endings."""
    pieces = load_chorales().train
    names = [estimate_key(piece).split()[0] for piece in pieces]
    assert all(re.fullmatch(r"[A-G][#b]?", name) for name in names)
    last = [min(piece.pitch[piece.onset == piece.onset[-1]]) % 12 for piece in pieces]
    order = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]
    hits = sum(order.index(name) == bass for name, bass in zip(names, last, strict=True))
    assert hits / len(pieces) > 0.85
