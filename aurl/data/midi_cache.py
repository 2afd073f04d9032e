"""The notes of MIDI files read before, kept by the content of the file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aurl.errors import DataError
from aurl.music.grid import Lost, Pedal, Resolution, to_notes
from aurl.music.midi import READER_VERSION, MidiError
from aurl.music.notes import Notes
from aurl.music.pack import read_pack, write_pack
from aurl.music.score import FullScore

KEY_BYTES = 16


class Reading(NamedTuple):
    """How files become notes; see `aurl.music.grid.to_notes`."""

    resolution: Resolution = 12
    pedal: Pedal = "extend"
    tracks: bool = False

    def __call__(self, scores: Sequence[FullScore]) -> ReadFile:
        """The pieces of a file.

        Raises:
            MidiError: the reason alone.
        """
        read = [to_notes(score, self.resolution, pedal=self.pedal, tracks=self.tracks) for score in scores]
        kept = tuple(notes for notes, _ in read if len(notes))
        if not kept:
            raise MidiError("drums only")
        return ReadFile(kept, sum((lost for _, lost in read), Lost()))


class ReadFile(NamedTuple):
    """The pieces of one file, and what the grid could not keep of their notes."""

    pieces: tuple[Notes, ...]
    lost: Lost = Lost()


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
        reading: how they are read.
    """

    def __init__(self, folder: Path, root: Path, reading: Reading) -> None:
        settings = f"{root.resolve()}\n{READER_VERSION}\n{tuple(reading)}"
        name = hashlib.blake2b(settings.encode(errors="surrogateescape"), digest_size=8).hexdigest()
        self.path = folder / f"midi-{name}.npz"

    def load(self) -> dict[bytes, ReadFile]:
        """The files by content key."""
        try:
            pieces, columns = read_pack(self.path)
            keys = [bytes(key) for key in np.asarray(columns["key"], np.uint8)]
            lost = [Lost(*row) for row in np.asarray(columns["lost"], np.int64).tolist()]
            ends = np.cumsum(columns["of_file"]).tolist()
        except (DataError, KeyError, TypeError, ValueError):
            return {}
        starts = [0, *ends[:-1]]
        rows = zip(keys, starts, ends, lost, strict=False)
        return {key: ReadFile(pieces[start:end], each) for key, start, end, each in rows}

    def save(self, files: Mapping[bytes, ReadFile]) -> None:
        """Keep these files and no others.

        Raises:
            OSError: the folder cannot be written.
        """
        write_pack(
            self.path,
            [piece for file in files.values() for piece in file.pieces],
            key=np.frombuffer(b"".join(files), np.uint8).reshape(-1, KEY_BYTES),
            of_file=np.array([len(file.pieces) for file in files.values()], np.int64),
            lost=np.array([file.lost.counts() for file in files.values()], np.int64),
        )
