"""What Weights & Biases keeps as files of a run: checkpoints with their lineage, the corpus, the uncommitted code."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aurl.record import Json, Record
from aurl.runs.rundir import RunDirectory

if TYPE_CHECKING:
    import wandb

Policy = Literal["end", "best", "all", "none"]
_DESCRIBED = ("corpus", "fingerprint", "tokenizer", "vocab_size", "pieces", "notes", "windows", "tokens")


class Checkpoints:
    """Makes versions of one artifact, `<run id>-checkpoint`, of the run's checkpoints.

    Args:
        policy: `end` waits and takes those that are there at the end; `best` takes each that is the best so far as it
            comes, `all` takes each, `none` takes none. What is taken while the run goes on is linked (copied where the
            disk cannot link), since the run deletes old checkpoints, and an offline run is sent much later.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._known: dict[str, Record] = {}
        self._best: str | None = None
        self._latest: str | None = None

    def take(self, directory: RunDirectory, record: Record) -> Callable[[wandb.Run], None] | None:
        """Look at a CHECKPOINT record, and link its files at once, before the run deletes them.

        Returns:
            What makes the artifact, which may wait for a server; None where the policy wants none now.
        """
        path = record.fields.get("path")
        if not isinstance(path, str):
            return None
        is_best = bool(record.fields.get("best"))
        self._known[path] = record
        self._latest = path
        self._best = path if is_best else self._best
        if self._policy == "all" or (self._policy == "best" and is_best):
            kept = _linked(directory.path / path, directory.events / "wandb" / "checkpoints")
            aliases = ["latest", *(["best"] if is_best else [])]
            return lambda run: self._write(run, kept, record, aliases)
        return None

    def finish(self, run: wandb.Run, directory: RunDirectory) -> None:
        """Under `end`: a version for the best one and a version for the latest one, or one that is both."""
        if self._policy != "end":
            return
        wanted: dict[str, list[str]] = {}
        for alias, path in (("best", self._best), ("latest", self._latest)):
            if path is not None and (directory.path / path).is_dir():
                wanted.setdefault(path, []).append(alias)
        for path, aliases in wanted.items():
            self._write(run, directory.path / path, self._known[path], aliases)

    def _write(self, run: wandb.Run, folder: Path, record: Record, aliases: list[str]) -> None:
        import wandb

        if not folder.is_dir():  # deleted by the run since it was announced
            return
        about = {key: record.fields.get(key) for key in ("reason", "metric", "value", "path")}
        artifact = wandb.Artifact(f"{run.id}-checkpoint", "model", metadata={"step": record.step, **about})
        artifact.add_dir(str(folder), policy="immutable", skip_cache=True)
        run.log_artifact(artifact, aliases=[*aliases, f"step-{record.step}"])


def log_corpus(run: wandb.Run, fields: Mapping[str, Json]) -> None:
    """The corpus as an artifact that the run used: by its fingerprint, without its files."""
    import wandb

    about = {key: fields[key] for key in _DESCRIBED if isinstance(fields.get(key), (str, int, float))}
    name = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in str(about.get("corpus", "corpus")))
    artifact = wandb.Artifact(f"corpus-{name}"[:128], "dataset", metadata=about)
    with artifact.new_file("corpus.json", mode="w") as file:
        json.dump(about, file, indent=2)
    # What `use_artifact` does for a new artifact, but for waiting for the server, which it refuses to do offline.
    run._log_artifact(artifact, is_user_created=True, use_after_commit=True)


def save_diff(run: wandb.Run, directory: RunDirectory) -> None:
    """The uncommitted code, as the run stored it with its secrets masked: the file `diff.patch` of the run."""
    source = directory.path / "git.diff"
    if source.is_file():
        target = Path(run.dir) / "diff.patch"
        shutil.copyfile(source, target)
        run.save(str(target), base_path=run.dir, policy="now")


def _linked(folder: Path, store: Path) -> Path:
    """The folder's files under another name, as they are now."""
    target = store / folder.name
    if folder.is_dir() and not target.exists():
        shutil.copytree(folder, target, copy_function=_link)
    return target


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
