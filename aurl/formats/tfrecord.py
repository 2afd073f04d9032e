"""The frames of a TFRecord file (TensorFlow, lib/io/record_writer.h): length, its checksum, content, its checksum."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import google_crc32c

from aurl.formats.skipping import OnSkip

_HEADER = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q").pack
_CHECKSUM = struct.Struct("<I")


def frame(content: bytes) -> bytes:
    """The content with its length and both checksums, as it stands in the file."""
    return b"".join((_header(len(content)), content, _CHECKSUM.pack(_masked_crc(content))))


def begins_with_frame(begin: bytes) -> bool:
    """Whether these bytes begin with the header of a frame; its checksum makes a chance hit all but impossible."""
    return len(begin) >= _HEADER.size and _length(begin[: _HEADER.size]) is not None


def frames(path: Path, on_skip: OnSkip) -> Iterator[bytes]:
    """The contents of all whole frames. A torn tail is left out; after a damaged header nothing more can be found.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while header := file.read(_HEADER.size):
            at += 1
            if len(header) < _HEADER.size:
                on_skip(at, "the last event is torn")
                return
            length = _length(header)
            if length is None:
                on_skip(at, "damaged here; what follows cannot be read")
                return
            if length > size - file.tell():  # before reading: a wild length must not become a wild allocation
                on_skip(at, "the last event is torn")
                return
            content, checksum = file.read(length), file.read(_CHECKSUM.size)
            if len(checksum) < _CHECKSUM.size:
                on_skip(at, "the last event is torn")
                return
            if _CHECKSUM.unpack(checksum)[0] == _masked_crc(content):
                yield content
            else:
                on_skip(at, "an event with a wrong checksum")


@lru_cache(maxsize=4096)  # most frames of a file have one of few lengths
def _header(length: int) -> bytes:
    size = _LENGTH(length)
    return size + _CHECKSUM.pack(_masked_crc(size))


def _length(header: bytes) -> int | None:
    length, checksum = _HEADER.unpack(header)
    return length if checksum == _masked_crc(header[:8]) else None


def _masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
