"""The columns of a run kept between two starts of the dashboard, outside the run directories."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from aurl.dashboard.store.columns import Column, Rows, Series
from aurl.dashboard.store.events import RunEvents
from aurl.dashboard.store.store import RunStore
from aurl.errors import RecordError
from aurl.runs.codec import decode, encode
from aurl.runs.tail import LogTail, Place

FORMAT = 1
WORTHWHILE_BYTES = 4 * 2**20
MOST_BYTES = 4 * 2**30
_AGAIN_AFTER = 1.5  # times the size at which it was last written


class StoreCache:
    """Files of columns, one for each run; a damaged one, or one of another log, counts as none.

    Args:
        folder: made where it is missing; where it cannot be written nothing is kept.
        most_bytes: of all files; the oldest go first.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._written: dict[Path, int] = {}

    def load(self, store: RunStore) -> bool:
        """Fill an empty store with what was kept of its run; returns whether there was anything of use."""
        try:
            with np.load(self._file(store.path), allow_pickle=False) as arrays:
                about = orjson.loads(arrays["about"].tobytes())
                tail = LogTail(store.path / "events", [_place(place) for place in about["places"]], trusted=False)
                if about["format"] != FORMAT or about["path"] != os.fspath(store.path) or not tail.holds():
                    return False
                rows = {kind: _rows(kind, named, arrays) for kind, named in about["series"].items()}
                events = RunEvents()
                for line in arrays["events"].tobytes().split(b"\n")[:-1]:
                    events.add(decode(line))
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, RecordError):
            return False
        events.superseded = set(about["superseded"])
        store.restore(tail, rows, events, about["first_time"], about["skipped"])
        store.parser.names.update(dict.fromkeys(about["names"]))
        self._written[store.path] = tail.bytes_read()
        return True

    def save_if_worthwhile(self, store: RunStore) -> None:
        """Keep the columns of a long run, when it has grown by half since they were kept last."""
        read = store.tail.bytes_read()
        if read < max(WORTHWHILE_BYTES, self._written.get(store.path, 0) * _AGAIN_AFTER):
            return
        with contextlib.suppress(OSError):  # a full or read-only disk: the next start reads the log again
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.save(store)
            self._prune()
        self._written[store.path] = read

    def save(self, store: RunStore) -> None:
        """Write the file of this run, complete or not at all.

        Raises:
            OSError: the disk refuses.
        """
        with store.lock:
            arrays, about = _arrays(store)
        arrays["about"] = np.frombuffer(orjson.dumps(about), np.uint8)
        target = self._file(store.path)
        partial = target.with_name(f".{target.name}.{os.getpid()}.npz")
        try:
            np.savez(partial, allow_pickle=False, **arrays)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def _file(self, run: Path) -> Path:
        return self._folder / f"{hashlib.blake2b(os.fsencode(run), digest_size=12).hexdigest()}.npz"

    def _prune(self) -> None:
        files = sorted(((file.stat().st_mtime, file) for file in self._folder.glob("*.npz")), reverse=True)
        total = 0
        for _, file in files:
            total += file.stat().st_size
            if total > self._most_bytes:
                file.unlink(missing_ok=True)


def _arrays(store: RunStore) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays: dict[str, Any] = {}
    named: dict[str, list[str]] = {}
    for kind, rows in store.rows.items():
        for part in ("step", "time", "epoch"):
            arrays[f"{kind}/{part}"] = getattr(rows, part).view()
        named[kind] = list(rows.series)
        for number, series in enumerate(rows.series.values()):
            arrays[f"{kind}/{number}/values"] = series.values.view()
            if series.rows is not None:
                arrays[f"{kind}/{number}/rows"] = series.rows.view()
    events = b"".join(encode(record) for record in store.events.records())
    arrays["events"] = np.frombuffer(events, np.uint8)
    about = {
        "format": FORMAT,
        "path": os.fspath(store.path),
        "places": [[place.inode, place.offset, place.head.hex(), place.mark.hex()] for place in store.tail.places],
        "series": named,
        "superseded": sorted(store.events.superseded),
        "first_time": store.first_time,
        "skipped": store.skipped,
        "names": list(store.parser.names),
    }
    return arrays, about


def _place(saved: list[Any]) -> Place:
    inode, offset, head, mark = saved
    return Place(inode, offset, bytes.fromhex(head), bytes.fromhex(mark))


def _rows(kind: str, names: list[str], arrays: Mapping[str, Any]) -> Rows:
    rows = Rows(
        Column(arrays[f"{kind}/step"], np.int64), Column(arrays[f"{kind}/time"]), Column(arrays[f"{kind}/epoch"])
    )
    for number, name in enumerate(names):
        where = f"{kind}/{number}/rows"
        placed = Column(arrays[where], np.int32) if where in arrays else None
        rows.series[name] = Series(name, kind, Column(arrays[f"{kind}/{number}/values"]), placed)
    return rows
