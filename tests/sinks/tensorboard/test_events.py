from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.histogram_pb2 import HistogramProto
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_SCALAR, Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.plugins.hparams.metadata import NULL_TENSOR
from tensorboard.util import tensor_util

from aurl.formats.tfrecord import frame
from aurl.sinks.tensorboard import events as tfevents

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
    path.write_bytes(b"".join(frame(event) for event in events))
    assert list(RawEventFileLoader(str(path)).Load()) == events


def value_of(event: bytes) -> Summary.Value:
    (value,) = Event.FromString(event).summary.value
    return value


@given(tag=TEXT, name=TEXT, description=TEXT, number=st.floats(width=32, allow_nan=False))
def test_the_protobuf_classes_read_described_scalars_back(tag: str, name: str, description: str, number: float) -> None:
    value = value_of(tfevents.described_scalars(1.5, 3, [(tag, number, name, description)]))
    assert (value.tag, value.simple_value) == (tag, number)
    assert (value.metadata.display_name, value.metadata.summary_description) == (name, description)
    assert value.metadata.plugin_data.plugin_name == "scalars"
    assert value.metadata.data_class == DATA_CLASS_SCALAR


def test_the_protobuf_classes_read_pictures_and_sounds_back() -> None:
    picture = value_of(tfevents.image(1.5, 3, "roll", b"png", (640, 480))).image
    assert picture == Summary.Image(height=480, width=640, colorspace=3, encoded_image_string=b"png")
    sound = value_of(tfevents.audio(1.5, 3, "sound", b"wav", rate=22050, channels=1, frames=400)).audio
    assert sound == Summary.Audio(
        sample_rate=22050, num_channels=1, length_frames=400, encoded_audio_string=b"wav", content_type="audio/wav"
    )


def test_the_protobuf_classes_read_histograms_back() -> None:
    buckets = tfevents.Buckets([0.0, 1.5], [2.0, 3.0], [-1.0, 1.25, 5.0, 0.5, 9.0])
    event = Event.FromString(tfevents.histograms(1.5, 3, [("weights/a", buckets), ("weights/b", buckets)]))
    assert [value.tag for value in event.summary.value] == ["weights/a", "weights/b"]
    assert event.summary.value[0].histo == HistogramProto(
        min=-1.0, max=1.25, num=5.0, sum=0.5, sum_squares=9.0, bucket_limit=[0.0, 1.5], bucket=[2.0, 3.0]
    )


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
def test_the_protobuf_classes_read_arrays_back(dtype: str) -> None:
    array = np.arange(24).astype(dtype).reshape(2, 4, 3)
    packed = tfevents.array_tensor(array.tobytes(), array.shape, dtype)
    value = value_of(tfevents.tensor(1.5, 3, "mesh_VERTEX", packed, plugin="mesh", data=b"about"))
    assert np.array_equal(tensor_util.make_ndarray(value.tensor), array)
    assert (value.metadata.plugin_data.plugin_name, value.metadata.plugin_data.content) == ("mesh", b"about")


def test_the_tensor_of_no_values_is_tensorboards_own() -> None:
    assert tensor_util.make_ndarray(TensorProto.FromString(tfevents.NULL_TENSOR)).shape == (0,)
    assert TensorProto.FromString(tfevents.NULL_TENSOR) == NULL_TENSOR


def test_the_protobuf_classes_read_a_graph_back() -> None:
    graph = GraphDef(node=[NodeDef(name="a", op="aten.mm")])
    assert Event.FromString(tfevents.graph(1.5, graph.SerializeToString())).graph_def == graph.SerializeToString()
