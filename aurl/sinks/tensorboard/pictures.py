"""The artifacts of a run as TensorBoard shows them; what they hold is in docs/run-directory.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any

import orjson

from aurl.formats.protobuf import integer, nested, string
from aurl.record import Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.tensorboard import events as tfevents
from aurl.sinks.tensorboard.mesh import surface
from aurl.sinks.tensorboard.projector import add_embedding
from aurl.sinks.tensorboard.samples import content, png_size

_DT_OTHER = 0
_DTYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int64": 9, "bool": 10, "bfloat16": 14, "float16": 19}


def picture(record: Record, run: RunDirectory, *, images: bool) -> Iterator[bytes]:
    """The events of a record that announces an artifact.

    Types that are not known here, and files that are gone, are left out.

    Raises:
        OSError: a file cannot be read.
        ValueError, zipfile.BadZipFile: it is damaged.
    """
    artifact = record.fields.get("artifact")
    if not isinstance(artifact, Mapping):
        return
    show, data = _SHOWN.get(str(artifact.get("type"))), content(run, artifact.get("path"))
    if show is not None and data is not None:
        yield from show(record, run, data)
    if images and (png := content(run, artifact.get("image"))) is not None:
        yield tfevents.image(record.time, record.step, f"pictures/{artifact['type']}", png, png_size(png))


def graph_def(nodes: list[dict[str, Any]]) -> bytes:
    """A GraphDef (tensorflow/core/framework/graph.proto) of the nodes in an artifact of type `graph`."""
    return b"".join(nested(1, _node(node)) for node in nodes) + nested(4, integer(1, 22))


def _node(node: dict[str, Any]) -> bytes:
    shape = b"".join(nested(2, integer(1, size)) for size in node["shape"])
    attributes = {
        "_output_shapes": nested(1, nested(7, shape)),
        "dtype": integer(6, _DTYPES.get(node["dtype"], _DT_OTHER)),
    }
    inputs = b"".join(string(3, name) for name in node["inputs"])
    attached = b"".join(nested(5, string(1, key) + nested(2, value)) for key, value in attributes.items())
    return string(1, node["name"]) + string(2, node["op"]) + inputs + attached


def _graph(record: Record, run: RunDirectory, data: bytes) -> Iterator[bytes]:
    yield tfevents.graph(record.time, graph_def(orjson.loads(data)["nodes"]))


def _histograms(record: Record, run: RunDirectory, data: bytes) -> Iterator[bytes]:
    arrays = _arrays(data)
    offsets, limits, counts = arrays["offsets"].tolist(), arrays["limits"].tolist(), arrays["counts"].tolist()
    spans = zip(arrays["names"].tolist(), offsets, offsets[1:], arrays["stats"].tolist(), strict=False)
    found = [
        (name, tfevents.Buckets(limits[first:end], counts[first:end], stats))
        for name, first, end, stats in spans
        if end > first
    ]
    yield tfevents.histograms(record.time, record.step, found)


def _landscape(record: Record, run: RunDirectory, data: bytes) -> Iterator[bytes]:
    import numpy as np

    with np.errstate(all="ignore"):
        height = np.log(_arrays(data)["loss"].astype(np.float64))
    yield from surface(record.time, record.step, "loss_landscape", height)


def _embedding(record: Record, run: RunDirectory, data: bytes) -> Iterator[bytes]:
    arrays = _arrays(data)
    labels = [arrays["columns"].tolist(), *arrays["labels"].tolist()]
    add_embedding(run.events / "tensorboard", record.step, arrays["vectors"].tolist(), labels)
    yield from ()


def _arrays(data: bytes) -> Mapping[str, Any]:
    import numpy as np

    with np.load(BytesIO(data), allow_pickle=False) as file:
        return dict(file)


_Show = Callable[[Record, RunDirectory, bytes], Iterator[bytes]]
_SHOWN: Mapping[str, _Show] = {
    "graph": _graph,
    "histograms": _histograms,
    "landscape": _landscape,
    "embedding": _embedding,
}
