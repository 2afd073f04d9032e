"""MusicXML, ABC and kern as music21 writes and reads them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aurl.errors import ConfigError
from aurl.music.grid import fitting_resolution, to_notes
from aurl.music.midi import MidiError, read_scores
from aurl.music.reading.notation import read_notation

ABC = """X:1
T:A jig
M:6/8
L:1/8
Q:3/8=100
K:G
D|GAB dBG|cAF G2:|
"""
KERN = "\n".join(
    ["**kern", "*M3/4", "*k[b-]", "=1-", "4c", "8d", "8e", "[4f", "=2", "2f]", "4g", "==", "*-"]
)  # fmt: skip
XML = """<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.1"><part-list>
<score-part id="P1"><part-name>Flute</part-name><midi-instrument id="I1"><midi-channel>1</midi-channel>
<midi-program>74</midi-program></midi-instrument></score-part></part-list>
<part id="P1"><measure number="0" implicit="yes"><attributes><divisions>2</divisions>
<time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration></note></measure>
<measure number="1"><note><chord/><pitch><step>C</step><octave>5</octave></pitch><duration>8</duration></note>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>8</duration></note></measure></part></score-partwise>
"""


def test_abc_is_read_with_its_metre_tempo_and_upbeat(tmp_path: Path) -> None:
    (tmp_path / "jig.abc").write_text(ABC)
    [score] = read_scores(tmp_path / "jig.abc")
    notes, lost = to_notes(score, 12)
    assert fitting_resolution(score) == 12
    assert notes.metre == (6, 8)
    assert notes.onset[0] == 30  # an upbeat of an eighth
    assert score.tempo == pytest.approx(150.0)
    assert lost.moved == lost.resized == 0


def test_kern_is_read_with_ties_and_key(tmp_path: Path) -> None:
    (tmp_path / "tune.krn").write_text(KERN + "\n")
    [score] = read_scores(tmp_path / "tune.krn")
    notes, _ = to_notes(score, 12)
    assert notes.duration.tolist() == [12, 6, 6, 36, 12]
    assert notes.metre == (3, 4)
    assert score.keys[0].sharps == -1


def test_musicxml_is_read_with_its_instrument_and_upbeat(tmp_path: Path) -> None:
    (tmp_path / "flute.musicxml").write_text(XML)
    [score] = read_scores(tmp_path / "flute.musicxml")
    notes, _ = to_notes(score, 12, tracks=True)
    assert (notes.tracks[0].program, notes.tracks[0].name) == (73, "Flute")
    assert notes.onset[0] == 36
    assert notes.metre == (4, 4)


def test_damaged_notation_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "torn.musicxml").write_text(XML[:300])
    with pytest.raises(MidiError, match="torn.musicxml: damaged"):
        read_scores(tmp_path / "torn.musicxml")


def test_without_music21_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(ConfigError, match=r"pip install 'aurl\[notation\]'"):
        read_notation(tmp_path / "x.abc")
