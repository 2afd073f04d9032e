"""Finds runs under a directory and reads how they go, from their `run.json` and a person's annotations alone."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from aurl.errors import RunError
from aurl.machine import process
from aurl.machine.untrusted import json_document, json_mapping, whole_number
from aurl.runs.annotations import NONE, Annotations, read_annotations

STALE_SECONDS = 120.0  # a heartbeat comes every 3 s; network disks and clocks of other hosts lag behind
STATUSES = ("running", "done", "failed", "stopped", "preempted", "crashed", "unreadable")
_MAX_DEPTH = 12
_SHAPES: Mapping[str, type] = {
    **dict.fromkeys(("tags", "resumes", "argv"), list),
    **dict.fromkeys(("summary", "alerts", "config", "git", "process", "imported"), dict),
    **dict.fromkeys(("host", "message"), str),
    "samples": int,
}
_MAPPINGS_INSIDE = {"summary", "resumes"}
_MAX_FOLDERS = 200_000


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run as its `run.json` tells it.

    Attributes:
        path: the run's directory.
        status: one of `STATUSES`; `crashed` says "running" but its process is gone, `unreadable` has no valid
            `run.json`.
        error: why an unreadable run is unreadable, else empty.
        started, ended, updated: seconds since the epoch; None where not known, or not yet.
        begun: when it was last started or resumed.
        summary: statistics by scalar name, see `aurl.runs.summary.ScalarSummary`.
        document: all of `run.json`.
        own: a person's words about it.
    """

    path: Path
    status: str
    error: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    own: Annotations = NONE

    @property
    def id(self) -> str:
        return str(self.document.get("id") or self.path.name)

    @property
    def name(self) -> str:
        """What the run is called: by a person, else by its training."""
        return self.own.name or self.given_name

    @property
    def given_name(self) -> str:
        """What its training calls the run, by which a resume finds it."""
        return str(self.document.get("name") or self.path.name)

    @property
    def given_tags(self) -> list[str]:
        found = self.document.get("tags")
        return [str(tag) for tag in found] if isinstance(found, list) else []

    @property
    def tags(self) -> list[str]:
        return self.own.tags_of(self.given_tags)

    @property
    def step(self) -> int:
        return whole_number(self.document.get("step"))

    @property
    def started(self) -> float | None:
        return _number(self.document.get("started"))

    @property
    def ended(self) -> float | None:
        return _number(self.document.get("ended"))

    @property
    def updated(self) -> float | None:
        return _number(self.document.get("updated"))

    @property
    def begun(self) -> float:
        resumes = self.document.get("resumes")
        entries = resumes if isinstance(resumes, list) else ()
        times = [_number(entry.get("time")) for entry in entries if isinstance(entry, Mapping)]
        return max([self.started or 0.0, *(moment for moment in times if moment is not None)])

    @property
    def summary(self) -> Mapping[str, Mapping[str, Any]]:
        found = self.document.get("summary")
        return found if isinstance(found, Mapping) else {}

    def duration(self, now: float) -> float | None:
        """Seconds from the start to the end, or to now while it runs, or to the last sign of life."""
        until = self.ended if self.ended is not None else now if self.status == "running" else self.updated
        return None if self.started is None or until is None else max(0.0, until - self.started)


def find_runs(root: Path, *, stale_after: float = STALE_SECONDS) -> list[RunSummary]:
    """All runs under a directory, or the one that it is, latest started first.

    A folder with a `run.json` is a run; its own folders are not searched, nor hidden ones. Links to folders are
    followed, each real folder being read once.

    Args:
        stale_after: seconds without a heartbeat after which a run on another host counts as crashed.

    Raises:
        RunError: there is no such directory, or it cannot be read.
    """
    if not root.is_dir():
        raise RunError(f"{root}: no such directory; give the folder that holds runs, such as outputs")
    now = time.time()
    runs = [read_run(folder, now=now, stale_after=stale_after) for folder in _run_folders(root)]
    return sorted(runs, key=lambda run: (-run.begun, str(run.path)))


def document_of(run_json: Path) -> dict[str, Any]:
    """The content of a `run.json`; keys of a wrong type left out; empty where it is missing or broken."""
    return _well_formed(json_mapping(run_json))


