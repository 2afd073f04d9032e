"""A picture of notes: time from left to right, pitch from bottom to top, velocity as brightness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.machine.files import replace_file
from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.show.pixelfont import draw_text
from aurl.show.png import encode_png

Pixels: TypeAlias = NDArray[np.uint8]

WHITE_KEY, BLACK_KEY, BEAT, BAR, OCTAVE, LABEL, MARGIN = range(7)
SOFTEST = 7
_SHADES = 32
_COLOURS = ((35, 39, 48), (29, 32, 40), (43, 48, 59), (72, 80, 97), (56, 63, 77), (150, 160, 178), (24, 27, 33))
_HUES = (
    ((46, 90, 138), (180, 240, 255)), ((122, 74, 30), (255, 214, 160)), ((40, 110, 70), (190, 250, 205)),
    ((120, 50, 110), (255, 190, 245)), ((112, 104, 36), (250, 245, 170)), ((90, 90, 96), (235, 235, 240)),
)  # fmt: skip
"""Softest and loudest of a track's notes; the last is that of drums."""

_LEFT, _BOTTOM = 34, 18  # pixels of margin for the labels
_MAX_BEAT = 48  # pixels; a short piece is not stretched further
_MIN_SEMITONES = 25
_BLACK_KEYS = frozenset({1, 3, 6, 8, 10})


