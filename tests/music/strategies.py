"""Hypothesis strategies for note arrays."""

from __future__ import annotations

from hypothesis import strategies as st

from aurl.music.metre import bar_ticks
from aurl.music.notes import Notes
from aurl.music.score import Instrument, Metre, Tempo

SIGNATURES = [(4, 4), (3, 4), (6, 8), (12, 8), (2, 2), (7, 8), (5, 4), (3, 8), (9, 16), (4, 8), (1, 4), (3, 2)]


@st.composite
def metre_maps(draw: st.DrawFn, resolution: int = 12) -> tuple[Metre, ...]:
    """Metres of whole bars, some of which end with a shorter one."""
    metres, tick = [], 0
    for numerator, denominator in draw(st.lists(st.sampled_from(SIGNATURES), min_size=1, max_size=5)):
        metre = Metre(tick, numerator, denominator)
        bar = bar_ticks(metre, resolution)
        if bar is None:
            continue
        metres.append(metre)
        tick += bar * draw(st.integers(1, 4)) + resolution * draw(st.sampled_from([0, 0, 0, 1]))
    return tuple(metres) or (Metre(0, 4, 4),)


@st.composite
def bands(draw: st.DrawFn, resolution: int = 12, max_notes: int = 40) -> Notes:
    """Any notes of some tracks, drums among them, with changes of metre and tempo."""
    instrument = st.builds(Instrument, st.integers(0, 127), st.booleans(), st.sampled_from(["", "a"]))
    tracks = draw(st.lists(instrument, min_size=1, max_size=6))
    longest = 60 * resolution
    note = st.tuples(
        st.integers(0, longest),
        st.integers(1, 20 * resolution),
        st.integers(0, 127),
        st.integers(1, 127),
        st.integers(0, len(tracks) - 1),
    )
    columns = list(zip(*draw(st.lists(note, max_size=max_notes)), strict=True)) or [[], [], [], [], []]
    ticks = draw(st.lists(st.integers(1, longest), max_size=3, unique=True))
    tempos = tuple(Tempo(tick, draw(st.floats(20.0, 500.0))) for tick in (0, *sorted(ticks)))
    return Notes.build(
        *columns[:4], track=columns[4], tracks=tuple(tracks), resolution=resolution,
        metres=draw(metre_maps(resolution)), tempos=tempos, tempo=tempos[0].qpm,
    )  # fmt: skip


@st.composite
def notes(draw: st.DrawFn, max_notes: int = 40, max_onset: int = 700, max_duration: int = 400) -> Notes:
    """Any notes, in metres and tempi that a tokenizer may have to round."""
    note = st.tuples(st.integers(0, max_onset), st.integers(1, max_duration), st.integers(0, 127), st.integers(1, 127))
    rows = draw(st.lists(note, max_size=max_notes))
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    tempo = draw(st.floats(5.0, 900.0))
    if draw(st.booleans()):
        return Notes.build(*columns, metres=draw(metre_maps()), tempo=tempo)
    bar = draw(st.one_of(st.sampled_from([48, 36, 24, 60, 72]), st.integers(1, 300)))
    return Notes.build(*columns, bar=bar, tempo=tempo)
