"""The notes of MIDI files read before, kept by the content of the file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from aurl.errors import DataError
from aurl.music.midi import READER_VERSION
from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.music.pack import read_pack, write_pack

KEY_BYTES = 16


def content_key(data: bytes) -> bytes:
    """The key of a file's bytes, 16 bytes."""
    return hashlib.blake2b(data, digest_size=KEY_BYTES).digest()


class MidiCache:
    """The pieces of one folder of MIDI files in one packed file.

    Its name holds the folder and all settings that change what is read, so other settings find another file. A
    damaged file counts as empty and is written again.

    Args:
        folder: where the packed files lie.
        root: the folder of MIDI files.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        settings = f"{root.resolve()}\n{READER_VERSION}\n{TICKS_PER_BEAT}"
        name = hashlib.blake2b(settings.encode(errors="surrogateescape"), digest_size=8).hexdigest()
        self.path = folder / f"midi-{name}.npz"

    def load(self) -> dict[bytes, Notes]:
        """The pieces by content key."""
        try:
            pieces, columns = read_pack(self.path)
            keys = [bytes(key) for key in np.asarray(columns["key"], np.uint8)]
        except (DataError, KeyError, TypeError, ValueError):
            return {}
        return dict(zip(keys, pieces, strict=False))

    def save(self, pieces: Mapping[bytes, Notes]) -> None:
        """Keep these pieces and no others.

        Raises:
            OSError: the folder cannot be written.
        """
        keys = np.frombuffer(b"".join(pieces), np.uint8).reshape(-1, KEY_BYTES)
        write_pack(self.path, list(pieces.values()), key=keys)
