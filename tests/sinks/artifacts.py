"""Artifacts as the training loop writes them, without a training."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import numpy as np

from aurl.record import Json, Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.heatmap import draw_heatmap
from tests.sinks.conftest import NOON

LOSS = np.array([[5.0, 4.0, 6.0], [3.0, 1.0, 3.5], [7.0, 2.0, np.inf]])
NODES: list[dict[str, Any]] = [
    {"name": "input_0", "op": "Placeholder", "inputs": [], "shape": [1, 8], "dtype": "int64"},
    {"name": "encoder/weight", "op": "Parameter", "inputs": [], "shape": [4, 8], "dtype": "float32"},
    {
        "name": "encoder/mm", "op": "aten.mm", "inputs": ["input_0", "encoder/weight"], "shape": [], "dtype": "odd",
    },
]  # fmt: skip


def graph(run: RunDirectory) -> Record:
    return _keep(run, 0, "graph", {".json": json.dumps({"nodes": NODES}).encode()})


def histograms(run: RunDirectory, step: int = 40) -> Record:
    content = _npz(
        names=np.array(["weights/a", "weights/broken", "updates/a"]),
        offsets=np.array([0, 2, 2, 5]),
        limits=np.array([0.0, 1.5, -1.0, 0.0, 2.0]),
        counts=np.array([2.0, 3.0, 0.0, 4.0, 1.0]),
        stats=np.array([[-1.0, 1.25, 5.0, 0.5, 9.0], [0.0] * 5, [-0.5, 1.0, 5.0, 0.25, 3.0]]),
        nonfinite=np.array([0, 7, 0]),
    )
    return _keep(run, step, "histograms", {".npz": content})


def landscape(run: RunDirectory, step: int = 40) -> Record:
    axis = np.linspace(-1, 1, 3)
    files = {".npz": _npz(x=axis, y=axis, loss=LOSS), ".png": draw_heatmap(LOSS, 90)}
    return _keep(run, step, "landscape", files, seed=0, span=1.0, points=3)


def embedding(run: RunDirectory, step: int = 40) -> Record:
    vectors, labels = np.array([[0.5, 1.5], [2.5, 3.5]]), np.array([["bwv1", "C major"], ["bwv2", "A minor"]])
    return _keep(
        run, step, "embedding", {".npz": _npz(vectors=vectors, columns=np.array(["piece", "key"]), labels=labels)}
    )


def attention(run: RunDirectory, step: int = 40) -> Record:
    files = {
        ".npz": _npz(tokens=np.array(["Bar", "C4"]), layer=np.ones((1, 2, 2))),
        ".png": draw_heatmap(np.eye(2), 60),
    }
    return _keep(run, step, "attention", files)


def everything(run: RunDirectory) -> list[Record]:
    return [make(run) for make in (graph, histograms, landscape, embedding, attention)]


def _keep(run: RunDirectory, step: int, kind: str, files: dict[str, bytes], **fields: Any) -> Record:
    folder = run.path / "artifacts"
    folder.mkdir(exist_ok=True)
    names = [f"{step:06d}_{kind}{suffix}" for suffix in files]
    for name, content in zip(names, files.values(), strict=True):
        (folder / name).write_bytes(content)
    path, image = [f"artifacts/{name}" for name in names] + [None] * (2 - len(names))
    artifact = {"type": kind, "path": path, "image": image, **fields}
    told: dict[str, Json] = {"message": f"{kind}: {path}", "level": "debug", "module": "pictures", "artifact": artifact}
    return Record(Kind.NOTE, step, fields=told, time=NOON + step)


def _npz(**arrays: Any) -> bytes:
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()
