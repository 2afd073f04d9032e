"""MIDI files to notes."""

from __future__ import annotations

import stat
from importlib.util import find_spec
from pathlib import Path

from aurl.music.grid import to_notes
from aurl.music.notes import Notes
from aurl.music.reading.chunks import MidiError
from aurl.music.reading.notation import NOTATION, read_notation
from aurl.music.reading.smf import parse_scores
from aurl.music.score import FullScore

__all__ = [
    "MAX_BYTES",
    "READER_VERSION",
    "SUFFIXES",
    "MidiError",
    "parse_midi",
    "read_bytes",
    "read_midi",
    "read_scores",
    "scores_of",
    "suffixes",
]

READER_VERSION = 2
"""Goes up when the same file gives other notes, so that caches of older readers are not used."""

MAX_BYTES = 16 * 2**20
SUFFIXES = frozenset({".mid", ".midi", ".kar", ".rmi", ".smf"})
_ADVICE = "Give another file, or export this one again."


def read_scores(path: Path | str) -> tuple[FullScore, ...]:
    """The pieces of a MIDI file, named after it: one, but for files of type 2. Notation (MusicXML, ABC, kern) as well.

    Raises:
        MidiError: missing, unreadable, over 16 MiB, damaged, without notes, over 200,000 notes, or longer than 10
            million of its ticks or 100,000 quarter notes.
    """
    try:
        return scores_of(Path(path), read_bytes(path))
    except MidiError as error:
        raise MidiError(f"{path}: {error}. {_ADVICE}") from None


def scores_of(path: Path, data: bytes) -> tuple[FullScore, ...]:
    """The pieces of a file whose bytes have been read.

    Raises:
        MidiError: the reason alone, as for `read_scores`.
        ConfigError: it is notation, and music21 is not installed.
    """
    if path.suffix.lower() in NOTATION:
        return (read_notation(path),)
    return parse_scores(data, name=path.name)


def suffixes() -> frozenset[str]:
    """The file names' ends that can be read here: those of MIDI, and of notation where music21 is installed."""
    return SUFFIXES | NOTATION if find_spec("music21") else SUFFIXES


def read_midi(path: Path | str) -> Notes:
    """The notes of a MIDI file as one track of 12 ticks to the quarter note, named after it.

    Raises:
        MidiError: as for `read_scores`, or there are only drums.
    """
    try:
        return parse_midi(read_bytes(path), name=Path(path).name)
    except MidiError as error:
        raise MidiError(f"{path}: {error}. {_ADVICE}") from None


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
    """The notes of a MIDI file's bytes, as `read_midi` gives them; of a type 2 file those of its first piece.

    Raises:
        MidiError: the reason alone.
    """
    notes, _ = to_notes(parse_scores(data, name=name)[0])
    if not len(notes):
        raise MidiError("drums only")
    return notes
