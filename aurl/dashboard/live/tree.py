"""Which folders under a directory are runs, found again and again at the cost of a few stats."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

MAX_DEPTH, MAX_FOLDERS = 12, 200_000
_UNSETTLED_NS = 2_000_000_000  # a folder changed so lately may change again without its time telling
_FULL_LOOK_SECONDS = 60.0


@dataclass(slots=True)
class _Folder:
    depth: int
    mtime_ns: int
    settled: bool
    runs: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)


class RunTree:
    """Follows a directory that may not be there yet.

    A folder with a `run.json`, or with `events/records.jsonl`, is a run; what lies inside it is not searched, nor are
    hidden folders. Links are followed as long as they stay inside the directory.

    Attributes:
        root: the directory served, with links resolved.
        outside: links that were not followed because they lead out of the directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.outside: set[str] = set()
        self._folders: dict[str, _Folder] = {}
        self._inodes: dict[tuple[int, int], str] = {}
        self._next_full_look = 0.0

    def look(self) -> set[str]:
        """The paths of all runs at this moment; folders that have not changed are not read again."""
        now = time.monotonic()
        if now >= self._next_full_look:  # network disks may keep a folder's time back
            self._folders.clear()
            self._next_full_look = now + _FULL_LOOK_SECONDS
        self._inodes.clear()
        found: set[str] = set()
        reached: set[str] = set()
        waiting = [(str(self.root), 0)]
        while waiting and len(reached) < MAX_FOLDERS:
            path, depth = waiting.pop()
            folder = self._folder(path, depth)
            if folder is None:
                continue
            reached.add(path)
            found.update(folder.runs)
            if depth < MAX_DEPTH:
                waiting += [(below, depth + 1) for below in folder.below]
        for gone in self._folders.keys() - reached:
            del self._folders[gone]
        return found

    def _folder(self, path: str, depth: int) -> _Folder | None:
        try:
            status = os.stat(path)  # noqa: PTH116  - a Path for each folder costs more than the look
        except OSError:
            return None
        if self._inodes.setdefault((status.st_dev, status.st_ino), path) != path:
            return None  # reached before under another name
        known = self._folders.get(path)
        if known is not None and known.settled and known.mtime_ns == status.st_mtime_ns:
            return known
        settled = time.time_ns() - status.st_mtime_ns > _UNSETTLED_NS
        folder = _Folder(depth, status.st_mtime_ns, settled)
        try:
            self._read(path, folder)
        except OSError:
            return None
        self._folders[path] = folder
        return folder

    def _read(self, path: str, folder: _Folder) -> None:
        if _is_run(path):
            folder.runs.append(path)
            return
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: (entry.is_symlink(), entry.name)):
                if entry.name.startswith(".") or not entry.is_dir():
                    continue
                if entry.is_symlink() and not self.holds(entry.path):
                    self.outside.add(entry.path)
                    continue
                target = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                if _is_run(target):
                    if target not in folder.runs:
                        folder.runs.append(target)
                else:
                    folder.below.append(target)

    def holds(self, link: str) -> bool:
        """Whether a link leads to something within the directory."""
        return Path(os.path.realpath(link)).is_relative_to(self.root)


def _is_run(path: str) -> bool:
    return os.path.isfile(f"{path}/run.json") or os.path.isfile(f"{path}/events/records.jsonl")  # noqa: PTH113  - as above
