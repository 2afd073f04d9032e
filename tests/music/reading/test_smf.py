"""MIDI files as musicians and programs write them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.music.midi import MidiError
from aurl.music.reading.smf import parse_scores
from aurl.music.score import FullScore, Instrument, KeySignature, Metre, Tempo
from tests.music.test_midi import END, QUARTER, metre, midi, off, on, vlq


def tempo(qpm: float, delta: int = 0) -> bytes:
    return vlq(delta) + b"\xff\x51\x03" + round(6e7 / qpm).to_bytes(3, "big")


def name(text: bytes) -> bytes:
    return b"\x00\xff\x03" + vlq(len(text)) + text


def program(number: int, channel: int = 0, delta: int = 0) -> bytes:
    return vlq(delta) + bytes([0xC0 | channel, number])


def pedal(delta: int, value: int, channel: int = 0) -> bytes:
    return vlq(delta) + bytes([0xB0 | channel, 64, value])


def read(*tracks: bytes, **options: Any) -> FullScore:
    (score,) = parse_scores(midi(*tracks, **options))
    return score


def notes_of(score: FullScore) -> list[tuple[int, ...]]:
    return list(zip(score.onset.tolist(), score.duration.tolist(), score.pitch.tolist(), strict=True))


@pytest.mark.parametrize(
    "wrapped",
    [
        b"RIFF" + struct.pack("<I", 200) + b"RMIDdata" + struct.pack("<I", 180) + midi(QUARTER),
        b"RIFF" + struct.pack("<I", 200) + b"RMIDDISP" + struct.pack("<I", 4) + b"abcddata\0\0\0\0" + midi(QUARTER),
        b"\0\x08song.mid".ljust(128, b"\0") + midi(QUARTER) + b"\0" * 90,
        midi(QUARTER) + b"\r\n-- \r\nsent by mail",
        midi(QUARTER).replace(b"MTrk", b"XFIH\0\0\0\2hiMTrk"),
    ],
)
def test_a_wrapper_or_a_strange_chunk_changes_nothing(wrapped: bytes) -> None:
    (score,) = parse_scores(wrapped)
    assert notes_of(score) == [(0, 480, 60)]


@pytest.mark.parametrize("extra", [0, 1, 4, 200])
def test_a_longer_header_is_passed_over(extra: int) -> None:
    data = midi(QUARTER)
    longer = data[:4] + struct.pack(">I", 6 + extra) + data[8:14] + b"\xff" * extra + data[14:]
    assert notes_of(parse_scores(longer)[0]) == [(0, 480, 60)]


def test_a_wrong_length_of_the_last_track_does_not_matter_when_it_has_its_end() -> None:
    data = midi(QUARTER)
    assert notes_of(parse_scores(data[:18] + struct.pack(">I", 9999) + data[22:])[0]) == [(0, 480, 60)]


def test_bytes_above_127_are_taken_as_127_and_counted() -> None:
    score = read(on(0, 60, 200) + off(480, 60) + on(0, 61, 90) + off(480, 61))
    assert score.velocity.tolist() == [127, 90]
    assert score.repaired == 1


def test_notes_never_ended_last_to_the_end_of_their_track() -> None:
    score = read(on(0, 60) + on(480, 62) + b"\x83\x60\xff\x01\x00", QUARTER * 9)
    assert [note for note in notes_of(score) if note[2] != 60 or note[1] != 480] == [(0, 960, 60), (480, 480, 62)]
    assert score.hung == 2


def test_a_pitch_whose_ends_are_missing_is_ended_by_its_next_beginning() -> None:
    score = read(on(0, 60) + on(480, 60) + on(480, 60) + off(480, 60))
    assert notes_of(score) == [(0, 480, 60), (480, 480, 60), (960, 480, 60)]
    assert score.hung == 2


def test_the_last_note_of_a_track_that_ends_with_it_lasts_a_quarter() -> None:
    assert notes_of(read(on(0, 60) + on(480, 62))) == [(0, 480, 60), (480, 480, 62)]


def test_ends_that_end_nothing_are_passed_over() -> None:
    assert notes_of(read(off(0, 60) + off(0, 60) + on(0, 60) + off(240, 60) + off(0, 60))) == [(0, 240, 60)]


def test_an_end_right_before_its_beginning_makes_a_note_of_no_length() -> None:
    score = read(off(0, 60) + on(0, 60) + off(480, 62) + on(0, 62) + off(480, 62) + off(0, 64) + on(0, 64))
    assert notes_of(score) == [(480, 480, 62)]
    assert (score.empty, score.hung) == (2, 0)


def test_what_began_first_ends_first() -> None:
    score = read(on(0, 60) + on(240, 60) + off(240, 60) + off(480, 60))
    assert notes_of(score) == [(0, 480, 60), (240, 720, 60)]


@pytest.mark.parametrize(
    "running", [b"\x00\xff\x01\x02hi", b"\x00\xf0\x03\x01\x02\xf7", b"\x00\xf7\x00", b"\x00\xf1\x07"]
)
def test_running_status_goes_on_after_other_events(running: bytes) -> None:
    score = read(b"\x00\x90\x3c\x40" + running + b"\x83\x60\x3c\x00")
    assert notes_of(score) == [(0, 480, 60)]


def test_the_tempo_is_that_which_a_player_keeps() -> None:
    assert read(tempo(120) + tempo(72) + QUARTER).tempos == (Tempo(0, pytest.approx(72, abs=1e-3)),)
    assert read(QUARTER, tempo(60, 480)).tempos == (Tempo(0, 120.0), Tempo(480, 60.0))
    assert read(QUARTER, tempo(60)).tempos == (Tempo(0, 60.0),)  # it may stand in any track


def test_the_tempo_of_a_piece_is_that_of_most_of_it_or_the_average() -> None:
    assert read(on(0, 60) + off(40 * 480, 60), tempo(60, 32 * 480)).tempo == 120.0
    halves = read(on(0, 60) + off(40 * 480, 60), tempo(60, 20 * 480))
    assert halves.seconds == pytest.approx(30.0)
    assert halves.tempo == pytest.approx(80.0)


def test_metres_keep_their_denominators_and_their_places() -> None:
    score = read(metre(6, 3) + QUARTER, b"\x83\x60\xff\x58\x04\x07\x05\x18\x08")
    assert score.metres == (Metre(0, 6, 8), Metre(480, 7, 32))


def test_keys_are_kept() -> None:
    score = read(b"\x00\xff\x59\x02\xfd\x01" + QUARTER + b"\x00\xff\x59\x02\x02\x00")
    assert score.keys == (KeySignature(0, -3, True), KeySignature(480, 2, False))


def test_tracks_have_program_name_and_drums() -> None:
    flute = name("Flöte".encode()) + program(73) + QUARTER
    drums = name("Schlägel".encode("latin-1")) + on(0, 36, channel=9) + off(480, 36, channel=9)
    score = read(flute, drums)
    assert score.tracks == (Instrument(73, False, "Flöte"), Instrument(0, True, "Schlägel"))
    assert score.track.tolist() == [0, 1]


def test_a_file_of_one_track_has_a_track_for_each_channel_and_program() -> None:
    one = program(40) + QUARTER + program(41) + QUARTER + on(0, 48, channel=3) + off(480, 48, channel=3)
    score = parse_scores(midi(one)[:9] + b"\0" + midi(one)[10:])[0]
    assert [track.program for track in score.tracks] == [40, 41, 0]
    assert score.track.tolist() == [0, 1, 2]


def test_a_program_set_in_another_track_holds_for_the_channel() -> None:
    assert read(program(24, 5), on(0, 60, channel=5) + off(480, 60, channel=5)).tracks[0].program == 24


def test_the_own_program_of_a_track_wins_where_all_share_a_channel() -> None:
    assert [track.program for track in read(program(24) + QUARTER, program(32) + QUARTER).tracks] == [24, 32]


def test_type_2_holds_separate_pieces() -> None:
    data = bytearray(midi(tempo(90) + QUARTER, QUARTER + QUARTER, name(b"silent")))
    data[9] = 2
    scores = parse_scores(bytes(data))
    assert [len(score) for score in scores] == [1, 2]
    assert [score.tempo for score in scores] == [pytest.approx(90, rel=1e-4), 120.0]


def test_clock_time_is_read_as_a_steady_120() -> None:
    score = read(on(0, 60) + off(1000, 60), division=0xE728)  # 25 frames of 40 ticks
    assert score.timed
    assert score.seconds == pytest.approx(1.0)


def test_the_pedal_is_kept_by_track() -> None:
    score = read(
        pedal(0, 127) + QUARTER + pedal(0, 0) + pedal(0, 64) + QUARTER, on(0, 40, channel=1) + off(9, 40, channel=1)
    )
    assert score.pedal.tolist() == [[0, 0, 480], [0, 480, 960]]


def test_reading_twice_as_much_takes_no_more_than_it_has_to() -> None:
    many = b"".join(on(1, 60) + off(1, 60) for _ in range(100_001))
    with pytest.raises(MidiError, match="200002 notes"):
        parse_scores(midi(many, many))


EVENT = st.tuples(st.integers(0, 500), st.sampled_from([0, 1, 9]), st.integers(58, 63), st.integers(0, 100))


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=40))
def test_pairing_is_that_of_a_queue_for_each_channel_and_pitch(events: list[tuple[int, int, int, int]]) -> None:
    data = b"".join(vlq(delta) + bytes([0x90 | channel, pitch, velocity]) for delta, channel, pitch, velocity in events)
    expected: list[tuple[int, int, int]] = []
    waiting: dict[tuple[int, int], list[int]] = {}
    tick = 0
    ended: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for delta, channel, pitch, velocity in events:
        tick += delta
        queue = waiting.setdefault((channel, pitch), [])
        if velocity:
            queue.append(tick)
        elif queue:
            ended.setdefault((channel, pitch), []).append((queue.pop(0), tick))
    whole = [key for key, queue in waiting.items() if not queue]
    expected = sorted((a, b - a, key[1]) for key in whole for a, b in ended.get(key, []) if b > a)
    try:
        score = parse_scores(midi(data))[0]
    except MidiError:
        assert not expected
        return
    channels = np.array([9 if track.drum else 0 for track in score.tracks])[score.track]
    assert len(channels) == len(score)
    found = notes_of(score)
    assert all(found.count(note) >= expected.count(note) for note in expected)
    assert (score.duration > 0).all()
    assert END
