"""Which runs a person means by the paths of a command."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from aurl.errors import RunError
from aurl.runs.listing import RunSummary, find_runs, is_run, read_run


def find(paths: Sequence[str | Path]) -> tuple[list[RunSummary], list[str]]:
    """The runs at or under these paths, each once, by path; and what could not be found, in sentences.

    Args:
        paths: run directories (or their `run.json`), folders that hold runs at any depth, and glob patterns.

    Raises:
        RunError: none of the paths leads to a run.
    """
    runs: dict[Path, RunSummary] = {}
    warnings: list[str] = []
    for path in paths:
        found, trouble = _at(path)
        runs |= {run.path.resolve(): run for run in found}
        warnings += trouble
    if not runs:
        raise RunError(
            f"{', '.join(map(str, paths))}: no run there. {' '.join(warnings)} Give run directories, folders that "
            "hold them such as outputs, or patterns"
        )
    return sorted(runs.values(), key=lambda run: str(run.path)), warnings


def unique_ids(runs: Iterable[RunSummary]) -> list[str]:
    """An id for each run: its own, or, where several have the same, as much of their paths as tells them apart."""
    known = list(runs)
    own = [run.id for run in known]
    counts = Counter(own)
    return [name if counts[name] == 1 else _apart(run, known) for name, run in zip(own, known, strict=True)]


def _apart(run: RunSummary, known: Sequence[RunSummary]) -> str:
    same = [other.path.parts for other in known if other.id == run.id]
    for count in range(2, len(run.path.parts)):
        tail = run.path.parts[-count:]
        if sum(parts[-count:] == tail for parts in same) == 1:
            return "/".join(tail)
    return str(run.path)


def _at(path: str | Path) -> tuple[list[RunSummary], list[str]]:
    place = Path(path).expanduser()
    if place.exists():
        return _in(place)
    matches = [Path(match) for match in sorted(glob.glob(str(place), recursive=True))]  # noqa: PTH207  absolute patterns
    if not matches:
        return [], [f"{path}: no such folder."]
    results = [_in(match) for match in matches]
    found = [run for runs, _ in results for run in runs]
    return found, [] if found else [f"{path}: matches {len(matches)} files or folders, but no run."]


def _in(place: Path) -> tuple[list[RunSummary], list[str]]:
    if place.name == "run.json" and place.is_file():
        return [read_run(place.parent)], []
    if not place.is_dir():
        return [], [f"{place}: is a file; give the run's directory."]
    if is_run(place):
        return [read_run(place)], []
    found = find_runs(place)
    return found, [] if found else [f"{place}: holds no run."]
