from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.data.windows import Window, Windows
from aurl.music.augment import Augment
from aurl.music.notes import Notes
from aurl.music.tokenizer import RemiTokenizer
from tests.data.pieces import piece

REMI = RemiTokenizer()
STRETCH = {"transpose_probability": 0.0, "stretch_probability": 1.0}


def windows(*pieces: Notes, bars: int = 4, seq_len: int = 400, augment: Augment | None = None) -> Windows:
    return Windows(pieces, REMI, bars=bars, seq_len=seq_len, augment=augment)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pitches(window: Window) -> list[int]:
    return REMI.decode(window.tokens).notes.pitch.tolist()


def ended(window: Window) -> bool:
    return bool(window.tokens[-1] == REMI.eos)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_tiles_cover_every_bar_once(lengths: list[int], bars: int) -> None:
    cut = windows(*(piece(length) for length in lengths), bars=bars)
    covered = Counter((number, start + bar) for number, start in cut.tiles() for bar in range(bars))
    wanted = {(number, bar) for number, length in enumerate(lengths) for bar in range(length)}
    assert {place for place in covered if place in wanted} == wanted
    assert set(covered.values()) == {1}
    assert len(list(cut.tiles())) == len(cut)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 9), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_jittered_windows_are_as_many_and_lie_within_their_piece(lengths: list[int], bars: int, seed: int) -> None:
    cut = windows(*(piece(length) for length in lengths), bars=bars)
    number, start = cut.jittered(rng(seed))
    assert len(number) == len(cut)
    for index, length in enumerate(lengths):
        starts = start[number == index]
        assert len(starts) == -(-length // bars)
        assert starts.min() >= 0
        assert starts.max() <= max(0, length - bars)


def test_over_the_epochs_every_start_comes_up_and_no_bar_is_missed() -> None:
    cut = windows(piece(14))
    seen = Counter(int(start) for seed in range(400) for start in cut.jittered(rng(seed))[1])
    assert set(seen) == set(range(11))
    assert min(seen.values()) > 50


def test_a_window_is_the_bars_it_names_and_ends_only_with_the_piece() -> None:
    cut = windows(piece(10))
    assert [pitches(cut.plain(0, start)) for start in (0, 4, 8)] == [[60, 61, 62, 63], [64, 65, 66, 67], [68, 69]]
    assert [ended(cut.plain(0, start)) for start in (0, 4, 5, 6, 8)] == [False, False, False, True, True]


def test_windows_follow_the_metre_of_their_piece() -> None:
    cut = windows(piece(8), piece(8, metre=36, pitch=20))
    assert pitches(cut.plain(1, 2)) == [22, 23, 24, 25]
    assert REMI.decode(cut.plain(1, 2).tokens).notes.bar == 36


def test_what_does_not_fit_is_cut_and_counted() -> None:
    whole = windows(piece(4)).plain(0, 0)
    short = windows(piece(4), seq_len=10).plain(0, 0)
    assert short.tokens.tolist() == whole.tokens[:10].tolist()
    assert (whole.cut, short.cut) == (0, len(whole.tokens) - 10)


def test_no_sequence_is_without_notes() -> None:
    gap = Notes.build([0, 20 * 48], [12, 12], [60, 72])
    cut = windows(gap)
    assert [start for _, start in cut.tiles()] == [0, 20]
    for start in range(18):
        window = cut.augmented(0, start, rng(), 0)
        assert pitches(window) == ([60] if start == 0 else [72])
        assert ended(window) == (start > 0)


def test_augmentation_is_reported_with_the_window_and_repeats_with_its_generator() -> None:
    cut = windows(piece(8), augment=Augment(transpose_probability=1.0))
    for seed in range(20):
        window = cut.augmented(0, 2, rng(seed), 0)
        assert pitches(window) == [pitch + window.applied.transposition for pitch in (62, 63, 64, 65)]
        assert window.tokens.tolist() == cut.augmented(0, 2, rng(seed), 0).tokens.tolist()


def test_the_epoch_reaches_the_schedule() -> None:
    cut = windows(piece(8), augment=Augment(transpose_probability=1.0, start_epoch=5))
    assert not any(cut.augmented(0, 0, rng(seed), 4).applied.types for seed in range(20))
    assert any(cut.augmented(0, 0, rng(seed), 5).applied.types for seed in range(20))


@pytest.mark.parametrize(
    ("factor", "start", "expected", "end"),
    [
        (0.5, 0, [60, 61, 62, 63, 64, 65, 66, 67], False),
        (0.5, 2, [62, 63, 64, 65, 66, 67, 68, 69], True),
        (2.0, 0, [60, 61], False),
        (2.0, 6, [66, 67], False),
        (2.0, 8, [68, 69], True),
    ],
)
def test_a_stretched_window_still_has_its_number_of_bars(
    factor: float, start: int, expected: list[int], end: bool
) -> None:
    cut = windows(piece(10), augment=Augment(**STRETCH, stretch_factors=(factor,)))
    window = cut.augmented(0, start, rng(), 0)
    assert (pitches(window), ended(window)) == (expected, end)
    assert REMI.decode(window.tokens).notes.bars <= 4


def test_a_window_that_stretching_would_empty_stays_as_it_is() -> None:
    late = Notes.build([3 * 48], [12], [60])
    window = windows(late, augment=Augment(**STRETCH, stretch_factors=(2.0,))).augmented(0, 0, rng(), 0)
    assert (pitches(window), ended(window), window.applied.types) == ([60], True, ())
