from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from aurl.data.lengths import WindowLengths
from aurl.data.windows import Windows
from aurl.music.corpus import load_chorales
from aurl.music.miditok_adapter import MidiTokTokenizer
from aurl.music.multitrack import MultitrackTokenizer
from aurl.music.notes import Notes
from aurl.music.score import Instrument, Metre, Tempo
from aurl.music.tokenizer import RemiTokenizer
from aurl.music.tokens import Tokenizer
from tests.data.pieces import piece


class Unknown(RemiTokenizer):
    """A tokenizer of a user's, which knows no shortcut."""

    bar_tokens = Tokenizer.bar_tokens


def band() -> Notes:
    """Two tracks and drums with changes of metre, tempo and velocity, and silent bars."""
    rng = np.random.default_rng(3)
    onset = np.sort(rng.integers(0, 48 * 40, 400))
    onset = onset[(onset < 48 * 10) | (onset > 48 * 16)]
    count = len(onset)
    return Notes.build(
        onset,
        rng.choice([6, 12, 24], count),
        rng.integers(40, 80, count),
        rng.choice([40, 80, 100], count),
        metres=(Metre(0, 4, 4), Metre(48 * 8, 3, 4), Metre(48 * 8 + 36 * 8, 6, 8)),
        tempos=(Tempo(0, 100.0), Tempo(48 * 20 + 3, 140.0)),
        track=rng.integers(0, 3, count),
        tracks=(Instrument(0), Instrument(32), Instrument(0, drum=True)),
    )


def compared(pieces: Sequence[Notes], tokenizer: Tokenizer, bars: int) -> tuple[np.ndarray, np.ndarray]:
    """Estimated and true lengths of all windows with a note."""
    windows = Windows(pieces, tokenizer, bars=bars, seq_len=100_000)
    places = [(number, start) for number, each in enumerate(pieces) for start in range(each.bars)]
    places = [place for place in places if len(windows.notes(*place))]
    piece_W, start_W = np.array(places, np.int64).T
    true = np.array([len(windows.plain(*place).tokens) for place in places])
    return WindowLengths.of(pieces, tokenizer).of_windows(piece_W, start_W, bars), true


@pytest.mark.parametrize("tokenizer", [RemiTokenizer(), MultitrackTokenizer()], ids=["remi", "multitrack"])
@pytest.mark.parametrize("bars", [1, 4, 16])
def test_the_lengths_of_chorales_are_exact_but_for_the_end_token(tokenizer: Tokenizer, bars: int) -> None:
    told, true = compared(load_chorales().validation[:12], tokenizer, bars)
    assert set((told - true).tolist()) <= {0, 1}


@pytest.mark.parametrize("tokenizer", [RemiTokenizer(), MultitrackTokenizer(), Unknown()])
@pytest.mark.parametrize("bars", [1, 3, 8])
def test_they_are_upper_bounds_whatever_a_piece_does(tokenizer: Tokenizer, bars: int) -> None:
    told, true = compared([band(), piece(9), piece(1)], tokenizer, bars)
    assert (told >= true).all()
    if not isinstance(tokenizer, Unknown):
        assert (told - true).max() <= 4 + bars  # a metre that the header tells, empty bars at the end


def test_a_tokenizer_without_a_shortcut_is_measured_bar_by_bar() -> None:
    pieces = load_chorales().validation[:4]
    told, true = compared(pieces, Unknown(), 4)
    assert 0 <= (told - true).mean() < 0.05 * true.mean()
    told, true = compared(pieces, MidiTokTokenizer(), 4)
    assert abs((told - true).mean()) < 0.1 * true.mean()


def test_silent_windows_count_as_the_one_that_takes_their_place() -> None:
    apart = Notes.build([0, 48 * 20, 48 * 20 + 12], [12, 12, 12], [60, 62, 64])
    lengths = WindowLengths.of([piece(3), apart], RemiTokenizer())
    number, start = np.array([1, 1, 0]), np.array([4, 20, 1])
    assert lengths.moved(number, start, 4).tolist() == [20, 20, 1]
    windows = Windows([piece(3), apart], RemiTokenizer(), bars=4, seq_len=64)
    moved = windows.augmented(1, 4, np.random.default_rng(0), 0)
    assert windows.lengths(number, start)[0] == len(moved.tokens)


def test_the_longest_window_is_known() -> None:
    pieces = load_chorales().validation[:6]
    told, _ = compared(pieces, RemiTokenizer(), 4)
    windows = Windows(pieces, RemiTokenizer(), bars=4, seq_len=10_000)
    assert windows.longest == told.max()
    assert Windows(pieces, RemiTokenizer(), bars=4, seq_len=50).longest == 50
