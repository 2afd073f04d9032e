from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.util import tensor_util

from aurl.sinks import tfevents

STEPS = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=200)


def as_float32(value: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


@given(time=st.floats(allow_nan=False), step=STEPS, values=st.lists(st.tuples(TEXT, st.floats()), max_size=20))
def test_the_protobuf_classes_read_scalars_back(time: float, step: int, values: list[tuple[str, float]]) -> None:
    event = Event.FromString(tfevents.scalars(time, step, values))
    assert (event.wall_time, event.step) == (time, step)
    assert [value.tag for value in event.summary.value] == [tag for tag, _ in values]
    for read, (_, value) in zip(event.summary.value, values, strict=True):
        expected = as_float32(value)
        assert read.simple_value == expected or (math.isnan(read.simple_value) and math.isnan(expected))


@given(step=STEPS, tag=TEXT, markdown=TEXT)
def test_the_protobuf_classes_read_texts_back(step: int, tag: str, markdown: str) -> None:
    (value,) = Event.FromString(tfevents.text(1.5, step, tag, markdown)).summary.value
    assert (value.tag, value.metadata.plugin_data.plugin_name) == (tag, "text")
    assert tensor_util.make_ndarray(value.tensor).item() == markdown.encode()


def test_the_protobuf_classes_read_the_rest_back() -> None:
    assert Event.FromString(tfevents.file_version(1.5)) == Event(wall_time=1.5, file_version="brain.Event:2")
    start = Event(wall_time=1.5, step=300, session_log=SessionLog(status=SessionLog.START))
    assert Event.FromString(tfevents.session_start(1.5, 300)) == start


@pytest.mark.parametrize(
    ("value", "read"),
    [(10**400, math.inf), (-(10**400), -math.inf), (1e300, math.inf), (True, 1.0), (7, 7.0)],
    ids=["large", "large negative", "double", "bool", "int"],
)
def test_numbers_beyond_float32_become_infinite(value: float, read: float) -> None:
    (entry,) = Event.FromString(tfevents.scalars(0.0, 0, [("x", value)])).summary.value
    assert entry.simple_value == read


def test_what_is_no_number_or_no_utf8_is_written_readably() -> None:
    (entry,) = Event.FromString(tfevents.scalars(0.0, 0, [("\ud800", "x")])).summary.value  # type: ignore[list-item]
    assert entry.tag == "?"
    assert math.isnan(entry.simple_value)


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(0, 70_000), max_size=4))
def test_tensorboards_reader_accepts_the_frames_and_their_checksums(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    path: Path = tmp_path_factory.mktemp("frames") / "tfevents"
    events = [bytes(size) for size in sizes]
    path.write_bytes(b"".join(tfevents.frame(event) for event in events))
    assert list(RawEventFileLoader(str(path)).Load()) == events
