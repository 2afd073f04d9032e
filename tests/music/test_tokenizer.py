from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.music.corpus import load_chorales
from aurl.music.notes import Notes
from aurl.music.score import Metre
from aurl.music.tokenizer import RemiTokenizer
from tests.music.strategies import bands, notes

REMI = RemiTokenizer()


def names(ids: np.ndarray) -> list[str]:
    return [REMI.token_name(int(number)) for number in ids]


def ids(*wanted: str) -> list[int]:
    known = {REMI.token_name(number): number for number in range(REMI.vocab_size)}
    return [known[name] for name in wanted]


@pytest.fixture(scope="module")
def chorales() -> list[Notes]:
    corpus = load_chorales()
    return [*corpus.train, *corpus.validation, *corpus.test]


def test_a_small_piece_reads_as_written() -> None:
    piece = Notes.build([0, 0, 6, 108], [12, 12, 6, 3], [60, 64, 62, 67], [80, 80, 80, 96], bar=36, tempo=60.0)
    assert names(REMI.encode(piece)) == [
        *("BOS", "Metre_36", "Tempo_60", "Bar", "Position_0", "Velocity_80", "Duration_12", "Pitch_60", "Pitch_64"),
        *("Position_6", "Duration_6", "Pitch_62"),
        *("Bar", "Bar", "Bar", "Position_0", "Velocity_96", "Duration_3", "Pitch_67", "EOS"),
    ]


def test_the_end_token_is_left_out_on_request_and_nothing_else_changes() -> None:
    piece = Notes.build([0], [12], [60])
    assert REMI.encode(piece).tolist() == [*REMI.encode(piece, end=False).tolist(), REMI.eos]


def test_no_notes_are_a_header() -> None:
    silence = Notes.build([], [], [], bar=36)
    assert names(REMI.encode(silence)) == ["BOS", "Metre_36", "Tempo_120", "EOS"]
    assert REMI.decode(REMI.encode(silence)).notes.same_as(silence)


def test_every_chorale_and_every_window_comes_back_unchanged(chorales: list[Notes]) -> None:
    for piece in chorales:
        for part in (piece, *(piece.window(bar, 4) for bar in range(piece.bars))):
            written = REMI.encode(part)
            read = REMI.decode(written)
            assert read.notes.same_as(part), part.name
            assert (read.invalid, read.total) == (0, len(written))


def test_chorales_take_about_two_tokens_a_note(chorales: list[Notes]) -> None:
    windows = [piece.window(bar, 4) for piece in chorales for bar in range(0, piece.bars, 4)]
    assert sum(len(REMI.encode(window)) for window in windows) / sum(map(len, windows)) < 2.1


@given(notes())
@settings(max_examples=100, deadline=None)
def test_what_is_quantised_comes_back_unchanged(any_notes: Notes) -> None:
    nearest = REMI.quantise(any_notes)
    read = REMI.decode(REMI.encode(nearest))
    assert read.notes.same_as(nearest)
    assert read.notes.tempo == nearest.tempo
    assert read.invalid == 0
    assert REMI.decode(REMI.encode(any_notes)).notes.same_as(nearest)
    assert REMI.quantise(nearest).same_as(nearest)


@given(notes())
@settings(max_examples=50, deadline=None)
def test_quantising_keeps_onsets_and_pitches(any_notes: Notes) -> None:
    nearest = REMI.quantise(any_notes)
    before, after = (sorted(zip(each.onset, each.pitch, strict=True)) for each in (any_notes, nearest))
    assert before == after


def test_durations_are_moved_little_and_cut_at_16_beats() -> None:
    before = np.arange(1, 400)
    after = REMI.quantise(Notes.build(before, before, 60)).duration
    allowed = np.select([before <= 48, before <= 97, before <= 198], [0, 1, 6], 0)
    assert (np.abs(after - np.minimum(before, 192)) <= allowed).all()
    assert after.max() == 192


def test_velocities_are_moved_to_the_nearest_bin() -> None:
    before = np.arange(1, 128)
    after = REMI.quantise(Notes.build(before, 12, 60, before)).velocity
    inside = before >= 4
    assert np.abs(after - before)[inside].max() <= 3  # 127 goes to 124, the others by 2 at most
    assert np.abs(after - before)[inside & (before <= 124)].max() <= 2
    assert set(after.tolist()) == set(range(4, 128, 4))


@given(st.floats(30.0, 480.0))
def test_tempi_are_moved_by_a_sixteenth_of_an_octave_at_most(tempo: float) -> None:
    nearest = REMI.quantise(Notes.build([0], [1], [0], tempo=tempo)).tempo
    assert abs(math.log2(nearest / tempo)) <= 1 / 16 + 1e-6


