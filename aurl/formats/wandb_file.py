"""The records of a `.wandb` file: LevelDB's log format with W&B's own header and plain CRC-32 (IEEE).

Blocks of 32 KiB hold chunks `checksum (4 bytes), length (2), type (1), content`; a record is one full chunk, or a
first, any middle and a last one (https://github.com/google/leveldb/blob/main/doc/log_format.md).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from aurl.formats.skipping import OnSkip

MAGIC = b":W&B"
_FILE_HEADER = 7
_BLOCK = 32 * 1024
_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def begins_with_header(begin: bytes) -> bool:
    """Whether these bytes begin a `.wandb` file."""
    return begin.startswith(MAGIC)


def entries(path: Path, on_skip: OnSkip) -> Iterator[bytes]:
    """The contents of all whole records. A torn tail is left out; a damaged block is skipped and told.

    Raises:
        OSError: the file cannot be read.
    """
    parts: list[bytes] = []
    begun = False
    for number, (kind, content) in enumerate(_chunks(path, on_skip), 1):
        if kind in (_FULL, _FIRST):
            if begun:
                on_skip(number, "a record whose end is missing")
            parts, begun = [content], kind == _FIRST
        elif not begun:
            continue  # the rest of a record whose beginning was damaged, and told then
        else:
            parts.append(content)
            begun = kind != _LAST
        if not begun:
            yield b"".join(parts)
    if begun:
        on_skip(number, "the last record is torn")


def _chunks(path: Path, on_skip: OnSkip) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, block in enumerate(iter(lambda: file.read(_BLOCK), b""), 1):
            at = _FILE_HEADER if number == 1 else 0
            while at + _HEADER.size <= len(block):
                checksum, length, kind = _HEADER.unpack_from(block, at)
                if kind == 0 and length == 0:  # what a writer left empty at the end of a block
                    break
                content = block[at + _HEADER.size : at + _HEADER.size + length]
                at += _HEADER.size + length
                if len(content) < length:
                    on_skip(number, "the last record is torn")
                    return
                if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or zlib.crc32(bytes([kind]) + content) != checksum:
                    on_skip(number, "a damaged block of 32 KiB is left out")
                    break
                yield kind, content
