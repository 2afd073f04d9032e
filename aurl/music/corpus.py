"""A corpus: pieces in three splits, and what was left out. One ships with the package, Bach's chorales."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aurl.errors import DataError
from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.music.pack import read_pack

CHORALES = Path(__file__).with_name("chorales.npz")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that was left out, by its path, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """Pieces for training, validation and test.

    Attributes:
        name: how reports call it.
        train, validation, test: the pieces of each split.
        rejected: files that could not be used.
        cache_hits: pieces that came from a cache instead of their file.
        fingerprint: hash of the pieces, their tempo and their split, whatever they are called; 32 hexadecimal digits.
            Computed when left out.
        warnings: what a user should know, one sentence each.
        lost: how many notes the grid could not keep as they were, by how; empty where nobody counted.
    """

    name: str
    train: tuple[Notes, ...]
    validation: tuple[Notes, ...]
    test: tuple[Notes, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    cache_hits: int = 0
    fingerprint: str = ""
    warnings: tuple[str, ...] = ()
    lost: Mapping[str, int] = field(default_factory=dict)

    @property
    def resolution(self) -> int:
        """Ticks to the quarter note of the pieces, the same for all."""
        return next((piece.resolution for piece in (*self.train, *self.validation, *self.test)), TICKS_PER_BEAT)

    def __post_init__(self) -> None:
        if not self.fingerprint:
            splits = (self.train, self.validation, self.test)
            content = repr([[(digest(piece), piece.tempo) for piece in split] for split in splits])
            object.__setattr__(self, "fingerprint", hashlib.blake2b(content.encode(), digest_size=16).hexdigest())


def digest(notes: Notes) -> bytes:
    """16 bytes that differ where the notes, tracks or metres do; names and tempi do not count."""
    state = hashlib.blake2b(f"{notes.bar} ".encode(), digest_size=16)
    for column in (notes.onset, notes.duration, notes.pitch, notes.velocity):
        state.update(column.astype(np.int32, copy=False).tobytes())
    further = [notes.resolution, notes.metres, [track[:2] for track in notes.tracks]]
    if further != [TICKS_PER_BEAT, (), []]:
        state.update(repr(further).encode())
    if notes.track is not None:
        state.update(notes.track.astype(np.int32, copy=False).tobytes())
    return state.digest()


def load_chorales(path: Path = CHORALES) -> Corpus:
    """The chorales of J. S. Bach that ship with aurl; CHORALES.md beside the file tells their origin and licence.

    Raises:
        DataError: the file is missing, damaged or of another version.
    """
    try:
        pieces, columns = read_pack(path)
        splits = columns["split"]
    except (DataError, KeyError) as error:
        raise DataError(
            f"The chorales could not be loaded. {error} Install aurl again, or run scripts/make_corpus.py."
        ) from None
    train, validation, test = (
        tuple(piece for piece, split in zip(pieces, splits, strict=True) if split == name) for name in SPLITS
    )
    return Corpus("chorales", train, validation, test)
