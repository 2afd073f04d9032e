"""Gets the logs of the index: from GitHub, or from copies of the repositories that are at hand."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from benchmarks.field.corpus import Entry


def collect(entries: Iterable[Entry], folder: Path, mirror: Path | None) -> Iterator[str]:
    """Write each log that is not there yet into the folder; a sentence for each that cannot be had.

    Args:
        mirror: a folder that has `OWNER+NAME/repo`, a git directory, for some of the repositories.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sorted((entry for entry in entries if not (folder / entry.file).exists()), key=lambda entry: entry.repo)
    for repo, ours in groupby(wanted, key=lambda entry: entry.repo):
        with tempfile.TemporaryDirectory() as scratch:
            directory = _at_hand(repo, mirror)
            for entry in ours:
                contents = _blob(directory, entry) if directory else None
                if contents is None:
                    contents = _blob(_fetched(entry, Path(scratch)), entry)
                if contents is None:
                    yield f"{entry.id}: {entry.repo} no longer has {entry.path} of commit {entry.commit[:10]}"
                else:
                    (folder / entry.file).write_bytes(contents)


def _at_hand(repo: str, mirror: Path | None) -> Path | None:
    if mirror is None:
        return None
    root = mirror / repo.replace("/", "+", 1) / "repo"
    return next((path for path in (root / ".git", root) if (path / "HEAD").exists()), None)


def _fetched(entry: Entry, scratch: Path) -> Path:
    """A git directory with the trees of that commit; contents come as they are asked for."""
    if not (scratch / "HEAD").exists():
        subprocess.run(["git", "init", "--quiet", "--bare", str(scratch)], check=True)
        _git(scratch, "remote", "add", "origin", f"https://github.com/{entry.repo}")
        _git(scratch, "config", "remote.origin.promisor", "true")
    _git(scratch, "fetch", "--quiet", "--depth=1", "--filter=blob:none", "origin", entry.commit)
    return scratch


def _blob(directory: Path, entry: Entry) -> bytes | None:
    done = _git(directory, "cat-file", "blob", entry.blob)
    return done.stdout if done.returncode == 0 else None


def _git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "--git-dir", str(directory), *arguments], capture_output=True, check=False)
