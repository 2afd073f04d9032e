"""What must not change a score: the key, the day, the file format."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aurl.music.midi import read_midi
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.quality.reference.profile import Profile, Scored
from benchmarks.quality_study.corruptions import changed


def transpositions(profile: Profile, windows: Sequence[Notes]) -> tuple[int, float]:
    """How many transpositions by up to an octave there are, and the largest difference of any score or measure."""
    moved = [(w, changed(w, pitch=w.pitch + by)) for w in windows for by in range(-12, 13) if by and _fits(w, by)]
    return len(moved), max(difference(profile.score(window), profile.score(other)) for window, other in moved)


def repetitions(profile: Profile, windows: Sequence[Notes]) -> float:
    """The largest difference between scoring twice."""
    return max(difference(profile.score(window), profile.score(window)) for window in windows)


def midi_and_musicxml(profile: Profile, windows: Sequence[Notes]) -> float:
    """The largest difference between what was read from MusicXML and the same written as MIDI and read again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "window.mid"
        found = []
        for window in windows:
            write_midi(window, path)
            found.append(difference(profile.score(window), profile.score(read_midi(path))))
    return max(found)


def difference(one: Scored, other: Scored) -> float:
    """The largest difference of any score or measure; infinite where only one of the two is defined."""
    return max(_apart(a[name], b[name]) for a, b in ((one.metrics, other.metrics), (one.raw, other.raw)) for name in a)


def _apart(x: float, y: float) -> float:
    if math.isnan(x) or math.isnan(y):
        return 0.0 if math.isnan(x) and math.isnan(y) else math.inf
    return abs(x - y)


def _fits(notes: Notes, by: int) -> bool:
    return bool(np.all((notes.pitch + by >= 0) & (notes.pitch + by <= 127)))
