"""All runs of the directory as they stand, and what has changed since a moment ago."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from aurl.dashboard.live.rows import Row, add_progress, readable_config, row_of
from aurl.dashboard.live.tree import RunTree
from aurl.library.differing import telling
from aurl.runs.annotations import FILE as ANNOTATIONS
from aurl.runs.listing import STALE_SECONDS, RunSummary, read_run
from aurl.runs.settings import comparable, config_of, group_key
from aurl.show.wording import finite

RECHECK_SECONDS = 2.0
"""How often a run that says it is running is looked at again, though its file has not changed."""

Stamp: TypeAlias = "tuple[_Stamp | None, _Stamp | None]"
_Stamp: TypeAlias = tuple[int, int, int]
MOST_TELLING = 8
STATISTICS = ("last", "best", "min", "max", "mean")
ENDED_AT_ONCE = 256
"""Runs that have ended are looked at by turns when there are more, so that a look stays short."""
_READ_BY_NAME = ("run.json", "config.json", ".hydra", ".hydra/config.yaml", "events", "logs", "samples")


@dataclass(slots=True)
class RunEntry:
    """One run as it was last seen.

    Attributes:
        path: its directory.
        row: what the table shows, see `rows.row_of`.
        config: flat.
        stamp: by which a changed `run.json` or `annotations.json` is told.
        checked: when it was looked at, seconds since 1970.
        marks: the part of `run.json` that names the latest and the best checkpoint.
        summary: statistics by scalar name.
        blocked: its files are not read, for they lead out of the directory, or nothing could be done with them.
    """

    path: Path
    row: Row
    config: dict[str, Any]
    stamp: Stamp
    checked: float
    marks: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    blocked: bool = False


@dataclass(slots=True)
class Changes:
    """Keys of runs that are new or changed; keys and folders of those that are gone; whether the columns are others."""

    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    gone: list[Path] = field(default_factory=list)
    columns: bool = False

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed or self.columns)


class Catalog:
    """The runs under a directory, brought up to date by `look`, which one thread calls.

    Attributes:
        root: the directory, links resolved; it may come later.
        version: goes up with every change.
    """

    def __init__(self, root: Path, stale_after: float = STALE_SECONDS) -> None:
        self._tree = RunTree(root)
        self.root = self._tree.root
        self.version = 0
        self.lock = threading.RLock()
        self._stale_after = stale_after
        self._entries: dict[str, RunEntry] = {}
        self._paths: dict[str, str] = {}
        self._values: dict[str, Counter[str]] = {}
        self._varying: list[str] = []
        self._telling: list[str] | None = []
        self._next_ended = 0
        self._asked: set[str] = set()

    @property
    def outside(self) -> int:
        """Links that lead out of the directory and are not followed."""
        return len(self._tree.outside)

    def look(self) -> Changes:
        """Find runs that came, went or changed."""
        now = time.time()
        changes = Changes()
        found = self._tree.look()
        for path in sorted(self._paths.keys() - found):
            changes.removed.append(self._forget(path))
            changes.gone.append(Path(path))
        for path in self._to_look_at(found):
            key = self._look_at(path, now)
            if key is not None:
                changes.changed.append(key)
        changes.columns = self._update_varying()
        if changes:
            self.version += 1
        return changes

    def ask_for(self, run: Path) -> None:
        """Have a run that was changed from here looked at with the next look, whichever turn it has."""
        self._asked.add(str(run))

    def _to_look_at(self, found: set[str]) -> list[str]:
        """New and running runs, and of those that have ended some hundreds, the others at the next looks."""
        ended = [path for path in found if self._has_ended(path)]
        if len(ended) <= ENDED_AT_ONCE:
            return list(found)
        ended.sort()
        start = self._next_ended % len(ended)
        self._next_ended = start + ENDED_AT_ONCE
        asked = found & {self._asked.pop() for _ in range(len(self._asked))}
        return [*found.difference(ended) | asked, *(ended + ended)[start : start + ENDED_AT_ONCE]]

    def _has_ended(self, path: str) -> bool:
        key = self._paths.get(path)
        return key is not None and self._entries[key].row["status"] != "running"

    def get(self, key: str) -> RunEntry | None:
        """The run of this key; None where there is none (any more)."""
        with self.lock:
            return self._entries.get(key)

    def entries(self) -> list[RunEntry]:
        """All runs, latest started first."""
        with self.lock:
            entries = list(self._entries.values())
        return sorted(entries, key=lambda entry: (-(entry.row["begun"] or 0.0), entry.row["path"]))

    def key_of(self, path: Path) -> str | None:
        """The key of the run in this directory."""
        return self._paths.get(os.path.realpath(path))

    @property
    def varying(self) -> list[str]:
        """Config keys that do not have the same value in all runs, sorted."""
        return self._varying

    @property
    def telling(self) -> list[str]:
        """Those of them that are worth a column, the most telling first."""
        if self._telling is None:
            with self.lock:
                entries = list(self._entries.values())
            wanted = set(self._varying)
            configs = [{key: value for key, value in each.config.items() if key in wanted} for each in entries]
            self._telling = telling(configs, MOST_TELLING)
        return self._telling

    @property
    def keys(self) -> list[str]:
        """All config keys but bookkeeping, sorted."""
        return sorted(key for key, counter in self._values.items() if counter)

    @property
    def metrics(self) -> list[str]:
        """The scalars that any run has in its summary, sorted."""
        return sorted({name for entry in self.entries() for name in entry.summary})

    def row(self, entry: RunEntry, keys: Sequence[str] = (), metrics: Sequence[str] = ()) -> Row:
        """The run's row with its values of the varying keys.

        Args:
            keys: further config keys.
            metrics: scalars whose statistics are wanted too.
        """
        config = {key: entry.config[key] for key in [*self._varying, *keys] if key in entry.config}
        row = entry.row | {"config": config}
        if metrics:
            row["metrics"] = {name: _statistics(entry.summary[name]) for name in metrics if name in entry.summary}
        return row

    def _look_at(self, path: str, now: float) -> str | None:
        """The run's key where its row has to be shown anew, else None."""
        key = self._paths.get(path)
        entry = self._entries[key] if key is not None else None
        stamp = _stamp(f"{path}/run.json"), _stamp(f"{path}/{ANNOTATIONS}")
        if entry is not None and entry.stamp == stamp:
            due = entry.row["status"] == "running" and now - entry.checked >= RECHECK_SECONDS
            if not due:
                return None
        try:
            return self._remember(path, self._read(Path(path), entry, stamp, now))
        except RecursionError:
            return self._remember(path, self._unreadable(Path(path), "run.json: nested too deeply", stamp, now))

    def _read(self, folder: Path, before: RunEntry | None, stamp: Stamp, now: float) -> RunEntry:
        if leading := self._leads_out(str(folder)):
            return self._unreadable(folder, f"{leading} is a link that leads out of the directory", stamp, now)
        summary = read_run(folder, now=now, stale_after=self._stale_after)
        if before is not None and before.config:
            config, group = before.config, before.row["group"]
        else:
            config = readable_config(summary)
            group = group_key(config_of(folder, summary.document)) if config else None
        row = row_of(summary, self.root, config, group)
        if summary.status == "running":
            add_progress(row, folder, now)
        marks = {"checkpoints": summary.document.get("checkpoints")}
        return RunEntry(folder, row, config, stamp, now, marks, summary.summary)

    def _unreadable(self, folder: Path, why: str, stamp: Stamp, now: float) -> RunEntry:
        row = row_of(RunSummary(folder, "unreadable", why), self.root, {})
        return RunEntry(folder, row, {}, stamp, now, blocked=True)

    def _leads_out(self, path: str) -> str | None:
        for name in _READ_BY_NAME:
            file = f"{path}/{name}"
            if os.path.islink(file) and not self._tree.holds(file):  # noqa: PTH114  - a Path for each costs more than the look
                return name
        return None

    def _remember(self, path: str, entry: RunEntry) -> str:
        key: str = entry.row["key"]
        with self.lock:
            before = self._entries.get(key)
            if before is None or before.config is not entry.config:
                if before is not None:
                    self._count(before.config, -1)
                self._count(entry.config, +1)
            self._entries[key] = entry
            self._paths[path] = key
        return key

    def _forget(self, path: str) -> str:
        with self.lock:
            key = self._paths.pop(path)
            self._count(self._entries.pop(key).config, -1)
        return key

    def _count(self, config: Mapping[str, Any], change: int) -> None:
        self._telling = None
        for key, value in comparable(config).items():
            counter = self._values.setdefault(key, Counter())
            told = repr(value)
            counter[told] += change
            if not counter[told]:
                del counter[told]

    def _update_varying(self) -> bool:
        with_config = sum(1 for entry in self._entries.values() if entry.config)
        varying = sorted(
            key
            for key, counter in self._values.items()
            if len(counter) > 1 or (len(counter) == 1 and counter.total() < with_config)
        )
        if varying == self._varying:
            return False
        self._varying = varying
        return True


def _statistics(told: Any) -> dict[str, float | None]:
    return {name: finite(told.get(name)) for name in STATISTICS} if isinstance(told, Mapping) else {}


def _stamp(path: str) -> _Stamp | None:
    try:
        status = os.stat(path)  # noqa: PTH116  - a Path for each of 1,000 runs costs more than the look
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
