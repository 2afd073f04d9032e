"""Small scores, one per feature of the format."""

from __future__ import annotations

import io
import zipfile

import pytest

from aurl.errors import DataError
from scripts.musicxml import Score, parse_musicxml, unpack_mxl

METRE = "<time><beats>{}</beats><beat-type>{}</beat-type></time>"


def note(pitch: str, duration: int, *, extra: str = "") -> str:
    step, octave = pitch[0], pitch[-1]
    alter = {"#": "<alter>1</alter>", "b": "<alter>-1</alter>"}.get(pitch[1:-1], "")
    place = f"<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>"
    return f"<note>{extra}{place}<duration>{duration}</duration></note>"


def rest(duration: int) -> str:
    return f"<note><rest/><duration>{duration}</duration></note>"


def score(*parts: list[str], metre: str = METRE.format(4, 4), head: str = "") -> Score:
    return parse_musicxml(document(*parts, metre=metre, head=head).encode())


def document(*parts: list[str], metre: str = METRE.format(4, 4), head: str = "") -> str:
    attributes = f"<attributes><divisions>2</divisions>{metre}</attributes>"
    body = "".join(
        "<part>" + "".join(f"<measure>{'' if i else attributes}{m}</measure>" for i, m in enumerate(part)) + "</part>"
        for part in parts
    )
    return f"<score-partwise>{head}{body}</score-partwise>"


def rows(score: Score) -> list[tuple[float, float, int]]:
    return [tuple(note) for part in score.parts for note in part]


def test_pitches_rests_and_accidentals() -> None:
    read = score([note("C4", 2) + note("F#4", 2) + rest(2) + note("Bb3", 2)])
    assert rows(read) == [(0.0, 1.0, 60), (1.0, 1.0, 66), (3.0, 1.0, 58)]


def test_chords_voices_and_grace_notes() -> None:
    grace = "<note><grace/><pitch><step>D</step><octave>6</octave></pitch></note>"
    second_voice = "<backup><duration>4</duration></backup><forward><duration>2</duration></forward>" + note("E3", 2)
    read = score([grace + note("C4", 4) + note("G4", 4, extra="<chord/>") + second_voice + note("C3", 4)])
    assert rows(read) == [(0.0, 2.0, 60), (0.0, 2.0, 67), (1.0, 1.0, 52), (2.0, 2.0, 48)]
    assert read.measures[0].length == 4.0


def test_ties_join_over_bar_lines_but_not_over_gaps() -> None:
    start, both, stop = ('<tie type="start"/>', '<tie type="stop"/><tie type="start"/>', '<tie type="stop"/>')
    tied = [note("C4", 8, extra=start), note("C4", 8, extra=both), note("C4", 2, extra=stop) + note("C4", 6)]
    assert rows(score(tied)) == [(0.0, 9.0, 60), (9.0, 3.0, 60)]
    gap = [note("C4", 2, extra=start) + rest(2) + note("C4", 4, extra=stop)]
    assert rows(score(gap)) == [(0.0, 1.0, 60), (2.0, 2.0, 60)]


def test_a_pickup_is_padded_to_a_bar_line() -> None:
    read = score([note("G4", 2), note("C5", 8), note("C5", 6)])
    assert (read.pickup, read.padding, read.aligned) == (1.0, 3.0, True)
    assert read.notes(tempo=90).onset.tolist() == [36, 48, 96]


def test_a_bar_that_is_too_long_or_too_short_shows() -> None:
    assert not score([note("C4", 8), note("C4", 10), note("C4", 8)]).aligned
    assert not score([note("C4", 8), note("C4", 2), note("C4", 8)]).aligned
    assert score([note("C4", 8), note("C4", 2), note("C4", 6), note("C4", 8)]).aligned  # split by a repeat sign


def test_parts_share_their_measures() -> None:
    read = score([note("C5", 8), note("D5", 8)], [note("C4", 2), note("D4", 8)])
    assert rows(read)[2:] == [(0.0, 1.0, 60), (4.0, 4.0, 62)]


def test_metre_tempo_title_and_transposition() -> None:
    three = METRE.format(3, 8) + "<transpose><chromatic>-2</chromatic><octave-change>-1</octave-change></transpose>"
    head = '<movement-title>Air</movement-title><sound tempo="72"/>'
    read = score([note("C4", 3)], metre=three, head=head)
    notes = read.notes(tempo=90, name="air")
    assert (read.metres, read.title, notes.pitch.tolist()) == (((3, 8),), "Air", [46])
    assert (notes.bar, notes.tempo, notes.name) == (18, 72.0, "air")
    assert score([note("C4", 8)]).notes(tempo=90).tempo == 90.0


def test_unisons_keep_the_longer_note_and_parts_can_be_chosen() -> None:
    read = score([note("C4", 2)], [note("C4", 8)])
    assert read.notes(tempo=90).duration.tolist() == [48]
    assert read.notes(tempo=90, parts=[0]).duration.tolist() == [12]


def test_the_encoding_of_the_file_is_honoured() -> None:
    text = document([note("C4", 8)], head="<movement-title>Grüße</movement-title>")
    utf16 = ('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16")
    assert parse_musicxml(utf16).title == "Grüße"


def test_compressed_scores() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
        archive.writestr("song.xml", document([note("C4", 8)]))
    assert rows(parse_musicxml(unpack_mxl(buffer.getvalue()))) == [(0.0, 4.0, 60)]


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_not_mxl_is_a_data_error(data: bytes) -> None:
    with pytest.raises(DataError, match=r"not an \.mxl file"):
        unpack_mxl(data)


@pytest.mark.parametrize(
    "text",
    [
        "<score-partwise><part>",
        "<score-timewise/>",
        document([note("H4", 2)]),
        document([note("C4", 2).replace(">2<", ">two<")]),
        document([note("C4", 2)]).replace("<divisions>2", "<divisions>0"),
    ],
)
def test_what_is_not_a_score_is_a_data_error(text: str) -> None:
    with pytest.raises(DataError, match="MusicXML score"):
        parse_musicxml(text.encode())
