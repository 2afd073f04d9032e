"""Reads what Weights & Biases wrote on disk, `run-<id>.wandb`: the package itself ships no reader in Python.

The file is a LevelDB log (https://github.com/google/leveldb/blob/main/doc/log_format.md) of protobuf records after
seven bytes of its own: blocks of 32 KiB, in them fragments of a checksum, a length, a type and the data.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

_BLOCK = 32_768
_HEADER = struct.Struct("<IHB")  # checksum, length, type
_MAGIC = b":W&B"
_FILE_HEADER = 7
_FULL, _FIRST, _LAST = 1, 2, 4


def records(path: Path) -> Iterator[Any]:
    """The protobuf records (`wandb.proto.wandb_internal_pb2.Record`) of a file, of a live or killed run too.

    Raises:
        ValueError: this is no such file.
        ImportError: the package wandb is missing.
    """
    with path.open("rb") as file:
        if not file.read(_FILE_HEADER).startswith(_MAGIC):
            raise ValueError(f"{path}: not a file of Weights & Biases")
        yield from _parsed(file)


def last_rows(path: Path) -> list[dict[str, Any]]:
    """The values of the last history rows, read from the end of the file; empty where it has none."""
    with path.open("rb") as file:
        blocks = file.seek(0, 2) // _BLOCK
        reach = 2
        while True:
            first = max(0, blocks + 1 - reach)
            file.seek(first * _BLOCK or _FILE_HEADER)
            found = [row(record.history) for record in _parsed(file) if record.WhichOneof("record_type") == "history"]
            if found or first == 0:
                return found
            reach *= 4


def row(history: Any) -> dict[str, Any]:
    """The values of a history record by name, those of media as nested dicts."""
    values: dict[str, Any] = {}
    for item in history.item:
        *path, name = list(item.nested_key) or [item.key]
        place = values
        for key in path:
            place = place.setdefault(key, {})
        place[name] = json.loads(item.value_json)
    return values


def _parsed(file: BinaryIO) -> Iterator[Any]:
    # Loaded by name: neither package has types for these.
    message = import_module("wandb.proto.wandb_internal_pb2").Record
    error = import_module("google.protobuf.message").DecodeError
    for data in _chunks(file):
        record = message()
        try:
            record.ParseFromString(data)
        except error:  # the torn end of a killed run
            return
        yield record


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The data of each record, its fragments put together; ends where the file is torn or filled up with zeros."""
    parts: list[bytes] = []
    while True:
        place = file.tell()
        left = _BLOCK - place % _BLOCK
        if left < _HEADER.size:
            file.seek(place + left)
            continue
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return
        _, length, kind = _HEADER.unpack(head)
        data = file.read(length)
        if kind == 0 or len(data) < length:
            return
        if kind in (_FULL, _FIRST):
            parts = [data]
        elif parts:  # else we came in in the middle of a record
            parts.append(data)
        if kind in (_FULL, _LAST) and parts:
            yield b"".join(parts)
            parts = []
