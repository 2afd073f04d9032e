"""Structure: bar lines against a slow computation, and what shuffling does to real music."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from aurl.music.corpus import Corpus
from aurl.music.notes import Notes
from aurl.quality.metrics.barlines import BarLines
from aurl.quality.metrics.structural_coherence import StructuralCoherence, shuffle_bars
from aurl.quality.sheet import CELL, Sheet
from tests.quality.test_sheet import plain_roll, some_notes


def ends_and_begins(notes: Notes) -> tuple[list[set[int]], list[set[int]]]:
    """What sounds in the last sounding cell of each bar, and what begins first in it."""
    cells, sheet = plain_roll(notes), Sheet(notes)
    ends, begins = [], []
    for bar in range(sheet.bars):
        low, high = bar * sheet.bar // CELL, -(-(bar + 1) * sheet.bar // CELL) if bar == sheet.bars - 1 else 0
        high = high or (bar + 1) * sheet.bar // CELL
        sounding = [cells[cell] for cell in range(low, high) if cells[cell]]
        ends.append(sounding[-1] if sounding else set())
        at = [o for o in sheet.onset.tolist() if o // sheet.bar == bar]
        first = {p for o, p in zip(sheet.onset.tolist(), sheet.pitch.tolist(), strict=True) if at and o == min(at)}
        begins.append(first)
    return ends, begins


def plain_voice_leading(end: set[int], begin: set[int]) -> float:
    forth = np.mean([min(12, *(abs(p - q) for q in begin)) for p in end])
    back = np.mean([min(12, *(abs(p - q) for p in end)) for q in begin])
    return float(forth + back)


@settings(max_examples=20, deadline=None)
@given(some_notes())
def test_costs_of_bar_lines(notes: Notes) -> None:
    lines, (ends, begins) = BarLines(Sheet(notes)), ends_and_begins(notes)
    assert lines.ends.tolist() == [bool(end) for end in ends]
    assert lines.begins.tolist() == [bool(begin) for begin in begins]
    leading, top, bass = lines.voice_leading(), lines.top_line(), lines.bass()
    for i, end in enumerate(ends):
        for j, begin in enumerate(begins):
            if end and begin:
                assert leading[i, j] == pytest.approx(plain_voice_leading(end, begin), abs=1e-5)
                assert top[i, j] == min(abs(max(end) - max(begin)), 24)
                assert bass[i, j] == ((min(begin) - min(end)) % 12 in {3, 4, 6, 8, 9})


def test_gain_compares_neighbours_with_any_two_bars() -> None:
    lines = BarLines(Sheet(Notes.build(np.arange(5) * 48, 48, [60, 62, 64, 65, 67])))
    distance = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    assert lines.gain(distance) == pytest.approx(1 - 1 / 2)
    assert lines.gain(np.zeros((5, 5), int)) == "all bars join equally well"
    few = BarLines(Sheet(Notes.build([0, 48, 96], 48, [60, 62, 64])))
    assert few.gain(np.ones((3, 3), int)) == "fewer than 3 bar lines with notes on both sides"


def test_texture_counts_what_is_held_and_what_begins() -> None:
    tied = Notes.build([0, 24, 72, 96], [24, 48, 24, 48], [60, 62, 64, 65])  # one note is held over the first line
    costs = BarLines(Sheet(tied)).texture()
    assert costs[0].tolist() == [1, 0, 1]  # usually one sounds: held and begun are two, and with bar 1 one
    assert costs[1].tolist() == [0, 1, 0]


def test_shuffling_keeps_the_bars(chorales: Corpus) -> None:
    piece = chorales.validation[0]
    shuffled = shuffle_bars(piece, np.random.default_rng(0))
    assert not shuffled.same_as(piece)
    bars = lambda notes: sorted(  # noqa: E731
        tuple(map(tuple, np.stack([w.onset, w.duration, w.pitch]).T.tolist()))
        for w in (notes.window(bar, 1) for bar in range(notes.bars))
    )
    assert bars(shuffled) == bars(piece)


def test_shuffling_costs_real_music_its_structure(chorales: Corpus) -> None:
    metric, rng = StructuralCoherence(), np.random.default_rng(0)
    pieces = chorales.validation[:20]
    real = [metric.measure(Sheet(piece)) for piece in pieces]
    null = [metric.measure(Sheet(metric.null(piece, rng))) for piece in pieces]
    for name in ("voice_leading", "top_line", "bass", "texture"):
        ours, theirs = ([float(m[name]) for m in rows if not isinstance(m[name], str)] for rows in (real, null))
        assert np.mean(ours) > 0.2
        assert abs(np.mean(theirs)) < 0.1


def test_a_passage_that_returns() -> None:
    verse = [60, 64, 62, 67, 65, 69, 64, 60]
    piece = Notes.build(np.arange(16) * 48, 48, verse * 2)
    found = StructuralCoherence().measure(Sheet(piece))
    assert float(found["return"]) > 0.5
    assert float(found["parallels"]) > 0.4


def test_under_four_bars_there_is_no_structure() -> None:
    found = StructuralCoherence().measure(Sheet(Notes.build([0, 48, 96], 48, [60, 62, 64])))
    assert set(found.values()) == {"fewer than 4 bars"}
    four = StructuralCoherence().measure(Sheet(Notes.build(np.arange(4) * 48, 48, [60, 62, 64, 67])))
    assert four["parallels"] == "fewer than 5 bars"
    assert isinstance(four["return"], float)
