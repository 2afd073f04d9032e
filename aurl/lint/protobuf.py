"""Just enough of the protobuf wire format to read messages without their classes.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from aurl.errors import DataError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(message: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Each field's number and value: an integer (varint), a float (fixed 32 or 64 bits) or bytes.

    Raises:
        DataError: these bytes are no message.
    """
    at = 0
    try:
        while at < len(message):
            key, at = _varint(message, at)
            wire = key & 7
            if wire == _VARINT:
                value, at = _varint(message, at)
                yield key >> 3, value
            elif wire == _BYTES:
                length, at = _varint(message, at)
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


def _varint(message: bytes, at: int) -> tuple[int, int]:
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
