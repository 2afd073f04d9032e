"""Damaged, odd and good MIDI files against the reader."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aurl.music.midi import MAX_BYTES, MidiError, parse_midi, read_midi
from aurl.music.midi_writer import midi_bytes, write_midi
from aurl.music.notes import Notes

END = b"\x00\xff\x2f\x00"


def vlq(number: int) -> bytes:
    groups = [number & 127]
    while number := number >> 7:
        groups.append(128 | number & 127)
    return bytes(reversed(groups))


def on(delta: int, pitch: int, velocity: int = 64, channel: int = 0) -> bytes:
    return vlq(delta) + bytes([0x90 | channel, pitch, velocity])


def off(delta: int, pitch: int, channel: int = 0) -> bytes:
    return vlq(delta) + bytes([0x80 | channel, pitch, 0])


def metre(numerator: int, power: int) -> bytes:
    return bytes([0, 0xFF, 0x58, 4, numerator, power, 24, 8])


def midi(*tracks: bytes, division: int = 480) -> bytes:
    header = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), division)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(track + END)) + track + END for track in tracks)


QUARTER = on(0, 60) + off(480, 60)


def test_a_file_of_pretty_midi_is_read(tmp_path: Path) -> None:
    piece = pretty_midi.PrettyMIDI(initial_tempo=90.0)
    piece.time_signature_changes.append(pretty_midi.TimeSignature(3, 4, 0.0))
    right, left = pretty_midi.Instrument(0), pretty_midi.Instrument(42)
    beat = 60.0 / 90.0
    right.notes += [pretty_midi.Note(70, 60, 0.0, beat), pretty_midi.Note(90, 64, beat, 3 * beat)]
    left.notes.append(pretty_midi.Note(50, 36, 0.0, 3 * beat))
    piece.instruments += [right, left]
    piece.write(str(tmp_path / "waltz.mid"))

    notes = read_midi(tmp_path / "waltz.mid")

    assert notes.onset.tolist() == [0, 0, 12]
    assert notes.duration.tolist() == [36, 12, 24]
    assert notes.pitch.tolist() == [36, 60, 64]
    assert notes.velocity.tolist() == [50, 70, 90]
    assert (notes.bar, notes.name) == (36, "waltz.mid")
    assert notes.tempo == pytest.approx(90.0, rel=1e-4)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"Dear diary, this is not music.\n" * 20, "not a MIDI file"),
        (midi(QUARTER)[:10], "damaged"),
        (midi(QUARTER)[:30], "damaged"),
        (midi(QUARTER, division=0), "0 ticks to the quarter note"),
        (midi(QUARTER, division=0xFF01), "damaged: 1 ticks a second"),
        (midi(b"\x00\x3c\x40" + QUARTER), "damaged: a track that begins without a status"),
        (midi(QUARTER)[:-4], "damaged: the file ends within track 1"),
        (midi(), "no notes"),
        (midi(on(0, 36, channel=9) + off(480, 36, channel=9)), "drums only"),
        (midi(on(0, 60) + off(0, 60)), "no note has a length"),
        (midi(on(0xFFFFFFF, 60) + off(480, 60)), "ends at tick 268435935"),
        (midi(on(0, 60) * 20 + off(0xFFFFFFF, 60) * 20), "ends at tick"),
        (midi(on(1_000_000, 60) + off(1, 60), division=8), "under 100000 quarter notes"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(MidiError, match=reason):
        parse_midi(data)


def test_too_many_notes_are_refused() -> None:
    with pytest.raises(MidiError, match="200001 notes, at most 200000"):
        parse_midi(midi((on(1, 60) + off(1, 60)) * 200_001))


def test_a_message_names_the_file_and_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "diary.mid").write_text("not music")
    with pytest.raises(MidiError) as error:
        read_midi(tmp_path / "diary.mid")
    assert str(error.value) == (
        f"{tmp_path}/diary.mid: not a MIDI file, which begins with 'MThd'. Give another file, or export this one again."
    )


def test_files_that_cannot_be_opened_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MidiError, match="No such file"):
        read_midi(tmp_path / "missing.mid")
    with pytest.raises(MidiError, match="not a regular file"):
        read_midi(tmp_path)
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(MidiError, match="not a regular file"):
        read_midi(tmp_path / "pipe.mid")
    with (tmp_path / "large.mid").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(MidiError, match=r"16\.0 MiB, at most 16 MiB"):
        read_midi(tmp_path / "large.mid")


@pytest.mark.parametrize(
    ("events", "bar"),
    [
        (b"", 48),
        (metre(4, 2), 48),
        (metre(5, 3), 30),
        (metre(6, 3), 36),
        (metre(7, 4), 21),
        (metre(3, 1), 72),
        (metre(0, 2), 48),
        (metre(9, 5), 27),
        (metre(9, 7), 48),
        (metre(3, 255), 48),
        (metre(5, 3) + metre(4, 2), 48),
    ],
)
def test_the_metre_gives_the_bar(events: bytes, bar: int) -> None:
    assert parse_midi(midi(events + QUARTER)).bar == bar


@pytest.mark.parametrize(("microseconds", "tempo"), [(500_000, 120.0), (1_000_000, 60.0), (0, 120.0), (1, 120.0)])
def test_the_tempo_of_the_notes_counts_unless_it_is_absurd(microseconds: int, tempo: float) -> None:
    event = b"\x00\xff\x51\x03" + microseconds.to_bytes(3, "big")
    later = b"\x60\xff\x51\x03\x07\x00\x00"
    assert parse_midi(midi(event + QUARTER + later)).tempo == pytest.approx(tempo)


def test_notes_are_rounded_to_the_grid() -> None:
    notes = parse_midi(midi(on(19, 60) + off(3, 60) + on(40, 62) + off(221, 62)))  # 480 ticks a quarter: 40 a grid tick
    assert notes.onset.tolist() == [0, 2]
    assert notes.duration.tolist() == [1, 6]


def test_of_notes_with_one_onset_and_pitch_the_longest_stays() -> None:
    first = on(0, 60, 30) + off(480, 60)
    second = on(0, 60, 40, channel=1) + off(960, 60, channel=1)
    drums = on(0, 36, channel=9) + off(240, 36, channel=9)
    notes = parse_midi(midi(first, second, drums))
    assert (notes.pitch.tolist(), notes.duration.tolist(), notes.velocity.tolist()) == ([60], [24], [40])


def test_notes_without_length_are_left_out_of_a_good_file() -> None:
    assert parse_midi(midi(on(0, 60) + off(0, 60) + on(0, 62) + off(480, 62))).pitch.tolist() == [62]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_damage_gives_notes_or_a_midi_error(data: st.DataObject) -> None:
    good = bytearray(midi(metre(5, 3) + b"".join(on(3, p) + off(40, p) for p in range(40, 60)), QUARTER))
    for _ in range(data.draw(st.integers(0, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        notes = parse_midi(bytes(good[: data.draw(st.integers(0, len(good)))]))
    except MidiError:
        return
    assert len(notes) > 0
    assert notes.onset.min() >= 0
    assert notes.duration.min() >= 1
    assert set(notes.velocity.tolist()) <= set(range(1, 128))


@given(st.binary(max_size=200))
@example(b"MThd")
def test_any_bytes_give_a_midi_error_or_notes(data: bytes) -> None:
    for content in (data, b"MThd\x00\x00\x00\x06" + data):
        with contextlib.suppress(MidiError):
            assert len(parse_midi(content)) > 0


PIECE = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 60), st.integers(0, 127), st.integers(1, 127)),
    min_size=1,
    max_size=30,
    unique_by=lambda note: (note[0], note[2]),
)


@settings(max_examples=60, deadline=None)
@given(PIECE, st.sampled_from([18, 30, 36, 48, 60]), st.integers(20, 400))
def test_what_was_written_reads_the_same(rows: list[tuple[int, int, int, int]], bar: int, tempo: int) -> None:
    onset, duration, pitch, velocity = np.array(rows).T
    notes = Notes.build(onset, duration, pitch, velocity, bar=bar, tempo=tempo)
    read = parse_midi(midi_bytes(notes))
    assert read.same_as(notes)
    assert read.tempo == pytest.approx(tempo, rel=1e-4)


def test_reading_goes_through_the_file_system(tmp_path: Path) -> None:
    notes = Notes.build([0, 12], [12, 24], [60, 67], bar=36)
    write_midi(notes, tmp_path / "two notes é.MIDI")
    assert read_midi(str(tmp_path / "two notes é.MIDI")).same_as(notes)