@pytest.mark.parametrize(("bar", "written"), [(48, 48), (50, 51), (49, 48), (1, 3), (96, 96), (120, 60), (97, 96)])
def test_metres_are_rounded_to_sixteenths_and_long_ones_divided(bar: int, written: int) -> None:
    assert REMI.quantise(Notes.build([0, 130], [6, 6], [60, 60], bar=bar)).bar == written


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 16, 64])
def test_velocity_80_is_exact_for_every_step(step: int) -> None:
    piece = Notes.build([0], [12], [60], 80)
    assert RemiTokenizer(velocity_step=step).quantise(piece).same_as(piece)


def test_tempi_outside_the_bins_take_the_nearest() -> None:
    tempi = [REMI.quantise(Notes.build([0], [1], [0], tempo=tempo)).tempo for tempo in (1.0, 60.0, 118.0, 5000.0)]
    assert tempi == [30.0, 60.0, 120.0, 480.0]


@given(
    st.one_of(
        st.lists(st.integers(-5, REMI.vocab_size + 5), max_size=80),
        st.lists(st.integers(), max_size=20),
        st.lists(st.integers(-(2**63), 2**64 - 1), max_size=5).map(lambda row: np.array(row, dtype=object)),
    )
)
@example([])
@example([2**200, -(2**200)])
@settings(max_examples=150, deadline=None)
def test_any_integers_can_be_read(sequence: list[int]) -> None:
    read = REMI.decode(sequence)
    assert 0 <= read.invalid <= read.total <= len(sequence)
    assert 0.0 <= read.valid_share <= 1.0
    again = REMI.decode(REMI.encode(read.notes))
    assert again.notes.same_as(read.notes)
    assert again.invalid == 0


def test_reading_does_not_change_the_ids() -> None:
    sequence = np.array([-1, 999, 3], np.int64)
    REMI.decode(sequence)
    assert sequence.tolist() == [-1, 999, 3]


NOTE = ("Bar", "Position_0", "Velocity_80", "Duration_12", "Pitch_60")


@pytest.mark.parametrize(
    ("sequence", "invalid", "onsets"),
    [
        (NOTE, 0, [0]),
        (("Pitch_60",), 1, []),
        (("Velocity_80", "Duration_12", "Position_0", "Pitch_60"), 2, []),
        (("Bar", "Velocity_80", "Duration_12", "Pitch_60"), 1, []),
        (("Bar", "Position_0", "Duration_12", "Pitch_60"), 1, []),
        (("Bar", "Position_0", "Velocity_80", "Pitch_60"), 1, []),
        ((*NOTE, "Bar", "Pitch_62"), 1, [0]),
        (("Bar", "Position_48", "Velocity_80", "Duration_12", "Pitch_60"), 2, []),
        (("Metre_36", *NOTE, "Position_36", "Pitch_60"), 1, [0, 0]),
        (("Metre_36", *NOTE, "Metre_48", "Bar", "Position_3", "Pitch_60"), 0, [0, 39]),
        (("Metre_36", *NOTE, "Metre_24", "Pitch_60", "Bar", "Position_3", "Pitch_60"), 1, [0, 0, 39]),
        ((*NOTE, "Metre_24", "Metre_6", "Bar", "Bar", "Position_3", "Pitch_60"), 0, [0, 75]),
        ((*NOTE, "Metre_3", "Metre_36", "Metre_9", "Bar", "Bar", "Position_3", "Pitch_60"), 2, [0, 60]),
        (("Metre_36", "Metre_48", *NOTE), 1, [0]),
        (("Tempo_60", "Tempo_120", *NOTE), 1, [0]),
        (("BOS", "BOS", *NOTE), 1, [0]),
        ((*NOTE, "EOS", "Pitch_60", "Pitch_60"), 0, [0]),
        (("PAD", "BOS", "PAD", *NOTE), 0, [0]),
        ((*NOTE, "Bar", "Bar", "Position_6", "Position_3", "Pitch_60"), 0, [0, 99]),
    ],
)
def test_tokens_without_meaning_are_counted_and_skipped(
    sequence: tuple[str, ...], invalid: int, onsets: list[int]
) -> None:
    read = REMI.decode(ids(*sequence))
    assert (read.invalid, read.notes.onset.tolist()) == (invalid, onsets)


def test_padding_and_what_follows_the_end_are_not_counted() -> None:
    read = REMI.decode([*ids("PAD", *NOTE, "EOS", "PAD", "Pitch_60"), 999])
    assert (read.invalid, read.total, read.valid_share) == (0, 6, 1.0)
    assert REMI.decode([]).valid_share == 0.0


