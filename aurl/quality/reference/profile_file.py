"""Profiles on disk: an `.npz` of plain arrays, no pickle. Equal profiles give equal bytes."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.errors import DataError
from aurl.machine.files import replace_file
from aurl.quality.reference.copying import CopyIndex
from aurl.quality.reference.table import Table

VERSION = 2
PARTS = ("real", "null", "held_out")
Tables: TypeAlias = Mapping[int, tuple[Table, Table, Table]]


def write(path: Path, name: str, tables: Tables, index: CopyIndex | None) -> None:
    """Write the tables of every length, replacing `path` in one step.

    Raises:
        OSError: the file cannot be written.
    """
    about: dict[str, Any] = {"version": VERSION, "name": name, "lengths": {}}
    arrays: dict[str, NDArray[Any]] = {}
    for n_bars, parts in tables.items():
        about["lengths"][str(n_bars)] = {part: table.names for part, table in zip(PARTS, parts, strict=True)}
        arrays |= {f"{part}_{n_bars}": table.values for part, table in zip(PARTS, parts, strict=True)}
    if index is not None:
        about["copying"] = index.n
        arrays["ngrams"] = index.hashes
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]  # as in pack.py
    replace_file(path, buffer.getvalue())


def read(path: Path) -> tuple[str, Tables, CopyIndex | None]:
    """Name, tables by length, and n-grams of a written profile.

    Raises:
        DataError: missing, damaged, or written by another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if about["version"] == VERSION:
                return _parts(about, {name: file[name] for name in file.files})
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: cannot be read as a profile ({error}). Make one with `aurl profile DIR -o FILE`."
        ) from None
    raise DataError(
        f"{path}: a profile of version {about['version']}; this aurl reads {VERSION}. Make it again by `aurl profile`."
    )


def _parts(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> tuple[str, Tables, CopyIndex | None]:
    tables = {int(n): _tables(int(n), names, arrays) for n, names in about["lengths"].items()}
    if not tables:
        raise ValueError("no lengths")
    index = CopyIndex(arrays["ngrams"].astype(np.uint64), int(about["copying"])) if "copying" in about else None
    return str(about["name"]), tables, index


def _tables(
    n_bars: int, names: Mapping[str, list[str]], arrays: Mapping[str, NDArray[Any]]
) -> tuple[Table, Table, Table]:
    made = []
    for part in PARTS:
        values = arrays[f"{part}_{n_bars}"].astype(np.float32)
        if values.ndim != 2 or values.shape[1] != len(names[part]):
            raise ValueError(f"{part} of {n_bars} bars: {values.shape} for {len(names[part])} measures")
        made.append(Table(tuple(names[part]), values))
    real, null, held_out = made
    return real, null, held_out
