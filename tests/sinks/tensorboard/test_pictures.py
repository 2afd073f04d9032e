from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_INT64
from tensorboard.data_compat import migrate_event
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.util import tensor_util

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.png import encode_png
from aurl.sinks.tensorboard.pictures import picture
from tests.sinks import artifacts


def events(record: Record, run: RunDirectory, images: bool = True) -> list[Event]:
    found = [Event.FromString(data) for data in picture(record, run, images=images)]
    assert {event.wall_time for event in found} <= {record.time}
    return found


def values(record: Record, run: RunDirectory, images: bool = True) -> dict[str, Summary.Value]:
    return {value.tag: value for event in events(record, run, images) for value in event.summary.value}


def test_the_graph_is_a_graph_def_with_shapes(run: RunDirectory) -> None:
    [event] = events(artifacts.graph(run), run)
    graph = GraphDef.FromString(event.graph_def)
    assert [(node.name, node.op, list(node.input)) for node in graph.node] == [
        (node["name"], node["op"], node["inputs"]) for node in artifacts.NODES
    ]
    first, weight, product = graph.node
    shape = weight.attr["_output_shapes"].list.shape[0]
    assert [dimension.size for dimension in shape.dim] == [4, 8]
    assert [node.attr["dtype"].type for node in (first, weight, product)] == [DT_INT64, DT_FLOAT, 0]
    assert not product.attr["_output_shapes"].list.shape[0].dim


def test_histograms_are_read_and_one_without_a_finite_value_is_left_out(run: RunDirectory) -> None:
    found = values(artifacts.histograms(run), run)
    assert list(found) == ["weights/a", "updates/a"]
    histogram = found["weights/a"].histo
    assert (histogram.min, histogram.max, histogram.num, histogram.sum_squares) == (-1.0, 1.25, 5.0, 9.0)
    assert list(histogram.bucket) == [2.0, 3.0]


def test_tensorboard_draws_the_buckets_between_least_and_greatest_value(run: RunDirectory) -> None:
    [event] = events(artifacts.histograms(run), run)
    first = migrate_event(event).summary.value[0]
    assert tensor_util.make_ndarray(first.tensor).tolist() == [[-1.0, 0.0, 2.0], [0.0, 1.25, 3.0]]


def test_a_landscape_is_a_picture_and_a_surface(run: RunDirectory) -> None:
    found = values(artifacts.landscape(run), run)
    assert set(found) == {f"loss_landscape_{part}" for part in ("VERTEX", "FACE", "COLOR")} | {"pictures/landscape"}
    vertices = tensor_util.make_ndarray(found["loss_landscape_VERTEX"].tensor)[0]
    assert vertices.shape == (9, 3)
    assert np.isfinite(vertices).all()


def test_an_embedding_is_files_that_the_projector_finds(run: RunDirectory) -> None:
    folder = run.events / "tensorboard"
    folder.mkdir()
    assert events(artifacts.embedding(run), run) == []
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    assert (folder / config.embeddings[0].tensor_path).read_text() == "0.5\t1.5\n2.5\t3.5\n"
    assert (folder / config.embeddings[0].metadata_path).read_text().splitlines()[1] == "bwv1\tC major"


def test_attention_is_a_picture(run: RunDirectory) -> None:
    assert list(values(artifacts.attention(run), run)) == ["pictures/attention"]
    assert values(artifacts.attention(run), run, images=False) == {}


@pytest.mark.parametrize(
    "artifact",
    [
        {"type": "hologram", "path": "artifacts/x.bin"},
        {"type": "graph", "path": "artifacts/gone.json"},
        {"type": "graph", "path": None},
        {},
        "graph",
    ],
    ids=["unknown", "file gone", "no file", "empty", "no mapping"],
)
def test_what_is_unknown_or_gone_is_left_out(run: RunDirectory, artifact: object) -> None:
    assert events(Record(Kind.NOTE, 1, fields={"artifact": artifact}), run) == []  # type: ignore[dict-item]


def test_a_picture_of_any_type_is_shown(run: RunDirectory) -> None:
    (run.path / "mine.png").write_bytes(encode_png(np.zeros((4, 6), np.uint8), np.zeros((1, 3), np.uint8)))
    found = values(Record(Kind.NOTE, 1, fields={"artifact": {"type": "mine", "image": "mine.png"}}), run)
    assert (found["pictures/mine"].image.width, found["pictures/mine"].image.height) == (6, 4)


def test_a_damaged_file_is_refused(run: RunDirectory) -> None:
    record = artifacts.histograms(run)
    (run.path / "artifacts" / "000040_histograms.npz").write_bytes(b"PK half a file")
    with pytest.raises(Exception, match="."):
        events(record, run)
