from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.music.augment import Applied, Augment
from aurl.music.notes import Notes
from tests.music.strategies import bands, notes

PIECE = Notes.build([0, 12, 24, 36], [12, 12, 12, 12], [60, 64, 67, 72], 80, tempo=100.0)
ALWAYS = dict.fromkeys(
    ("transpose_probability", "stretch_probability", "tempo_probability", "velocity_probability"), 1.0
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(augment: Augment, piece: Notes = PIECE, times: int = 600, epoch: int = 0) -> list[tuple[Notes, Applied]]:
    stream = rng()
    return [augment(piece, stream, epoch=epoch) for _ in range(times)]


def test_without_a_chance_nothing_changes() -> None:
    assert all(result == (PIECE, Applied()) for result in drawn(Augment(transpose_probability=0.0), times=20))


def test_shifts_are_drawn_evenly_and_reported_truly() -> None:
    results = drawn(Augment(transpose_probability=1.0, transpose_low=-2, transpose_high=3), times=3000)
    for changed, applied in results:
        assert (changed.pitch - PIECE.pitch).tolist() == [applied.transposition] * 4
        assert applied.types == (("transpose",) if applied.transposition else ())
    counts = Counter(applied.transposition for _, applied in results)
    assert set(counts) == set(range(-2, 4))
    assert all(400 < count < 600 for count in counts.values())  # 500 expected, standard deviation 20


def test_shifts_keep_the_pitches_in_the_range_given() -> None:
    augment = Augment(transpose_probability=1.0, pitch_low=58, pitch_high=73)
    assert {applied.transposition for _, applied in drawn(augment)} == {-2, -1, 0, 1}
    too_narrow = Augment(transpose_probability=1.0, pitch_low=60, pitch_high=70)
    assert {applied for _, applied in drawn(too_narrow, times=50)} == {Applied()}


def test_a_piece_outside_the_range_may_be_moved_into_it() -> None:
    augment = Augment(transpose_probability=1.0, pitch_low=62, pitch_high=127)
    assert {applied.transposition for _, applied in drawn(augment)} == {2, 3, 4, 5, 6}


def test_the_chance_is_the_probability() -> None:
    augment = Augment(transpose_probability=0.0, tempo_probability=0.3)
    changed = sum("tempo" in applied.types for _, applied in drawn(augment, times=2000))
    assert 530 < changed < 670  # 600 expected, standard deviation 20


def test_stretching_takes_only_factors_that_stay_on_ticks() -> None:
    augment = Augment(transpose_probability=0.0, stretch_probability=1.0, stretch_factors=(0.5, 2.0, 1 / 3))
    assert {int(changed.onset[1]) for changed, _ in drawn(augment)} == {6, 24, 4}
    odd = Notes.build([0, 3], [3, 3], [60, 62])
    assert {int(changed.onset[1]) for changed, _ in drawn(augment, odd)} == {6, 1}
    third = Notes.build([0, 1], [1, 1], [60, 62])
    only_half = Augment(transpose_probability=0.0, stretch_probability=1.0, stretch_factors=(0.5,))
    assert {applied for _, applied in drawn(only_half, third, times=20)} == {Applied()}


def test_stretching_keeps_metre_and_everything_else() -> None:
    augment = Augment(transpose_probability=0.0, stretch_probability=1.0, stretch_factors=(2.0,))
    changed, applied = augment(PIECE, rng())
    expected = Notes.build([0, 24, 48, 72], [24] * 4, PIECE.pitch, 80, bar=PIECE.bar)
    assert changed.same_as(expected)
    assert (changed.tempo, applied.types) == (100.0, ("stretch",))


def test_tempo_and_velocity_stay_in_their_ranges() -> None:
    augment = Augment(
        transpose_probability=0.0,
        tempo_probability=1.0,
        tempo_range=(0.5, 2.0),
        velocity_probability=1.0,
        velocity_range=(0.5, 2.0),
    )
    results = drawn(augment)
    tempi = np.array([changed.tempo for changed, _ in results])
    speeds = np.array([changed.velocity[0] for changed, _ in results])
    assert (tempi.min(), tempi.max()) == (pytest.approx(50, abs=1), pytest.approx(200, abs=4))
    assert np.median(tempi) == pytest.approx(100, rel=0.15)  # even on a logarithmic scale
    assert (speeds.min(), speeds.max()) == (40, 127)
    assert all(changed.pitch is PIECE.pitch for changed, _ in results)


def test_a_velocity_that_cannot_change_is_not_counted() -> None:
    loud = Notes.build([0], [12], [60], 127)
    augment = Augment(transpose_probability=0.0, velocity_probability=1.0, velocity_range=(1.0, 2.0))
    assert {applied for _, applied in drawn(augment, loud, times=20)} == {Applied()}


@given(notes(max_notes=12), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_what_comes_out_are_notes_and_the_generator_decides(any_notes: Notes, seed: int) -> None:
    augment = Augment(**ALWAYS, stretch_factors=(0.5, 2.0, 1.5))
    changed, applied = augment(any_notes, rng(seed))
    columns = (changed.onset, changed.duration, changed.pitch, changed.velocity)
    rebuilt = Notes.build(*columns, bar=changed.bar, metres=changed.metres, tempo=changed.tempo)  # raises
    assert rebuilt.same_as(changed)  # in order
    assert all(column.dtype == np.int32 for column in columns)
    assert len(changed) == len(any_notes)
    again, applied_again = augment(any_notes, rng(seed))
    assert (again.same_as(changed), again.tempo, applied_again) == (True, changed.tempo, applied)


def test_silence_has_nothing_to_change_but_its_tempo() -> None:
    silence = Notes.build([], [], [])
    assert {applied for _, applied in drawn(Augment(**ALWAYS), silence, times=20)} == {Applied(("tempo",), 0)}


def test_the_input_is_left_alone() -> None:
    before = [column.copy() for column in (PIECE.onset, PIECE.duration, PIECE.pitch, PIECE.velocity)]
    drawn(Augment(**ALWAYS), times=20)
    after = (PIECE.onset, PIECE.duration, PIECE.pitch, PIECE.velocity)
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))


