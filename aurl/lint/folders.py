"""The logs in a folder, however deep: run directories, event folders, and files that look like training logs."""

from __future__ import annotations

import os
import re
from pathlib import Path

from aurl.lint.opening import run_of
from aurl.lint.readers.event_folders import event_files
from aurl.lint.readers.wandb_log import wandb_files

_LOGS = re.compile(
    r".*\.(csv|tsv|jsonl|ndjson|log|out)|.*(log|loss|train|stdout|output|history|console)[^.]*\.txt", re.IGNORECASE
)
_STATE = "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})


def logs_in(folder: Path) -> list[Path]:
    """The logs in a folder and below it, each once: a run directory or an event folder counts as one log.

    Of the checkpoints of transformers only the newest `trainer_state.json` is taken, for it holds the whole history.
    """
    found: list[Path] = []
    states: dict[Path, list[Path]] = {}
    for at, folders, files in os.walk(folder):
        place = Path(at)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS)
        if run_of(place) is not None:
            found.append(place)
            folders.clear()
            continue
        if wandb_files(place):
            found.append(place)
            folders.clear()
            continue
        events = event_files(place)
        if events:
            found.append(place)
            joined = {file.path.parent.name for file in events} - {place.name}
            folders[:] = [name for name in folders if name not in joined]
        for name in sorted(files):
            if name == _STATE:
                home = place.parent if _CHECKPOINT.fullmatch(place.name) else place
                states.setdefault(home, []).append(place / name)
            elif _LOGS.fullmatch(name):
                found.append(place / name)
    return sorted([*found, *(max(paths, key=_progress) for paths in states.values())])


def _progress(state: Path) -> tuple[bool, int]:
    """The state beside the checkpoints is written last; of theirs the highest number."""
    match = _CHECKPOINT.fullmatch(state.parent.name)
    return match is None, int(match[1]) if match else 0
