"""Protocol-buffer messages by hand: https://protobuf.dev/programming-guides/encoding, without the package.

A message is the concatenation of its fields; each function here gives one field, or the fields of a small message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

_DOUBLE = struct.Struct("<d").pack
_FLOAT = struct.Struct("<f").pack


def nested(field: int, content: bytes) -> bytes:
    """A message, or raw bytes, as a field (fields up to 15)."""
    return bytes((field << 3 | 2,)) + varint(len(content)) + content


def string(field: int, text: str) -> bytes:
    """A string as a field; what is not valid UTF-8 (lone surrogates) is written with replacement characters."""
    return nested(field, utf8(text))


def integer(field: int, value: int) -> bytes:
    """An int32, int64, uint32, bool or enum as a field."""
    return bytes((field << 3,)) + varint(value)


def double(field: int, value: float) -> bytes:
    """A double as a field."""
    return bytes((field << 3 | 1,)) + _DOUBLE(value)


def single(field: int, value: float) -> bytes:
    """A float as a field; the value has to be within float32's range."""
    return bytes((field << 3 | 5,)) + _FLOAT(value)


def doubles(field: int, values: Sequence[float]) -> bytes:
    """A packed repeated double as a field."""
    return nested(field, struct.pack(f"<{len(values)}d", *values))


def integers(field: int, values: Iterable[int]) -> bytes:
    """A packed repeated integer as a field."""
    return nested(field, b"".join(map(varint, values)))


def varint(value: int) -> bytes:
    """A variable-length integer; a negative one is its two's complement in 64 bits."""
    value &= 0xFFFFFFFFFFFFFFFF
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def utf8(text: str) -> bytes:
    """The text's bytes, lone surrogates replaced."""
    return text.encode("utf-8", "replace")
