"""What a grid keeps and what it loses, counted truly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aurl.music.grid import Lost, fitting_resolution, is_performance, to_notes
from aurl.music.score import FullScore, Instrument, Metre, Tempo

Q = 480
PIANO, DRUMS = Instrument(0), Instrument(0, True)


def score(onset: Any, duration: Any = Q // 4, pitch: Any = 60, **options: Any) -> FullScore:
    on = np.asarray(onset, np.int64)
    columns = [np.broadcast_to(np.asarray(column, np.int64), on.shape) for column in (duration, pitch, 80)]
    track = np.broadcast_to(np.asarray(options.pop("track", 0), np.int64), on.shape)
    return FullScore(on, *columns, track, **{"tracks": (PIANO, DRUMS), "ticks_per_quarter": Q, **options})


@pytest.mark.parametrize(
    ("each", "resolution"),
    [(Q, 12), (Q // 3, 12), (Q // 6, 12), (Q // 8, 24), (Q // 16, 48), (Q // 5, 60), (Q // 10, 60), (Q // 4, 12)],
)
def test_the_grid_is_the_coarsest_that_fits(each: int, resolution: int) -> None:
    piece = score(np.arange(64) * each)
    assert fitting_resolution(piece) == resolution
    notes, lost = to_notes(piece, resolution)
    assert lost == Lost()
    assert notes.onset.tolist() == (np.arange(64) * each * resolution // Q).tolist()


def test_septuplets_are_no_performance() -> None:
    piece = score(np.rint(np.arange(56) * Q / 7))
    assert fitting_resolution(piece) == 120
    assert to_notes(piece, 120)[1].moved == 0


def test_quintuplets_beside_thirty_seconds_need_the_finest_grid() -> None:
    assert fitting_resolution(score(np.sort(np.concatenate([np.arange(40) * 96, np.arange(40) * 60])))) == 120


def test_a_metre_chooses_the_grid_too() -> None:
    assert fitting_resolution(score(np.arange(8) * Q, metres=(Metre(0, 7, 32),))) == 24


def test_one_odd_note_in_a_hundred_does_not_choose_the_grid() -> None:
    assert fitting_resolution(score(np.append(np.arange(99) * Q, 99 * Q + 60))) == 12
    assert fitting_resolution(score(np.append(np.arange(97) * Q, 99 * Q + np.array([60, 180])))) == 24


def test_thirty_seconds_on_a_coarse_grid_are_counted_as_moved() -> None:
    _, lost = to_notes(score(np.arange(64) * 60, 60), 12)
    assert lost == Lost(moved=32, resized=64)


def test_the_files_own_rounding_is_no_loss() -> None:
    onset = np.rint(np.arange(60) * 100 / 3).astype(int)  # triplets of 100 ticks
    piece = score(onset, 33, ticks_per_quarter=100)
    assert fitting_resolution(piece) == 12
    assert to_notes(piece, 12)[1] == Lost()


def test_notes_a_tick_short_are_not_resized() -> None:
    assert to_notes(score(np.arange(16) * Q, Q - 1), 12)[1] == Lost()


def test_doubled_notes_are_merged_within_a_track_only() -> None:
    piece = score([0, 0, 0], [Q, 2 * Q, Q], track=[0, 0, 1])
    notes, lost = to_notes(piece, 12, tracks=True)
    assert (notes.duration.tolist(), lost) == ([12, 24], Lost(merged=1))
    alone, lost = to_notes(piece, 12)
    assert (alone.duration.tolist(), alone.track, lost) == ([24], None, Lost(merged=1, drums=1))


def test_an_upbeat_is_moved_into_a_full_bar_and_the_tempi_go_with_it() -> None:
    piece = score(
        np.arange(33) * Q, Q, metres=(Metre(0, 1, 4), Metre(Q, 4, 4)), tempos=(Tempo(0, 100.0), Tempo(9 * Q, 50.0))
    )
    notes, lost = to_notes(piece, 12)
    assert lost == Lost()
    assert notes.onset[:2].tolist() == [36, 48]
    assert (notes.bar, notes.metre, notes.metres) == (48, (4, 4), ())
    assert notes.tempos == (Tempo(0, 100.0), Tempo(9 * 12 + 36, 50.0))
    assert notes.bars == 9


def test_the_denominator_stays() -> None:
    notes, _ = to_notes(score(np.arange(48) * Q // 2, metres=(Metre(0, 6, 8),)), 12)
    assert (notes.bar, notes.metre) == (36, (6, 8))


def test_changes_of_metre_are_bar_lines() -> None:
    notes, _ = to_notes(score(np.arange(20) * Q, Q, metres=(Metre(0, 4, 4), Metre(8 * Q, 3, 4))), 24)
    assert [notes.bar_start(bar) // 24 for bar in range(6)] == [0, 4, 8, 11, 14, 17]
    assert notes.bars == 6
    assert notes.metre == (3, 4)
    window = notes.window(1, 2)
    assert window.metres == (Metre(0, 4, 4), Metre(96, 3, 4))
    assert window.onset.tolist() == (np.arange(7) * 24).tolist()
    assert notes.window(2, 2).metres == ()
    assert notes.window(2, 2).bar == 72


def test_the_pedal_holds_notes_until_it_is_let_go_or_their_pitch_comes_again() -> None:
    piece = score([0, Q, 2 * Q, 3 * Q], Q // 8, [60, 62, 60, 64], pedal=np.array([[0, 0, 1900]]))
    assert to_notes(piece, 24)[0].duration.tolist() == [48, 71, 47, 23]
    assert to_notes(piece, 24, pedal="ignore")[0].duration.tolist() == [3, 3, 3, 3]


def test_a_pedal_holds_only_its_own_track_and_what_ends_while_it_is_down() -> None:
    piece = score([0, 0, 960], Q, [60, 61, 60], track=[0, 1, 0], pedal=np.array([[0, 500, 900], [1, 0, 900]]))
    assert to_notes(piece, 48, tracks=True)[0].duration.tolist() == [48, 90, 48]


def test_a_performance_is_told_and_placed_by_the_clock() -> None:
    rng = np.random.default_rng(0)
    onset = np.sort(rng.integers(0, 100 * Q, 400))
    piece = score(np.unique(onset), Q, tempos=(Tempo(0, 60.0), Tempo(50 * Q, 120.0)))
    assert is_performance(piece)
    assert fitting_resolution(piece) == "ms"
    notes, lost = to_notes(piece, "ms")
    assert lost.moved == lost.resized == 0
    assert notes.tempo == 120.0
    heard = piece.clock.seconds(piece.onset)
    assert np.abs(notes.onset[:, None] / 100 - heard).min(axis=0).max() <= 0.005 + 1e-9
    assert notes.seconds == pytest.approx(piece.seconds, abs=0.02)


@pytest.mark.parametrize("late", [37, 100, 210, 333, 450])
def test_notes_that_are_all_late_by_the_same_are_put_on_the_beat(late: int) -> None:
    rng = np.random.default_rng(1)
    beats = np.sort(rng.choice(np.arange(400), 200, replace=False))
    onset = np.concatenate([beats * Q, rng.choice(beats, 60) * Q + 240])
    piece = score(np.sort(onset) + late)
    assert fitting_resolution(piece) == 12
    notes, lost = to_notes(piece, 12)
    assert lost.moved == 0
    assert (notes.onset % 12 == 0).mean() > 0.6
    assert (notes.onset >= 0).all()


def test_a_jittered_score_is_no_performance_with_a_phase() -> None:
    rng = np.random.default_rng(2)
    onset = np.sort(np.arange(300) * Q // 2 + rng.integers(-2, 3, 300))
    piece = score(np.maximum(onset, 0))
    assert piece.phase == 0.0
    assert fitting_resolution(piece) == 12
