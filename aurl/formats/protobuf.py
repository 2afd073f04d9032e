"""Protocol-buffer messages read and written without their classes: https://protobuf.dev/programming-guides/encoding

A message is the concatenation of its fields; each writing function gives one field, or the fields of a small message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from aurl.errors import DataError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DOUBLE = struct.Struct("<d").pack
_FLOAT = struct.Struct("<f").pack


def fields(message: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Each field's number and value: an integer (varint), a float (fixed 32 or 64 bits) or bytes.

    Raises:
        DataError: these bytes are no message.
    """
    at = 0
    try:
        while at < len(message):
            key, at = _read_varint(message, at)
            wire = key & 7
            if wire == _VARINT:
                value, at = _read_varint(message, at)
                yield key >> 3, value
            elif wire == _BYTES:
                length, at = _read_varint(message, at)
                if at + length > len(message):
                    raise DataError("a field of a message is longer than the message")
                yield key >> 3, message[at : at + length]
                at += length
            elif wire in (_FIXED64, _FIXED32):
                layout = "<d" if wire == _FIXED64 else "<f"
                yield key >> 3, struct.unpack_from(layout, message, at)[0]
                at += struct.calcsize(layout)
            else:
                raise DataError(f"a field of a message has the unknown wire type {wire}")
    except (IndexError, struct.error):
        raise DataError("a message ends within a field") from None


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise DataError("a number in a message is longer than 64 bits")


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
