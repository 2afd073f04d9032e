"""MIDI files to notes, through symusic, which does not crash on damaged files; what it lets through is checked here.

Drum tracks are left out and all others merged. Onsets and durations are rounded to the grid of 12 ticks to the
quarter note, a duration to at least one tick; of notes with the same onset and pitch the longest is kept, and notes
without length are left out. A file has one metre and one tempo: its first ones, or 4/4 and 120.
"""

from __future__ import annotations

import math
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aurl.errors import DataError
from aurl.music.notes import DEFAULT_BAR, TICKS_PER_BEAT, Notes

if TYPE_CHECKING:
    from symusic.core import ScoreTick

READER_VERSION = 1
"""Goes up when the same file gives other notes, so that caches of older readers are not used."""

MAX_BYTES = 16 * 2**20
MAX_NOTES = 200_000
MAX_TICK = 10_000_000
MAX_BEATS = 100_000
SUFFIXES = frozenset({".mid", ".midi"})
_DEFAULT_TEMPO = 120.0
_SLOWEST, _FASTEST = 10.0, 1000.0


class MidiError(DataError):
    """A file that is not usable MIDI; the message is the reason."""


def read_midi(path: Path | str) -> Notes:
    """The notes of a MIDI file, named after it.

    Raises:
        MidiError: missing, unreadable, over 16 MiB, damaged, without notes other than drums, over 200,000 notes, or
            longer than 10 million of its ticks or 100,000 quarter notes.
    """
    try:
        return parse_midi(read_bytes(path), name=Path(path).name)
    except MidiError as error:
        raise MidiError(f"{path}: {error}. Give another file, or export this one again.") from None


def read_bytes(path: Path | str) -> bytes:
    """The bytes of a regular file of at most 16 MiB.

    Raises:
        MidiError: the reason alone, without the path.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise MidiError("not a regular file")
        if status.st_size > MAX_BYTES:
            raise MidiError(f"{status.st_size / 2**20:.1f} MiB, at most {MAX_BYTES // 2**20} MiB are read")
        return path.read_bytes()
    except OSError as error:
        raise MidiError(f"cannot be read: {error.strerror or error}") from None


def parse_midi(data: bytes, *, name: str = "") -> Notes:
    """The notes of a MIDI file's bytes.

    Raises:
        MidiError: the reason alone, as for `read_midi`.
    """
    from symusic.core import ScoreTick

    if not data.startswith(b"MThd"):
        raise MidiError("empty file" if not data else "not a MIDI file, which begins with 'MThd'")
    try:
        score = ScoreTick.from_midi(data)
    except RuntimeError as error:  # symusic raises nothing else on damaged files
        raise MidiError(f"damaged: {error}") from None
    if score.ticks_per_quarter <= 0:
        raise MidiError("0 ticks to the quarter note")
    columns = _note_columns(score)
    onset, duration, pitch, velocity = _on_grid(columns, score.ticks_per_quarter)
    return Notes.build(onset, duration, pitch, velocity, bar=_bar(score), tempo=_tempo(score), name=name)


def _note_columns(score: ScoreTick) -> NDArray[np.int64]:
    """Onset, duration, pitch and velocity of all notes that are not drums, in the file's ticks, int64 [4, N]."""
    count = sum(len(track.notes) for track in score.tracks)
    if count > MAX_NOTES:
        raise MidiError(f"{count} notes, at most {MAX_NOTES} are read")
    tracks: list[dict[str, NDArray[Any]]] = [t.notes.numpy() for t in score.tracks if not t.is_drum and len(t.notes)]
    if not tracks:
        raise MidiError("drums only" if count else "no notes")
    keys = ("time", "duration", "pitch", "velocity")
    columns = np.array([np.concatenate([track[key] for track in tracks]) for key in keys], np.int64)
    columns = columns[:, columns[1] > 0]
    if not columns.size:
        raise MidiError("no note has a length")
    end = int((columns[0] + columns[1]).max())
    if columns[0].min() < 0 or end >= MAX_TICK or end >= MAX_BEATS * score.ticks_per_quarter:
        raise MidiError(f"ends at tick {end}, under {MAX_TICK} and under {MAX_BEATS} quarter notes is allowed")
    return columns


def _on_grid(columns: NDArray[np.int64], ticks_per_quarter: int) -> NDArray[np.int64]:
    onset, duration = np.rint(columns[:2] * (TICKS_PER_BEAT / ticks_per_quarter)).astype(np.int64)
    duration = np.maximum(duration, 1)
    _, _, pitch, velocity = columns
    order = np.lexsort((velocity, duration, pitch, onset))
    gridded = np.array([onset, duration, pitch, velocity])[:, order]
    longest = (np.diff(gridded[[0, 2]], append=-1) != 0).any(axis=0)
    return gridded[:, longest]


def _bar(score: ScoreTick) -> int:
    first = min(score.time_signatures, key=lambda signature: signature.time, default=None)
    if first is None or first.numerator < 1 or first.denominator not in {1, 2, 4, 8, 16}:
        return DEFAULT_BAR  # finer metres have no whole number of ticks
    return int(first.numerator) * 4 * TICKS_PER_BEAT // int(first.denominator)


def _tempo(score: ScoreTick) -> float:
    first = min(score.tempos, key=lambda tempo: tempo.time, default=None)
    tempo = first.qpm if first is not None else _DEFAULT_TEMPO
    return float(tempo) if math.isfinite(tempo) and _SLOWEST <= tempo <= _FASTEST else _DEFAULT_TEMPO
