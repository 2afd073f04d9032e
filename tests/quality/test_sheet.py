"""What the metrics share, against slow and plain computations."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.music.notes import Notes
from aurl.quality.sheet import CELL, MAX_BARS, MAX_NOTES, MAX_TICKS, Sheet


@st.composite
def some_notes(draw: st.DrawFn, most: int = 40) -> Notes:
    """From 1 note on, in any metre, with unisons, overlaps and gaps."""
    n = draw(st.integers(1, most))
    column = lambda low, high: draw(st.lists(st.integers(low, high), min_size=n, max_size=n))  # noqa: E731
    return Notes.build(
        column(0, 380), column(1, 200), column(0, 127), column(1, 127), bar=draw(st.sampled_from([3, 10, 30, 36, 48]))
    )


def plain_roll(notes: Notes) -> dict[int, set[int]]:
    """The pitches that sound in each cell."""
    origin = int(notes.onset[0]) // notes.bar * notes.bar
    ticks = (int(notes.onset[-1]) // notes.bar + 1) * notes.bar - origin
    cells: dict[int, set[int]] = {cell: set() for cell in range(-(-ticks // CELL))}
    for onset, duration, pitch in zip(notes.onset - origin, notes.duration, notes.pitch, strict=True):
        end = min(onset + duration, ticks)
        for cell, pitches in cells.items():
            if cell == onset // CELL or (onset < (cell + 1) * CELL and end > cell * CELL):
                pitches.add(int(pitch))
    return cells


@settings(max_examples=40, deadline=None)
@given(some_notes())
def test_roll_and_what_follows_from_it(notes: Notes) -> None:
    sheet, cells = Sheet(notes), plain_roll(notes)
    assert sheet.roll.shape == (len(sheet.roll), len(cells))
    for cell, pitches in cells.items():
        assert set((np.flatnonzero(sheet.roll[:, cell]) + sheet.base).tolist()) == pitches
        assert sheet.polyphony[cell] == len(pitches)
        assert sheet.chroma[:, cell].tolist() == [sum(p % 12 == c for p in pitches) for c in range(12)]
        if pitches:
            assert sheet.top[cell] == max(pitches)


def test_the_roll_of_many_notes_that_last() -> None:
    rng = np.random.default_rng(0)
    notes = Notes.build(rng.integers(0, 40 * 48, 3000), rng.integers(1, 5000, 3000), rng.integers(20, 100, 3000))
    sheet = Sheet(notes)
    wanted = np.zeros_like(sheet.roll)
    for onset, end, pitch in zip(sheet.onset, sheet.end, sheet.pitch, strict=True):
        wanted[pitch - sheet.base, onset // CELL : max(onset // CELL + 1, -(-end // CELL))] = True
    assert np.array_equal(sheet.roll, wanted)


@settings(max_examples=40, deadline=None)
@given(some_notes())
def test_groups(notes: Notes) -> None:
    sheet = Sheet(notes)
    onsets = sorted(set((notes.onset - notes.onset[0] // notes.bar * notes.bar).tolist()))
    assert sheet.starts.tolist() == onsets
    assert int(sheet.counts.sum()) == len(notes)
    assert sheet.iois.tolist() == np.diff(onsets).tolist()
    tops = [max(p for o, p in zip(sheet.onset.tolist(), sheet.pitch.tolist(), strict=True) if o == at) for at in onsets]
    assert sheet.group_top.tolist() == tops
    cells = plain_roll(notes)
    assert sheet.skyline.tolist() == [t for t, at in zip(tops, onsets, strict=True) if t >= max(cells[at // CELL])]


def test_a_sample_begins_in_bar_0() -> None:
    notes = Notes.build([100, 150], [10, 500], [60, 64])
    sheet = Sheet(notes)
    assert sheet.onset.tolist() == [4, 54]
    assert (sheet.bars, sheet.ticks, sheet.beats) == (2, 96, 8.0)
    assert sheet.end.tolist() == [14, 96]
    assert sheet.held.tolist() == [False, True]


def test_a_sample_is_cut() -> None:
    assert len(Sheet(Notes.build([0, 120_000], [12, 12], [60, 60]))) == 1
    assert Sheet(Notes.build(np.arange(200) * 48, 12, np.full(200, 60))).bars == MAX_BARS
    assert len(Sheet(Notes.build(np.zeros(30_000), 12, np.full(30_000, 60)))) == MAX_NOTES
    huge = Sheet(Notes.build(np.arange(1000) * 3072, 12, np.full(1000, 60), bar=3072))
    assert huge.onset[-1] < MAX_TICKS


def test_no_notes() -> None:
    sheet = Sheet(Notes.build([], [], []))
    assert (len(sheet), sheet.bars, sheet.ticks) == (0, 0, 0)
