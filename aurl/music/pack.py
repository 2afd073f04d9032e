"""Many pieces in one small `.npz` file: the columns of all notes end to end, and where each piece starts.

Onsets are stored as differences, and every column in the narrowest type that holds it, which is what makes the file
small: chorales take about one byte a note.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.errors import DataError
from aurl.machine.files import replace_file
from aurl.music.notes import Notes

VERSION = 1


def write_pack(path: Path, pieces: Sequence[Notes], **columns: ArrayLike) -> None:
    """Write P pieces, and further columns of length P, replacing `path` in one step; equal input gives equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    arrays: dict[str, ArrayLike] = {
        "version": VERSION,
        "count": _narrow([len(piece) for piece in pieces]),
        "onset": _narrow(_joined(np.diff(piece.onset, prepend=0) for piece in pieces)),
        "duration": _narrow(_joined(piece.duration for piece in pieces)),
        "pitch": _narrow(_joined(piece.pitch for piece in pieces)),
        "velocity": _narrow(_joined(piece.velocity for piece in pieces)),
        "bar": _narrow([piece.bar for piece in pieces]),
        "tempo": np.array([piece.tempo for piece in pieces], float),
        "name": np.array([piece.name for piece in pieces], str),
        **columns,
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # the stub takes the keywords for allow_pickle
    replace_file(path, buffer.getvalue())


def read_pack(path: Path) -> tuple[tuple[Notes, ...], dict[str, NDArray[Any]]]:
    """The pieces of a file and all its columns by name.

    Raises:
        DataError: missing, damaged, or written by another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            version = int(file["version"])
            columns = {name: file[name] for name in file.files} if version == VERSION else {}
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as packed pieces ({error}).") from None
    if version != VERSION:
        raise DataError(f"{path}: packed by version {version} of the format; this aurl reads version {VERSION}.")
    try:
        return tuple(_pieces(columns)), columns
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{path}: its columns do not fit together ({error}).") from None


def _pieces(columns: dict[str, NDArray[Any]]) -> Iterable[Notes]:
    ends = np.cumsum(columns["count"], dtype=np.int64)
    starts = ends - columns["count"]
    total = int(ends[-1]) if len(ends) else 0
    onset = np.cumsum(columns["onset"], dtype=np.int64)
    duration, pitch, velocity = (columns[name].astype(np.int32) for name in ("duration", "pitch", "velocity"))
    if any(len(column) != total for column in (onset, duration, pitch, velocity)):
        raise ValueError(f"{total} notes announced")
    rows = zip(starts, ends, columns["bar"], columns["tempo"], columns["name"], strict=True)
    for start, end, bar, tempo, name in rows:
        origin = onset[start - 1] if start else 0
        on = (onset[start:end] - origin).astype(np.int32)
        yield Notes(on, duration[start:end], pitch[start:end], velocity[start:end], int(bar), float(tempo), str(name))


def _joined(columns: Iterable[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate([np.empty(0, np.int32), *columns])


def _narrow(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values, np.int64)
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))
