"""Which event files under a folder are one run: TensorBoard's writers put some of a run's values in subfolders."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from aurl.anomaly.statistics.roles import words
from aurl.lint.readers.columns import HELD_OUT
from aurl.lint.readers.tfevents_log import EventFile, TfeventsLog, named

_SPLITS = HELD_OUT | {"train", "training"}
_LOOKED_AT = 20  # rows that show whether a subfolder is one of `add_scalars`


def event_files(folder: Path) -> list[EventFile]:
    """The event files of the run in this folder; none if there is no run, or several beside each other.

    One run are the files right in it, those of `train/` and `validation/` (Keras), and those of the folders that
    `SummaryWriter.add_scalars` makes, `Loss_val/` for `{"val": ...}` of tag `Loss`.
    """
    own = [EventFile(path) for path in _events_in(folder)]
    below = {sub: _events_in(sub) for sub in _subfolders(folder)}
    joined = [
        EventFile(path, sub.name)
        for sub, paths in below.items()
        for path in paths
        if _is_split(sub) or (own and _is_of_add_scalars(sub, path))
    ]
    return own + joined


def event_log(path: Path, files: list[EventFile]) -> TfeventsLog:
    """The log of these files, which lie in or under `path`."""
    return TfeventsLog(path, files, f"{len(files)} event file{'s' * (len(files) > 1)}")


def _is_split(folder: Path) -> bool:
    return not _SPLITS.isdisjoint(words(folder.name)) and len(words(folder.name)) == 1


def _is_of_add_scalars(folder: Path, path: Path) -> bool:
    first = islice(TfeventsLog(path, [EventFile(path)], "").rows(_ignore), _LOOKED_AT)
    tags = {tag for row in first for tag in row.values}
    return bool(tags) and all(named(tag, folder.name) != f"{folder.name}/{tag}" for tag in tags)


def _events_in(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if "tfevents" in path.name and path.is_file()]


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.is_dir()]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except PermissionError:
        return []  # as `os.walk` does


def _ignore(_line: int, _reason: str) -> None:
    """A damaged file is told of when it is read as a log."""