def test_every_id_has_its_own_name() -> None:
    known = {REMI.token_name(number) for number in range(REMI.vocab_size)}
    assert len(known) == REMI.vocab_size
    assert REMI.token_name(-1) == "Unknown_-1"
    assert REMI.token_name(REMI.vocab_size) == f"Unknown_{REMI.vocab_size}"


def test_the_fingerprint_follows_the_settings() -> None:
    assert RemiTokenizer().fingerprint == REMI.fingerprint
    others = [RemiTokenizer(velocity_step=8), RemiTokenizer(max_duration=96), RemiTokenizer(tempo_bins=9)]
    assert len({each.fingerprint for each in (REMI, *others)}) == 4


@given(
    st.integers(1, 64),
    st.integers(1, 300),
    st.integers(3, 200),
    st.integers(2, 64),
    notes(max_notes=8),
)
@settings(max_examples=60, deadline=None)
def test_the_round_trip_holds_for_all_settings(
    step: int, longest: int, longest_bar: int, tempi: int, any_notes: Notes
) -> None:
    tokenizer = RemiTokenizer(velocity_step=step, max_duration=longest, max_bar=longest_bar, tempo_bins=tempi)
    written = tokenizer.encode(any_notes)
    assert written.max() < tokenizer.vocab_size
    read = tokenizer.decode(written)
    assert read.notes.same_as(tokenizer.quantise(any_notes))
    assert read.invalid == 0


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"velocity_step": 0}, "tokenizer.velocity_step=0: needs a whole number from 1 to 64"),
        ({"velocity_step": 2.5}, "tokenizer.velocity_step=2.5: needs a whole number from 1 to 64"),
        ({"max_duration": 0}, "tokenizer.max_duration=0: needs a whole number from 1 to 4800"),
        ({"max_bar": 2}, "tokenizer.max_bar=2: needs a whole number from 3 to 960"),
        ({"tempo_bins": 1}, "tokenizer.tempo_bins=1: needs a whole number from 2 to 256"),
        ({"tempo_low": 0.0}, "tokenizer.tempo_low=0.0, tempo_high=480.0: needs 0 < low < high"),
    ],
)
def test_settings_outside_their_range_are_refused(settings_: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        RemiTokenizer(**settings_)
    assert str(error.value) == message


def test_six_eighths_are_no_three_quarters() -> None:
    piece = Notes.build([0, 18, 36], [6, 6, 6], [60, 62, 64], metres=(Metre(0, 6, 8),))
    written = names(REMI.encode(piece))
    assert written[:5] == ["BOS", "Metre_36", "Metre_6", "Tempo_120", "Bar"]
    read = REMI.decode(REMI.encode(piece))
    assert read.invalid == 0
    assert read.notes.same_as(piece)
    assert read.notes.metre == (6, 8)


def test_a_change_of_metre_stands_before_its_bar() -> None:
    piece = Notes.build([0, 48, 96, 168], 6, 60, metres=(Metre(0, 4, 4), Metre(96, 3, 4), Metre(132, 6, 8)))
    written = names(REMI.encode(piece))
    bars = [place for place, name in enumerate(written) if name == "Bar"]
    assert len(bars) == 5
    assert written[bars[2] - 1] == "Metre_36"
    assert written[bars[3] - 2 : bars[3]] == ["Metre_36", "Metre_6"]
    assert REMI.decode(REMI.encode(piece)).notes.same_as(piece)


@pytest.mark.parametrize("resolution", [24, 48, 60, 120, 50])
def test_every_grid_has_a_tokenizer_that_writes_it_exactly(resolution: int) -> None:
    tokenizer = REMI.at(resolution)
    assert tokenizer.fingerprint != REMI.fingerprint
    assert tokenizer.at(12).fingerprint == REMI.fingerprint
    onset = np.arange(7 * resolution)
    piece = Notes.build(onset, 1 + onset % (4 * resolution), 60, resolution=resolution)
    assert tokenizer.decode(tokenizer.encode(piece)).notes.same_as(piece)


@given(st.sampled_from([24, 48, 60, 120]).flatmap(bands))
@settings(max_examples=60, deadline=None)
def test_bands_are_merged_and_come_back_in_their_metres(band: Notes) -> None:
    tokenizer = REMI.at(band.resolution)
    nearest = tokenizer.quantise(band)
    read = tokenizer.decode(tokenizer.encode(band))
    assert read.invalid == 0
    assert read.notes.same_as(nearest)
    assert tokenizer.quantise(nearest).same_as(nearest)
    assert sorted(zip(nearest.onset, nearest.pitch, strict=True)) == sorted(
        zip(band.merged().onset, band.merged().pitch, strict=True)
    )


def test_the_tokens_of_before_mean_the_same() -> None:
    """Checkpoints name their tokenizer by this."""
    assert REMI.fingerprint == "51bab86904af7370"
    assert REMI.vocab_size == 396
