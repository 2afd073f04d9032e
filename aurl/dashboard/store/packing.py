"""Number arrays as JSON lists, or as one buffer of float64 behind a JSON header, which a browser need not parse."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

JSON, BINARY = "application/json", "application/octet-stream"


def pack_json(document: dict[str, Any]) -> bytes:
    """The document with its arrays as lists; a number that is not finite becomes null."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY, default=_as_list)


def pack_binary(document: dict[str, Any]) -> bytes:
    """uint32 length of the header, the header as JSON, zeros up to a multiple of 8, float64 values; little-endian.

    In the header `[offset, count]` stands for each array, in values from the beginning of the buffer.
    """
    buffers: list[bytes] = []
    count = 0

    def place(array: Any) -> Any:
        nonlocal count
        if not isinstance(array, np.ndarray):
            raise TypeError(type(array).__name__)
        buffers.append(np.ascontiguousarray(array, "<f8").tobytes())
        count += len(array)
        return [count - len(array), len(array)]

    header = orjson.dumps(document, default=place)
    padding = -(4 + len(header)) % 8
    return b"".join([struct.pack("<I", len(header)), header, bytes(padding), *buffers])


def unpack_binary(data: bytes) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """The header and all values, as a reader sees them."""
    (length,) = struct.unpack_from("<I", data)
    header: dict[str, Any] = orjson.loads(data[4 : 4 + length])
    start = 4 + length
    return header, np.frombuffer(data, "<f8", offset=start + -start % 8)


def _as_list(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(type(value).__name__)
