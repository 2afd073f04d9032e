"""Notes as text, for people."""

from __future__ import annotations

from collections.abc import Iterator

from aurl.music.key import NAMES
from aurl.music.notes import TICKS_PER_BEAT, Notes


def spell(notes: Notes, *, bars: int = 16) -> str:
    """A line for each bar: the beat, counted from 1, and the pitches that begin there, `1: C4 E4 G4  2.5: D4`.

    Middle C (MIDI pitch 60) is C4. Bars without a note are `-`; those after the first `bars` are counted.
    """
    lines = [f"{bar + 1:3d} | {_bar(notes.window(bar, 1))}" for bar in range(min(notes.bars, bars))]
    if notes.bars > bars:
        lines.append(f"... and {notes.bars - bars} bars more")
    return "\n".join(lines) or "no notes"


def _bar(notes: Notes) -> str:
    return "  ".join(_beats(notes)) or "-"


def _beats(notes: Notes) -> Iterator[str]:
    for onset in sorted(set(notes.onset.tolist())):
        pitches = notes.pitch[notes.onset == onset].tolist()
        yield f"{1 + onset / TICKS_PER_BEAT:.3g}: {' '.join(map(pitch_name, pitches))}"


def pitch_name(pitch: int) -> str:
    """`C4` for 60."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"
