"""TensorBoard's event protocol, encoded by hand: 3 microseconds a step where the protobuf classes take 12.

Field numbers are those of tensorboard/compat/proto/{event,summary,tensor,histogram}.proto; in a file each event stands
in a frame of its own (`aurl.formats.tfrecord`). Strings that are not valid UTF-8 (lone surrogates) are written with
replacement characters.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from aurl.formats.protobuf import double, doubles, integer, nested, single, string, utf8, varint

_FLOAT = struct.Struct("<f").pack
_DOUBLE = struct.Struct("<d").pack
_FILE_VERSION, _GRAPH_DEF, _SUMMARY, _SESSION_LOG = 3, 4, 5, 7
_DATA_CLASS_SCALAR, _DATA_CLASS_TENSOR = 1, 2
_SESSION_START = 1
_DATA_TYPES = {"float32": 1, "uint8": 4, "int32": 3}
_DT_FLOAT, _DT_STRING = 1, 7


class Buckets(NamedTuple):
    """A histogram.

    Attributes:
        limits: right edges of K buckets.
        counts: values in each.
        stats: min, max, number, sum and sum of squares of the values.
    """

    limits: Sequence[float]
    counts: Sequence[float]
    stats: Sequence[float]


def file_version(time: float) -> bytes:
    """The event that begins every file."""
    return _event(time, 0, _FILE_VERSION, b"brain.Event:2")


def session_start(time: float, step: int) -> bytes:
    """Tells readers that training went back: what was written before for `step` and later is superseded."""
    return _event(time, step, _SESSION_LOG, integer(1, _SESSION_START))


def scalars(time: float, step: int, values: Iterable[tuple[str, float]]) -> bytes:
    """One event with all scalars of a step. Values beyond the range of float32 become infinite."""
    return _event(time, step, _SUMMARY, b"".join([_tag_frame(tag) + _float32(value) for tag, value in values]))


def described_scalars(time: float, step: int, values: Iterable[tuple[str, float, str, str]]) -> bytes:
    """Scalars with what TensorBoard keeps from a tag's first event: (tag, value, display name, description)."""
    found = []
    for tag, value, name, description in values:
        metadata = nested(1, string(1, "scalars")) + string(2, name) + string(3, description)
        content = string(1, tag) + b"\x15" + _float32(value)
        found.append(nested(1, content + nested(9, metadata + integer(4, _DATA_CLASS_SCALAR))))
    return _event(time, step, _SUMMARY, b"".join(found))


def text(time: float, step: int, tag: str, markdown: str) -> bytes:
    """One event for TensorBoard's text page."""
    return tensor(time, step, tag, string_tensor(utf8(markdown)), plugin="text")


def image(time: float, step: int, tag: str, png: bytes, size: tuple[int, int]) -> bytes:
    """One event for the images page; `size` is width and height in pixels."""
    width, height = size
    picture = integer(1, height) + integer(2, width) + integer(3, 3) + nested(4, png)
    return _event(time, step, _SUMMARY, nested(1, string(1, tag) + nested(4, picture)))


def audio(time: float, step: int, tag: str, wav: bytes, *, rate: int, channels: int, frames: int) -> bytes:
    """One event for the audio page, of a .wav file's bytes."""
    sound = single(1, rate) + integer(2, channels) + integer(3, frames) + nested(4, wav) + string(5, "audio/wav")
    return _event(time, step, _SUMMARY, nested(1, string(1, tag) + nested(6, sound)))


def histograms(time: float, step: int, values: Iterable[tuple[str, Buckets]]) -> bytes:
    """One event with histograms by tag."""
    found = []
    for tag, (limits, counts, stats) in values:
        content = b"".join(double(field, value) for field, value in enumerate(stats, 1))
        content += doubles(6, limits) + doubles(7, counts)
        found.append(nested(1, string(1, tag) + nested(5, content)))
    return _event(time, step, _SUMMARY, b"".join(found))


def graph(time: float, graph_def: bytes) -> bytes:
    """One event for the graphs page, of an encoded GraphDef."""
    return _event(time, 0, _GRAPH_DEF, graph_def)


def tensor(time: float, step: int, tag: str, content: bytes, *, plugin: str, data: bytes = b"") -> bytes:
    """One event with an encoded TensorProto for a plugin; `data` is the plugin's own metadata."""
    metadata = nested(1, string(1, plugin) + (nested(2, data) if data else b"")) + integer(4, _DATA_CLASS_TENSOR)
    return _event(time, step, _SUMMARY, nested(1, string(1, tag) + nested(8, content) + nested(9, metadata)))


def string_tensor(value: bytes) -> bytes:
    """A TensorProto of one string, without dimensions."""
    return integer(1, _DT_STRING) + nested(2, b"") + nested(8, value)


def array_tensor(content: bytes, shape: Sequence[int], dtype: str) -> bytes:
    """A TensorProto of an array's little-endian bytes; dtype is float32, int32 or uint8."""
    dimensions = b"".join(nested(2, integer(1, size)) for size in shape)
    return integer(1, _DATA_TYPES[dtype]) + nested(2, dimensions) + nested(4, content)


NULL_TENSOR = integer(1, _DT_FLOAT) + nested(2, nested(2, b"\x08\x00"))
"""A TensorProto of no values, for what has metadata alone."""


def _event(time: float, step: int, field: int, content: bytes) -> bytes:
    key = bytes((field << 3 | 2,))
    return b"".join((b"\x09", _DOUBLE(time), b"\x10", varint(step), key, varint(len(content)), content))


def _float32(value: float) -> bytes:
    try:
        return _FLOAT(value)
    except (OverflowError, struct.error):
        is_number = isinstance(value, (int, float))
        return _FLOAT(math.copysign(math.inf, 1 if value > 0 else -1) if is_number else math.nan)


@lru_cache(maxsize=16_384)
def _tag_frame(tag: str) -> bytes:
    """What stands before a scalar's four bytes: a Summary.Value with this tag, up to its simple_value."""
    head = string(1, tag) + b"\x15"
    return b"\x0a" + varint(len(head) + 4) + head
