"""The chunks of a Standard MIDI File, also within the wrappers that it travels in."""

from __future__ import annotations

import struct
from typing import NamedTuple

from aurl.errors import DataError

_HEADER, _TRACK = b"MThd", b"MTrk"
_FRONT = 8192
"""Bytes before the header that are searched for it: RMID (RIFF, RP-029) and MacBinary (128) put some there."""


class MidiError(DataError):
    """A file that is not usable MIDI; the message is the reason."""


class Chunks(NamedTuple):
    """A file's header and the bytes of its tracks.

    Attributes:
        format: 0 one track, 1 several that sound together, 2 several pieces.
        division: the two bytes that say what a tick is.
        tracks: the content of each track chunk.
        cut: whether the file ends before the last of them does.
    """

    format: int
    division: int
    tracks: list[bytes]
    cut: bool


def read_chunks(data: bytes) -> Chunks:
    """The chunks of a file; chunks of other kinds are passed over.

    Raises:
        MidiError: not MIDI, or a header that is cut off.
    """
    start = data.find(_HEADER, 0, _FRONT)
    if start < 0:
        raise MidiError("empty file" if not data else "not a MIDI file, which begins with 'MThd'")
    if len(data) < start + 14:
        raise MidiError("damaged: ends within its header")
    length, kind, _, division = struct.unpack_from(">IHHH", data, start + 4)
    if length < 6:
        raise MidiError(f"damaged: a header of {length} bytes; 6 are the least")
    tracks, end = _tracks(data, start + 8 + length)
    return Chunks(kind, division, tracks, end > len(data))


def _tracks(data: bytes, pos: int) -> tuple[list[bytes], int]:
    """The track chunks from `pos` on, and where the last one should end."""
    found = []
    while pos + 8 <= len(data):
        name, length = data[pos : pos + 4], int.from_bytes(data[pos + 4 : pos + 8], "big")
        if name == _TRACK:
            found.append(data[pos + 8 : pos + 8 + length])
        elif not name.isalnum():  # no chunk: what stands behind the last track does not matter
            break
        pos += 8 + length
    return found, pos
