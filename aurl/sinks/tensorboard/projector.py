"""TensorBoard's projector page: vectors and their labels as files, and the list of them.

The format is that of tensorboard/plugins/projector/projector_config.proto, in protobuf's text form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from aurl.machine.files import replace_file

_VECTORS = re.compile(r"(\d+)_vectors\.tsv")


def add_embedding(folder: Path, step: int, vectors: Iterable[Iterable[float]], labels: Iterable[Iterable[str]]) -> None:
    """Write one step's vectors and labels into `folder`, and list all that are there, the newest first.

    Args:
        vectors: [N, Z].
        labels: the names of the columns, then N rows of them.

    Raises:
        OSError: the disk is full or may not be written.
    """
    home = folder / "projector"
    rows = ("\t".join(format(value, ".6g") for value in vector) for vector in vectors)
    replace_file(home / f"{step:06d}_metadata.tsv", _lines("\t".join(map(_cell, row)) for row in labels))
    replace_file(home / f"{step:06d}_vectors.tsv", _lines(rows))
    steps = sorted((int(found[1]) for file in home.iterdir() if (found := _VECTORS.fullmatch(file.name))), reverse=True)
    replace_file(folder / "projector_config.pbtxt", "".join(map(_entry, steps)).encode())


def _lines(rows: Iterable[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode("utf-8", "replace")


def _cell(text: str) -> str:
    """Tabs and line breaks would end the cell."""
    return " ".join(text.split()) or "-"


def _entry(step: int) -> str:
    place = f"projector/{step:06d}"
    return (
        f'embeddings {{\n  tensor_name: "latents at step {step}"\n  tensor_path: "{place}_vectors.tsv"\n'
        f'  metadata_path: "{place}_metadata.tsv"\n}}\n'
    )
