"""Histograms, landscapes, attention and embeddings for Weights & Biases, from the files that a run writes of them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory

_MOST_VECTORS = 2000
_MOST_BUCKETS = 512  # more are refused by wandb


def pictures(directory: RunDirectory, record: Record) -> dict[str, Any]:
    """The history row of a NOTE that names such a file; empty for other records, and where the file is gone."""
    artifact = record.fields.get("artifact") if record.kind is Kind.NOTE else None
    if not isinstance(artifact, Mapping) or not isinstance(artifact.get("path"), str):
        return {}
    path = directory.path / artifact["path"]
    draw = _DRAWN.get(str(artifact.get("type")))
    values = _image(directory, artifact)
    if draw is not None and path.is_file():
        try:
            values |= draw(path)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # half a file: a full disk, a kill
            return values
    return values


def _image(directory: RunDirectory, artifact: Mapping[str, Any]) -> dict[str, Any]:
    import wandb

    image = artifact.get("image")
    if not isinstance(image, str) or not (directory.path / image).is_file():
        return {}
    return {f"pictures/{artifact.get('type')}": wandb.Image(str(directory.path / image))}


def _histograms(path: Path) -> dict[str, Any]:
    import numpy as np
    import wandb

    found: dict[str, Any] = {}
    with np.load(path, allow_pickle=False) as file:
        names, offsets, limits, counts = (file[key] for key in ("names", "offsets", "limits", "counts"))
        for number, name in enumerate(names.tolist()):
            part = slice(int(offsets[number]), int(offsets[number + 1]))
            if part.stop - part.start > 0:
                edges, heights = _with_left_edge(limits[part]), counts[part]
                if len(heights) <= _MOST_BUCKETS:
                    found[f"histograms/{name}"] = wandb.Histogram(np_histogram=(heights, edges))
    return found


def _with_left_edge(limits: Any) -> Any:
    """The edges of buckets of which the right ones are known: the first bucket is as wide as the second."""
    import numpy as np

    width = limits[1] - limits[0] if len(limits) > 1 else abs(limits[0]) or 1.0
    return np.concatenate([[limits[0] - width], limits])


def _embedding(path: Path) -> dict[str, Any]:
    import numpy as np
    import wandb

    with np.load(path, allow_pickle=False) as file:
        vectors, columns, labels = file["vectors"], file["columns"].tolist(), file["labels"].tolist()
    names = [*columns, *(f"z{number}" for number in range(vectors.shape[1]))]
    rows = [[*label, *vector] for label, vector in zip(labels, vectors.tolist(), strict=True)]
    return {"pictures/embedding": wandb.Table(columns=names, data=rows[:_MOST_VECTORS])}


_DRAWN: Mapping[str, Callable[[Path], dict[str, Any]]] = {"histograms": _histograms, "embedding": _embedding}
