"""The script that makes the shipped profiles: reading ABC tunes on their bars."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import pytest

from aurl.music.notes import Notes
from scripts.make_profiles import abc_bar, abc_pickup, read_movements, read_tunes, split
from tests.scripts.test_musicxml import document, note

TUNE = "X:1\nT:Reel\nM:{}\nL:1/8\nK:D\n{}\n"


@pytest.mark.parametrize(
    ("metre", "body", "pickup"),
    [
        ("C", 'u"4"e|\\\nv(c<A)(A>.B) c2 A2|', "1/8"),
        ("2/4", "|:A>B|c2d2|", "1/4"),
        ("6/8", "(3abc|d3 e3|", "1/4"),
        ("C|", "{g}[Ace]2 z/ f//|a4 a4|", "11/32"),
        ("4/4", "ABcd efga|", "1"),
        ("4/4", "[K:G]A3/2|ABcd efga|", "3/16"),
    ],
)
def test_the_length_of_the_first_bar(metre: str, body: str, pickup: str) -> None:
    assert abc_pickup(TUNE.format(metre, body)) == Fraction(pickup)


def test_the_length_of_a_bar() -> None:
    assert [abc_bar(f"X:1\nM:{m}\nK:C\n") for m in ("C", "C|", "6/8", "none")] == [1, 1, Fraction(3, 4), 1]
    assert abc_pickup("X:1\nM:2/4\nK:C\nA|B4|") == Fraction(1, 16)  # the unit of short bars


def test_pieces_of_the_wheel(tmp_path: Path) -> None:
    path = tmp_path / "music21.whl"
    bars = [note(f"{name}4", 8) for name in "CDEFGABC"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("music21/corpus/haydn/opus1/movement1.xml", document(bars))
        archive.writestr("music21/corpus/haydn/opus1/broken.xml", "<nothing")
        archive.writestr("music21/corpus/haydn/opus1/owned.xml", document(bars, head="<rights/>"))
        archive.writestr("music21/corpus/bach/bwv1.xml", document(bars))
        archive.writestr("music21/corpus/ryansMammoth/a.abc", TUNE.format("4/4", "A2|d2d2 d2d2|e8|"))
    movements = list(read_movements(path))
    assert [piece.name for piece in movements] == ["haydn/opus1/movement1.xml"]
    (tune,) = read_tunes(path)
    assert tune.onset.tolist() == [36, 48, 60, 72, 84, 96]


def test_the_movements_of_a_work_share_a_split() -> None:
    def piece(name: str, pitch: int) -> Notes:
        return Notes.build([12 * i for i in range(40)], 12, [pitch + i * i % 7 for i in range(40)], name=name)

    pieces = [piece(f"haydn/opus{work}/movement{m}.mxl", 40 + work) for work in range(9) for m in range(2)]
    found = split(pieces)
    works = [{piece.name.split("/")[1] for piece in part} for part in found]
    assert not works[0] & works[1]
    assert len(found.train) + len(found.held_out) == 18