def read_run(folder: Path, *, now: float | None = None, stale_after: float = STALE_SECONDS) -> RunSummary:
    """The run in this directory; one whose `run.json` is missing or broken comes back as `unreadable`."""
    own = read_annotations(folder)
    try:
        document = json_document(folder / "run.json")
    except OSError as error:
        return RunSummary(folder, "unreadable", f"run.json: {error.strerror}", own=own)
    except ValueError as error:
        return RunSummary(folder, "unreadable", f"run.json: not valid JSON ({error})", own=own)
    if not isinstance(document, dict) or not isinstance(document.get("status"), str):
        return RunSummary(folder, "unreadable", "run.json: has no status", own=own)
    document, status = _well_formed(document), document["status"]
    if status == "running" and _has_crashed(document, time.time() if now is None else now, stale_after):
        status = "crashed"
    return RunSummary(folder, status, document=document, own=own)


def latest_run(root: Path, name: str | None = None) -> RunSummary | None:
    """The run that was started or resumed last, of this name if one is given; None where there is none."""
    runs = [run for run in find_runs(root) if run.status != "unreadable" and name in (None, run.given_name)]
    return runs[0] if runs else None


def resolve_run(spec: str | Path, root: Path) -> Path:
    """The run directory that a person means.

    Args:
        spec: a run directory (or its `run.json`), as it is or under `root`; a run id; or `latest`.
        root: where ids and `latest` are looked up.

    Raises:
        RunError: there is no such run, or several have this id; the message names what is near.
    """
    for folder in (Path(spec).expanduser(), root / spec):
        if folder.name == "run.json" and folder.is_file():
            return folder.parent
        if is_run(folder):
            return folder
    if str(spec) == "latest":
        latest = latest_run(root) if root.is_dir() else None
        if latest is None:
            raise RunError(f"latest: there is no run under {root}; start one, or name another folder")
        return latest.path
    runs = find_runs(root) if root.is_dir() else []
    found = [run.path for run in runs if str(spec) in (run.id, run.path.name)]
    if len(found) > 1:
        raise RunError(f"{spec}: {len(found)} runs have this id, give the path: {', '.join(map(str, sorted(found)))}")
    if not found:
        raise RunError(f"{spec}: no such run under {root}.{_near(str(spec), runs)}")
    return found[0]


def is_run(folder: Path) -> bool:
    """Whether this is a run's directory, also of one that was killed before it wrote its `run.json`."""
    return (folder / "run.json").is_file() or (folder / "events" / "records.jsonl").is_file()


def _well_formed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Without the keys whose value is of another type than aurl ever writes, so that readers may rely on it."""
    kept: dict[str, Any] = {
        key: value for key, value in document.items() if isinstance(value, _SHAPES.get(key, object))
    }
    for key in _MAPPINGS_INSIDE & kept.keys():
        entries = kept[key]
        if isinstance(entries, list):
            kept[key] = [entry for entry in entries if isinstance(entry, Mapping)]
        else:
            kept[key] = {name: entry for name, entry in entries.items() if isinstance(entry, Mapping)}
    return kept


def _near(spec: str, runs: list[RunSummary]) -> str:
    if not runs:
        return " There are no runs; start one with `python train.py`"
    paths = {word: run.path for run in reversed(runs) for word in (run.name, run.path.name, str(run.path), run.id)}
    close = list(dict.fromkeys(str(paths[word]) for word in get_close_matches(spec, paths, n=3, cutoff=0.5)))
    if close:
        return f" Nearest: {', '.join(close)}"
    return f" Give a path, a run id, or latest ({runs[0].path})"


def _has_crashed(document: Mapping[str, Any], now: float, stale_after: float) -> bool:
    known = document.get("process")
    if document.get("host") == platform.node() and isinstance(known, Mapping):
        alive = process.is_alive(known)
        if alive is not None:
            return not alive
    return now - (_number(document.get("updated")) or 0.0) > stale_after


def _run_folders(root: Path) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    links: list[tuple[Path, int]] = []
    waiting = [(root, 0)]
    while (waiting or links) and len(seen) < _MAX_FOLDERS:
        # Real folders first, so that a run is listed under its own path and not under a link to it.
        folder, depth = waiting.pop() if waiting else links.pop()
        try:
            status = folder.stat()
            holds_run, real, linked = _look_into(folder)
        except OSError as error:
            if folder == root:
                raise RunError(f"{root}: cannot be read ({error.strerror}); check its permissions") from error
            continue  # somebody else's folder, or one that was removed meanwhile
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        if holds_run:
            yield folder
        elif depth < _MAX_DEPTH:
            waiting += [(below, depth + 1) for below in real]
            links += [(below, depth + 1) for below in linked]


def _look_into(folder: Path) -> tuple[bool, list[Path], list[Path]]:
    """Whether the folder holds a `run.json`; its visible folders; its links, which may lead to folders."""
    real: list[Path] = []
    linked: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "run.json":
                return True, [], []
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                linked.append(Path(entry.path))
            elif entry.is_dir():
                real.append(Path(entry.path))
    return False, real, linked


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