def test_the_schedule_scales_all_probabilities() -> None:
    augment = Augment(**ALWAYS, start_epoch=2, ramp_epochs=4)
    assert [augment.strength(epoch) for epoch in range(8)] == [0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    half = Counter(name for _, applied in drawn(augment, times=1000, epoch=4) for name in applied.types)
    assert 430 < half["stretch"] < 570
    assert 430 < half["tempo"] < 570
    assert not any(applied.types for _, applied in drawn(augment, times=50, epoch=2))
    assert Augment(start_epoch=3).strength(2) == 0.0
    assert Augment(start_epoch=3).strength(3) == 1.0


@pytest.mark.parametrize(("factors", "needed"), [((0.5, 2.0), 8), ((2.0,), 4), ((0.75,), 6), ((1 / 3, 1.5), 12)])
def test_bars_needed_covers_the_strongest_shortening(factors: tuple[float, ...], needed: int) -> None:
    assert Augment(stretch_probability=0.5, stretch_factors=factors).bars_needed(4) == needed
    assert Augment(stretch_probability=0.0, stretch_factors=factors).bars_needed(4) == 4


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"transpose_probability": 1.5}, "augment.transpose_probability=1.5: needs a number from 0 to 1"),
        ({"tempo_probability": float("nan")}, "augment.tempo_probability=nan: needs a number from 0 to 1"),
        ({"velocity_probability": "often"}, "augment.velocity_probability=often: needs a number from 0 to 1"),
        (
            {"transpose_low": 3, "transpose_high": 1},
            "augment.transpose_low=3, transpose_high=1: needs whole numbers, -127 <= low <= high <= 127",
        ),
        ({"pitch_high": 200}, "augment.pitch_low=0, pitch_high=200: needs whole numbers, 0 <= low <= high <= 127"),
        ({"stretch_factors": []}, "augment.stretch_factors=[]: needs a list of one or more factors from 1/16 to 16"),
        ({"stretch_factors": [0]}, "augment.stretch_factors=[0]: needs a list of one or more factors from 1/16 to 16"),
        (
            {"tempo_range": [1.1, 0.9]},
            "augment.tempo_range=[1.1, 0.9]: needs two factors, the lower first, such as [0.9, 1.1]",
        ),
        ({"velocity_range": 0.5}, "augment.velocity_range=0.5: needs a list of one or more factors from 1/16 to 16"),
        ({"start_epoch": -1}, "augment.start_epoch=-1: needs a whole number of epochs, 0 or more"),
        ({"ramp_epochs": 0.5}, "augment.ramp_epochs=0.5: needs a whole number of epochs, 0 or more"),
    ],
)
def test_settings_outside_their_range_are_refused(settings_: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Augment(**settings_)
    assert str(error.value) == message


@given(bands(24), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_drums_are_not_transposed(band: Notes, seed: int) -> None:
    changed, applied = Augment(transpose_probability=1.0)(band, rng(seed))
    moved = changed.pitch - band.pitch
    assert (moved[band.drums] == 0).all()
    assert (moved[~band.drums] == applied.transposition).all()
