from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aurl.music.notes import Notes
from aurl.music.score import Instrument, Metre
from aurl.show.pianoroll import (
    BAR,
    BEAT,
    BLACK_KEY,
    LABEL,
    OCTAVE,
    SOFTEST,
    WHITE_KEY,
    draw_piano_roll,
    fit,
    palette,
    shade,
    write_piano_roll,
)
from aurl.show.png import encode_png

CHORD = Notes.build([0, 0, 24, 96], [12, 24, 12, 48], [60, 64, 67, 72], [1, 64, 100, 127])


@settings(max_examples=25)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_pillow_decodes_the_very_pixels(height: int, width: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    colours = generator.integers(0, 256, (5, 3), dtype=np.uint8)
    pixels = generator.integers(0, 5, (height, width), dtype=np.uint8)
    with Image.open(BytesIO(encode_png(pixels, colours))) as image:
        image.load()
        assert image.size == (width, height)
        assert np.array_equal(np.asarray(image.convert("RGB")), colours[pixels])


def test_notes_lie_where_time_and_pitch_say(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_piano_roll(CHORD, path)
    layout = fit(CHORD, max_width=1200, row=6)
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"))
    assert rgb.shape[:2] == layout.shape
    columns = zip(
        CHORD.onset.tolist(), CHORD.duration.tolist(), CHORD.pitch.tolist(), CHORD.velocity.tolist(), strict=True
    )
    for onset, duration, pitch, velocity in columns:
        top, left, right = layout.y(pitch), layout.x(onset), layout.x(onset + duration) - 1
        drawn = rgb[top : top + 5, left:right]
        assert (drawn == palette()[shade(velocity)]).all()
        assert (rgb[top, right] != palette()[shade(velocity)]).any()
    assert layout.y(72) < layout.y(60)


def test_nothing_else_is_drawn_in_a_note_colour() -> None:
    layout, pixels = fit(CHORD, max_width=1200, row=6), draw_piano_roll(CHORD)
    area = sum((layout.x(o + d) - layout.x(o) - 1) * 5 for o, d in zip(CHORD.onset, CHORD.duration, strict=True))
    assert (pixels >= SOFTEST).sum() == area


def test_the_grid_shows_keys_beats_bars_and_octaves() -> None:
    layout, pixels = fit(CHORD, max_width=1200, row=6), draw_piano_roll(CHORD)
    assert layout.ticks == 144
    free = layout.x(130)  # inside the last bar, off the beat
    assert pixels[layout.y(71), free] == WHITE_KEY
    assert pixels[layout.y(70), free] == BLACK_KEY
    assert pixels[layout.y(60) + 5, free] == OCTAVE
    top = layout.y(71)
    assert [pixels[top, layout.x(tick)] for tick in (0, 12, 48, 60, 144)] == [BAR, BEAT, BAR, BEAT, BAR]
    assert (pixels[layout.y(60) - 6 : layout.y(60) + 6, : layout.x(0)] == LABEL).any()
    assert (pixels[-12:, layout.x(48) : layout.x(60)] == LABEL).any()


def test_louder_is_lighter() -> None:
    shades = [int(palette()[shade(velocity)].sum()) for velocity in (1, 40, 80, 127)]
    assert shades == sorted(set(shades))
    assert shade(127, 5) == len(palette()) - 1


def test_the_range_is_cropped_but_never_narrow() -> None:
    one = fit(Notes.build([0], [1], [60]), max_width=1200, row=6)
    assert one.high - one.low + 1 == 25
    assert one.low < 60 < one.high
    wide = fit(Notes.build([0, 0], [1, 1], [30, 90]), max_width=1200, row=6)
    assert (wide.low, wide.high) == (28, 92)
    edges = fit(Notes.build([0, 0], [1, 1], [0, 127]), max_width=1200, row=6)
    assert (edges.low, edges.high) == (0, 127)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(1, 300), st.integers(0, 127), st.integers(1, 127)), max_size=20
    ),
    st.sampled_from([1, 7, 18, 36, 48, 96]),
    st.integers(68, 1500),
)
def test_any_notes_fit_the_width_and_all_are_seen(rows: list[tuple[int, ...]], bar: int, width: int) -> None:
    notes = Notes.build(*np.array(rows, np.int32).reshape(-1, 4).T, bar=bar)
    pixels = draw_piano_roll(notes, max_width=width)
    layout = fit(notes, max_width=width, row=6)
    assert pixels.shape == layout.shape
    assert pixels.shape[1] <= width
    assert pixels.max() < len(palette())
    for onset, pitch in zip(notes.onset.tolist(), notes.pitch.tolist(), strict=True):
        assert pixels[layout.y(pitch), layout.x(onset)] >= SOFTEST


def test_no_notes_give_one_empty_bar() -> None:
    pixels = draw_piano_roll(Notes.build([], [], [], bar=36))
    assert pixels.shape[1] == 34 + 36 * 4 + 1
    assert (pixels < SOFTEST).all()


def test_sizes_too_small_to_draw_in() -> None:
    with pytest.raises(ValueError, match="max_width=10"):
        draw_piano_roll(CHORD, max_width=10)
    with pytest.raises(ValueError, match="row=1"):
        draw_piano_roll(CHORD, row=1)


def test_bars_follow_changes_of_metre_on_any_grid() -> None:
    piece = Notes.build(np.arange(8) * 24, 24, 60, resolution=24, metres=(Metre(0, 4, 4), Metre(96, 3, 4)))
    layout = fit(piece, max_width=1200, row=6)
    assert layout.lines == (0, 96, 168, 240)
    pixels = draw_piano_roll(piece)
    lines = np.flatnonzero((pixels == BAR).sum(axis=0) > layout.row * 10)
    assert lines.tolist() == [layout.x(tick) for tick in layout.lines]
    assert layout.x(24) - layout.x(0) == 48  # pixels a quarter note, as on the grid of 12


def test_tracks_have_colours_and_drums_their_own() -> None:
    tracks = (Instrument(0), Instrument(0, True), Instrument(40))
    piece = Notes.build([0, 0, 0], 12, [60, 64, 67], 127, track=[0, 1, 2], tracks=tracks)
    layout, pixels = fit(piece, max_width=1200, row=6), draw_piano_roll(piece)
    assert [int(pixels[layout.y(pitch), layout.x(0)]) for pitch in (60, 64, 67)] == [
        shade(127, hue) for hue in (0, 5, 1)
    ]
