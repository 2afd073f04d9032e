"""Many pieces in one small `.npz` file: the columns of all notes end to end, and where each piece starts.

Onsets are stored as differences, and every column in the narrowest type that holds it, which is what makes the file
small: chorales take about one byte a note.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.errors import DataError
from aurl.machine.files import replace_file
from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.music.score import Instrument, Metre, Tempo

PLAIN, VERSION = 1, 2
"""Version 1 is written where all pieces are one track of one metre and tempo, on a grid of 12."""


def write_pack(path: Path, pieces: Sequence[Notes], **columns: ArrayLike) -> None:
    """Write P pieces, and further columns of length P, replacing `path` in one step; equal input gives equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    rich = any(map(_is_rich, pieces))
    arrays: dict[str, ArrayLike] = {
        "version": VERSION if rich else PLAIN,
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
    if rich:
        voices = [piece.track if piece.track is not None else np.zeros(len(piece), np.int32) for piece in pieces]
        arrays |= {"track": _narrow(_joined(voices)), "about": np.array([_about(piece) for piece in pieces], str)}
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
            columns = {name: file[name] for name in file.files} if version in (PLAIN, VERSION) else {}
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as packed pieces ({error}).") from None
    if version not in (PLAIN, VERSION):
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
    about = columns.get("about")
    for number, (start, end, bar, tempo, name) in enumerate(rows):
        origin = onset[start - 1] if start else 0
        on = (onset[start:end] - origin).astype(np.int32)
        piece = Notes(on, duration[start:end], pitch[start:end], velocity[start:end], int(bar), float(tempo), str(name))
        yield piece if about is None else _told(piece, str(about[number]), columns["track"][start:end])


def _is_rich(piece: Notes) -> bool:
    return piece.resolution != TICKS_PER_BEAT or piece.track is not None or bool(piece.metres or piece.tempos)


def _about(piece: Notes) -> str:
    """What stands beside the columns of a piece, as JSON."""
    tracks = None if piece.track is None else piece.tracks
    return json.dumps([piece.resolution, piece.metres, piece.tempos, tracks])


def _told(piece: Notes, about: str, track: NDArray[Any]) -> Notes:
    resolution, metres, tempos, tracks = json.loads(about)
    return replace(
        piece,
        resolution=resolution,
        metres=tuple(Metre(*metre) for metre in metres),
        tempos=tuple(Tempo(*tempo) for tempo in tempos),
        track=None if tracks is None else track.astype(np.int32),
        tracks=tuple(Instrument(*one) for one in tracks or ()),
    )


def _joined(columns: Iterable[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate([np.empty(0, np.int32), *columns])


def _narrow(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values, np.int64)
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))
