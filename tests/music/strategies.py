"""Hypothesis strategies for note arrays."""

from __future__ import annotations

from hypothesis import strategies as st

from aurl.music.notes import Notes


@st.composite
def notes(draw: st.DrawFn, max_notes: int = 40, max_onset: int = 700, max_duration: int = 400) -> Notes:
    """Any notes, in metres and tempi that a tokenizer may have to round."""
    note = st.tuples(st.integers(0, max_onset), st.integers(1, max_duration), st.integers(0, 127), st.integers(1, 127))
    rows = draw(st.lists(note, max_size=max_notes))
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    bar = draw(st.one_of(st.sampled_from([48, 36, 24, 60, 72]), st.integers(1, 300)))
    return Notes.build(*columns, bar=bar, tempo=draw(st.floats(5.0, 900.0)))
