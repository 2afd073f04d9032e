from __future__ import annotations

import pytest

from aurl.data.measure import measure
from aurl.data.windows import Windows
from aurl.music.notes import Notes
from aurl.music.tokenizer import RemiTokenizer
from tests.data.pieces import piece

REMI = RemiTokenizer()


def test_lengths_are_those_before_cutting() -> None:
    measured = measure(Windows([piece(1), piece(4), piece(4)], REMI, bars=4, seq_len=12))
    short, full = len(REMI.encode(piece(1))), len(REMI.encode(piece(4)))
    assert short < 12 < full
    assert measured.windows == 3
    mean = pytest.approx((short + 2 * full) / 3, abs=0.05)
    assert measured.lengths == {"min": short, "mean": mean, "p50": full, "p95": full, "max": full}
    assert measured.cut_share == pytest.approx(2 / 3)
    assert measured.tokens_per_note == pytest.approx((short + 2 * full) / 9)
    assert measured.altered_share == 0.0


def test_windows_without_notes_are_left_out() -> None:
    gap = Notes.build([0, 30 * 48], [12, 12], [60, 72])
    measured = measure(Windows([gap], REMI, bars=1, seq_len=64))
    assert measured.windows == 2


def test_notes_that_the_tokenizer_rounds_are_counted() -> None:
    rounded = Notes.build([0, 12, 24, 36], [12, 12, 12, 49], [60, 61, 62, 63], [80, 81, 80, 80])
    assert measure(Windows([rounded], REMI, bars=4, seq_len=64)).altered_share == 0.5
    odd_metre = Notes.build([0, 12], [12, 12], [60, 61], bar=50)
    assert measure(Windows([odd_metre], REMI, bars=4, seq_len=64)).altered_share == 0.0


def test_a_limit_is_spread_over_the_corpus() -> None:
    windows = Windows([piece(40), piece(3)], REMI, bars=4, seq_len=64)
    measured = measure(windows, limit=2)
    assert measured.windows == 2
    assert measured.lengths["min"] < measured.lengths["max"]  # the last, shorter piece is among them