@dataclass(frozen=True, slots=True)
class RollLayout:
    """Where ticks and pitches lie in the picture.

    Attributes:
        ticks: ticks shown, a whole number of bars.
        low: lowest pitch shown.
        high: highest pitch shown.
        scale: pixels a tick.
        row: pixels a semitone.
        lines: ticks of the bars, and of the end of the last one.
        beat: ticks in a quarter note.
    """

    ticks: int
    low: int
    high: int
    scale: float
    row: int
    lines: tuple[int, ...] = ()
    beat: int = TICKS_PER_BEAT

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the picture in pixels, margins included."""
        return (self.high - self.low + 1) * self.row + _BOTTOM, self.x(self.ticks) + 1

    def x(self, tick: int) -> int:
        """The pixel column where a tick begins."""
        return _LEFT + round(tick * self.scale)

    def y(self, pitch: int) -> int:
        """The topmost pixel row of a pitch."""
        return (self.high - pitch) * self.row


def write_piano_roll(notes: Notes, path: Path | str, *, max_width: int = 1200, row: int = 6) -> None:
    """Write the picture of `notes` as a PNG, replacing `path` in one step.

    Dark in itself, so that it reads the same on light and on dark pages.

    Args:
        notes: what to draw; no notes give one empty bar around middle C.
        path: the file to write.
        max_width: pixels; a longer piece is drawn smaller.
        row: pixels a semitone, at least 2.

    Raises:
        ValueError: a size too small to draw in.
        OSError: the file cannot be written.
    """
    replace_file(Path(path), encode_png(draw_piano_roll(notes, max_width=max_width, row=row), palette()))


def draw_piano_roll(notes: Notes, *, max_width: int = 1200, row: int = 6) -> Pixels:
    """The picture as uint8 [height, width] indices into `palette()`."""
    layout = fit(notes, max_width=max_width, row=row)
    pixels = np.full(layout.shape, MARGIN, np.uint8)
    _draw_grid(pixels, layout)
    _draw_notes(pixels, layout, notes)
    return pixels


def fit(notes: Notes, *, max_width: int, row: int) -> RollLayout:
    """The layout that shows whole bars and the used pitches with two semitones to spare, at least two octaves."""
    if max_width < 2 * _LEFT or row < 2:
        raise ValueError(f"max_width={max_width}, row={row}: needs at least {2 * _LEFT} and 2 pixels")
    lines = notes.bar_lines()
    ticks = lines[-1]
    low, high = (int(notes.pitch.min()) - 2, int(notes.pitch.max()) + 2) if len(notes) else (60, 60)
    missing = max(0, _MIN_SEMITONES - (high - low + 1))
    low, high = low - missing // 2, high + missing - missing // 2
    beat = min(_MAX_BEAT, (max_width - _LEFT - 1) / ticks * notes.resolution)
    beat = int(beat) if beat >= 1 else beat  # whole pixels a beat give even columns
    scale = beat / notes.resolution
    return RollLayout(ticks, max(0, low), min(127, high), scale, row, tuple(lines), notes.resolution)


@lru_cache(maxsize=1)
def palette() -> Pixels:
    """The colours, uint8 [199, 3]: the grid's seven, then for each of six tracks the notes' from soft to loud."""
    steps = np.linspace(0.0, 1.0, _SHADES)[:, None]
    shades = [np.array(soft) + (np.array(loud) - np.array(soft)) * steps for soft, loud in _HUES]
    return np.concatenate([np.array(_COLOURS), *(shade.round() for shade in shades)]).astype(np.uint8)


def shade(velocity: int, hue: int = 0) -> int:
    """The palette index of a velocity of 1..127 in the colour of a track."""
    return SOFTEST + hue * _SHADES + velocity * (_SHADES - 1) // 127


def _hues(notes: Notes) -> list[int]:
    """The colour of each note: five in turn for instruments, one for drums."""
    if notes.track is None:
        return [0] * len(notes)
    pitched = [number for number, track in enumerate(notes.tracks) if not track.drum]
    of_track = [
        len(_HUES) - 1 if track.drum else pitched.index(number) % (len(_HUES) - 1)
        for number, track in enumerate(notes.tracks)
    ]
    return [of_track[track] for track in notes.track.tolist()]


def _draw_grid(pixels: Pixels, layout: RollLayout) -> None:
    bottom, left = layout.shape[0] - _BOTTOM, layout.x(0)
    pixels[:bottom, left:] = WHITE_KEY
    for pitch in range(layout.low, layout.high + 1):
        if pitch % 12 in _BLACK_KEYS:
            pixels[layout.y(pitch) : layout.y(pitch) + layout.row, left:] = BLACK_KEY
    _draw_time(pixels[:bottom], layout)
    for pitch in range(layout.low, layout.high + 1):
        if pitch % 12 == 0:
            base = layout.y(pitch) + layout.row - 1
            pixels[base, left:] = OCTAVE
            draw_text(pixels, f"C{pitch // 12 - 1}", right=left - 4, bottom=base + 1, colour=LABEL)
    _number_bars(pixels, layout)


def _draw_time(pixels: Pixels, layout: RollLayout) -> None:
    if layout.scale * layout.beat >= 6:
        for start, stop in pairwise(layout.lines):
            pixels[:, [layout.x(tick) for tick in range(start, stop, layout.beat)]] = BEAT
    step = _bars_apart(layout, pixels=8)
    pixels[:, [layout.x(tick) for tick in layout.lines[::step]]] = BAR


def _number_bars(pixels: Pixels, layout: RollLayout) -> None:
    step = _bars_apart(layout, pixels=40)
    height, width = layout.shape
    for number, start in list(enumerate(layout.lines[:-1], 1))[::step]:
        text = str(number)
        right = layout.x(start) + 8 * len(text)
        if right < width:
            draw_text(pixels, text, right=right, bottom=height - 4, colour=LABEL)


def _bars_apart(layout: RollLayout, *, pixels: int) -> int:
    """The smallest power of two of bars that takes at least `pixels`; bars of usual length where they differ."""
    usual = layout.ticks / max(1, len(layout.lines) - 1)
    step = 1
    while step * usual * layout.scale < pixels:
        step *= 2
    return step


def _draw_notes(pixels: Pixels, layout: RollLayout, notes: Notes) -> None:
    columns = (notes.onset, notes.onset + notes.duration, notes.pitch, notes.velocity)
    rows = zip(*(column.tolist() for column in columns), _hues(notes), strict=True)
    for start, end, pitch, velocity, hue in rows:
        left, top = layout.x(start), layout.y(pitch)
        right = max(left + 1, layout.x(end) - 1)  # one pixel of gap, so that repeated notes stay apart
        pixels[top : top + layout.row - 1, left:right] = shade(velocity, hue)
