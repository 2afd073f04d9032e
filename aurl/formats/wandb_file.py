"""The records of a `.wandb` file: LevelDB's log format with W&B's own header and plain CRC-32 (IEEE).

Blocks of 32 KiB hold chunks `checksum (4 bytes), length (2), type (1), content`; a record is one full chunk, or a
first, any middle and a last one (https://github.com/google/leveldb/blob/main/doc/log_format.md). Its content is a
protobuf message, read by the field numbers of `wandb/proto/wandb_internal.proto`, which W&B keeps stable since it
syncs files of older clients.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from aurl.errors import DataError
from aurl.formats.protobuf import fields
from aurl.formats.skipping import OnSkip

MAGIC = b":W&B"
HISTORY, CONFIG, RUN = 2, 5, 17
_ITEM = 1
_KEY, _NESTED_KEY, _VALUE = 1, 2, 16
_NOT_JSON = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_FILE_HEADER = 7
_BLOCK = 32 * 1024
_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_DAMAGED = -1
_BLOCKS_AT_THE_END = 2


def begins_with_header(begin: bytes) -> bool:
    """Whether these bytes begin a `.wandb` file."""
    return begin.startswith(MAGIC)


def entries(path: Path, on_skip: OnSkip, *, first_block: int = 0) -> Iterator[bytes]:
    """The contents of all whole records. A torn tail is left out; a damaged block is skipped and told.

    Args:
        first_block: the block of 32 KiB to begin with; a record that began before it is left out.

    Raises:
        OSError: the file cannot be read.
        DataError: it does not begin as a `.wandb` file does.
    """
    parts: list[bytes] = []
    begun = False
    for number, kind, content in _chunks(path, on_skip, first_block):
        if kind == _DAMAGED:
            begun = False  # its rest, in a later block, is nothing without what was lost
        elif kind in (_FULL, _FIRST):
            if begun:
                on_skip(number, "a record whose end is missing")
            parts, begun = [content], kind == _FIRST
            if not begun:
                yield content
        elif begun:  # else the rest of a record whose beginning was damaged, and told then, or not asked for
            parts.append(content)
            begun = kind != _LAST
            if not begun:
                yield b"".join(parts)
    if begun:
        on_skip(number, "the last record is torn")


def last_history(path: Path, on_skip: OnSkip) -> list[dict[str, Any]]:
    """The values of the last history rows by name, read from the end of the file; empty where it has none.

    Raises:
        OSError: the file cannot be read.
        DataError: it does not begin as a `.wandb` file does.
    """
    blocks = path.stat().st_size // _BLOCK + 1
    reach = _BLOCKS_AT_THE_END
    while True:
        first = max(0, blocks - reach)
        found = [row for entry in entries(path, on_skip, first_block=first) for row in _history(entry)]
        if found or first == 0:
            return found
        reach *= 4


def items(message: bytes) -> Iterator[tuple[str, Any]]:
    """The names and JSON values of a history row or of a change to the config; nested keys are joined by dots.

    Raises:
        DataError: these bytes are no message.
    """
    for field, content in fields(message):
        if field == _ITEM and isinstance(content, bytes):
            yield _item(content)


def text(content: bytes) -> str:
    """A string of a message."""
    return content.decode("utf-8", "replace")


def _item(message: bytes) -> tuple[str, Any]:
    key, nested, value = "", [], b"null"
    for field, content in fields(message):
        if not isinstance(content, bytes):
            continue
        if field == _KEY:
            key = text(content)
        elif field == _NESTED_KEY:
            nested.append(text(content))
        elif field == _VALUE:
            value = content
    try:
        return key or ".".join(nested), orjson.loads(value)
    except orjson.JSONDecodeError:
        return key or ".".join(nested), _NOT_JSON.get(text(value))


def _history(entry: bytes) -> list[dict[str, Any]]:
    try:
        messages = [message for field, message in fields(entry) if field == HISTORY]
        return [dict(items(message)) for message in messages if isinstance(message, bytes)]
    except DataError:  # a checksum that holds around bytes that are no message: another writer's
        return []


def _chunks(path: Path, on_skip: OnSkip, first_block: int) -> Iterator[tuple[int, int, bytes]]:
    """The number of its block, the type and the content of each chunk; `_DAMAGED` where the rest of a block is lost."""
    with path.open("rb") as file:
        begin = file.read(_FILE_HEADER)
        if not MAGIC.startswith(begin[: len(MAGIC)]):  # one that was killed within its header has no records yet
            raise DataError(f"{path}: not a file of Weights & Biases")
        file.seek(first_block * _BLOCK)
        for number, block in enumerate(iter(lambda: file.read(_BLOCK), b""), first_block + 1):
            at = _FILE_HEADER if number == 1 else 0
            while at + _HEADER.size <= len(block):
                checksum, length, kind = _HEADER.unpack_from(block, at)
                if kind == 0 and length == 0:  # what a writer left empty at the end of a block
                    break
                content = block[at + _HEADER.size : at + _HEADER.size + length]
                at += _HEADER.size + length
                if len(content) < length and len(block) < _BLOCK:
                    on_skip(number, "the last record is torn")
                    yield number, _DAMAGED, b""
                    return
                if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or zlib.crc32(bytes([kind]) + content) != checksum:
                    on_skip(number, "a damaged block of 32 KiB is left out")
                    yield number, _DAMAGED, b""
                    break
                yield number, kind, content
