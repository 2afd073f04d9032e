from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.proto.histogram_pb2 import HistogramProto
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData

from aurl.formats import protobuf

INT32 = st.integers(-(2**31), 2**31 - 1)


@given(shape=st.lists(INT32, max_size=6), name=st.text(max_size=200), components=st.integers(0, 2**32 - 1))
def test_strings_and_integers_are_read_back(shape: list[int], name: str, components: int) -> None:
    data = protobuf.string(2, name) + protobuf.integers(6, shape) + protobuf.integer(7, components)
    assert MeshPluginData.FromString(data) == MeshPluginData(name=name, shape=shape, components=components)


@given(least=st.floats(allow_nan=False), limits=st.lists(st.floats(allow_nan=False), max_size=300))
def test_doubles_are_read_back(least: float, limits: list[float]) -> None:
    data = protobuf.double(1, least) + protobuf.doubles(6, limits)
    assert HistogramProto.FromString(data) == HistogramProto(min=least, bucket_limit=limits)


@given(rate=st.floats(allow_nan=False, width=32), content=st.binary(max_size=300))
def test_floats_and_bytes_are_read_back(rate: float, content: bytes) -> None:
    data = protobuf.single(1, rate) + protobuf.nested(4, content)
    expected = Summary.Audio(sample_rate=rate, encoded_audio_string=content)
    assert Summary.Audio.FromString(data) == expected


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert MeshPluginData.FromString(protobuf.string(2, "a\ud800")).name == "a?"
