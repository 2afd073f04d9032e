"""Several instruments as tokens, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.music.multitrack import MultitrackTokenizer
from aurl.music.notes import Notes
from aurl.music.score import Instrument, Metre, Tempo
from tests.music.strategies import bands

BAND = MultitrackTokenizer()
KNOWN = {BAND.token_name(number): number for number in range(BAND.vocab_size)}
BASS, KIT, FLUTE = Instrument(33, False, "bass"), Instrument(8, True, "kit"), Instrument(73, False, "flute")
HEAD = ("BOS", "Metre_48", "Tempo_120")


def names(ids: np.ndarray) -> list[str]:
    return [BAND.token_name(int(number)) for number in ids]


def ids(*wanted: str) -> list[int]:
    return [KNOWN[name] for name in wanted]


def test_a_small_band_reads_as_written() -> None:
    piece = Notes.build(
        [0, 0, 0, 6, 12, 48], [12, 1, 24, 1, 12, 12], [40, 36, 72, 36, 43, 40], [80, 96, 80, 96, 80, 80],
        track=[1, 0, 2, 0, 1, 1], tracks=(KIT, BASS, FLUTE), metres=(Metre(0, 4, 4), Metre(48, 6, 8)),
        tempos=(Tempo(0, 120.0), Tempo(12, 60.0)),
    )  # fmt: skip
    assert names(BAND.encode(piece)) == [
        *(*HEAD, "Program_33", "Program_73", "Drums_8", "Bar"),
        *("Position_0", "Track_0", "Velocity_80", "Duration_12", "Pitch_40"),
        *("Track_1", "Velocity_80", "Duration_24", "Pitch_72", "Track_2", "Velocity_96", "Duration_1", "Pitch_36"),
        *("Position_6", "Track_2", "Pitch_36", "Position_12", "Tempo_60", "Track_0", "Pitch_43"),
        *("Metre_36", "Metre_6", "Bar", "Position_0", "Track_0", "Pitch_40", "EOS"),
    ]
    read = BAND.decode(BAND.encode(piece))
    assert read.invalid == 0
    assert read.notes.same_as(BAND.quantise(piece))
    assert [track[:2] for track in read.notes.tracks] == [(33, False), (73, False), (8, True)]
    assert read.notes.tempos == (Tempo(0, 120.0), Tempo(12, 60.0))


@pytest.mark.parametrize("resolution", [12, 24, 48, 60, 120, 50])
def test_every_grid_round_trips_exactly(resolution: int) -> None:
    tokenizer = BAND.at(resolution)

    @given(bands(resolution))
    @settings(max_examples=15, deadline=None)
    def holds(band: Notes) -> None:
        nearest = tokenizer.quantise(band)
        read = tokenizer.decode(tokenizer.encode(band))
        assert read.invalid == 0
        assert read.notes.same_as(nearest)
        assert (read.notes.tempo, read.notes.tempos) == (nearest.tempo, nearest.tempos)
        assert tokenizer.quantise(nearest).same_as(nearest)
        assert kept(nearest) == kept(band)

    holds()


def kept(notes: Notes) -> list[tuple[int, ...]]:
    """What is written exactly: onset, pitch, program, drum; and the length where it is short."""
    assert notes.track is not None
    programs = np.array([track.program + 128 * track.drum for track in notes.tracks] or [0])[notes.track]
    short = np.minimum(notes.duration, 4 * notes.resolution)
    return sorted(zip(notes.onset.tolist(), notes.pitch.tolist(), programs.tolist(), short.tolist(), strict=True))


def test_two_tracks_of_one_program_stay_two() -> None:
    hands = Notes.build([0, 0], 12, [40, 72], track=[0, 1], tracks=(Instrument(0), Instrument(0)))
    read = BAND.decode(BAND.encode(hands)).notes
    assert read.track is not None
    assert read.track.tolist() == [0, 1]
    assert len(read.tracks) == 2


def test_a_steady_drum_takes_two_tokens_and_its_position() -> None:
    beat = Notes.build(np.arange(32) * 6, 1, 42, track=[0] * 32, tracks=(KIT,))
    assert len(BAND.encode(beat)) == 5 + 4 + 2 + 32 * 3  # header, drums, end; bars; velocity, duration


def test_more_tracks_than_there_may_be_join_one_of_their_program() -> None:
    tokenizer = MultitrackTokenizer(max_tracks=2)
    tracks = (Instrument(0), Instrument(5), Instrument(5), Instrument(9))
    notes = Notes.build([0, 1, 2, 3], 12, 60, track=[0, 1, 2, 3], tracks=tracks)
    nearest = tokenizer.quantise(notes)
    assert nearest.track is not None
    assert (nearest.track.tolist(), nearest.tracks) == ([0, 1, 1, 1], (Instrument(0), Instrument(5)))
    assert tokenizer.decode(tokenizer.encode(notes)).notes.same_as(nearest)


def test_one_track_without_a_name_for_it_is_a_piano() -> None:
    plain = Notes.build([0, 12], 12, [60, 62])
    read = BAND.decode(BAND.encode(plain)).notes
    assert read.tracks == (Instrument(0),)
    assert read.merged().same_as(plain)


NOTE = ("Bar", "Position_0", "Track_0", "Velocity_80", "Duration_12", "Pitch_60")


@pytest.mark.parametrize(
    ("sequence", "invalid", "onsets"),
    [
        (NOTE, 0, [0]),
        (("Program_5", "Program_5", *NOTE, "Track_1", "Pitch_60"), 1, [0]),
        (("Program_5", "Program_5", *NOTE, "Track_1", *NOTE[3:]), 0, [0, 0]),
        ((*NOTE, "Track_1", "Pitch_60"), 1, [0, 0]),
        (("Bar", "Position_0", "Velocity_80", "Duration_12", "Pitch_60"), 3, []),
        ((*NOTE, "Position_6", "Pitch_60"), 1, [0]),
        ((*NOTE, "Bar", "Track_0", "Pitch_60"), 2, [0]),
        ((*NOTE, "Program_7", "Pitch_62"), 1, [0, 0]),
        ((*NOTE, "Tempo_60", "Bar", "Tempo_60"), 1, [0]),
        (("Metre_36", "Metre_6", *NOTE, "Position_36"), 1, [0]),
        ((*NOTE, "EOS", "Pitch_60"), 0, [0]),
    ],
)
def test_tokens_without_meaning_are_counted_and_skipped(
    sequence: tuple[str, ...], invalid: int, onsets: list[int]
) -> None:
    read = BAND.decode(ids(*sequence))
    assert (read.invalid, read.notes.onset.tolist()) == (invalid, onsets)


@given(st.lists(st.integers(-5, BAND.vocab_size + 5), max_size=80))
@example([])
@settings(max_examples=150, deadline=None)
def test_any_integers_can_be_read(sequence: list[int]) -> None:
    read = BAND.decode(sequence)
    assert 0 <= read.invalid <= read.total <= len(sequence)
    again = BAND.decode(BAND.encode(read.notes))
    assert again.notes.same_as(BAND.quantise(read.notes))
    assert again.invalid == 0


def test_its_name_and_its_sizes() -> None:
    assert BAND.vocab_size == len(KNOWN) == 396 + 64 + 256 + 32
    assert MultitrackTokenizer(max_tracks=3).fingerprint != BAND.fingerprint
    assert BAND.at(24).at(12).fingerprint == BAND.fingerprint
    for wrong in (0, 257, 2.5):
        with pytest.raises(ConfigError, match="tokenizer.max_tracks"):
            MultitrackTokenizer(max_tracks=wrong)  # type: ignore[arg-type]
