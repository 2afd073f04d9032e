"""What git knows about the code that runs. Every call is limited in time, takes no lock and asks no question."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

from aurl.machine.secrets import mask_text
from aurl.record import Json

_TIMEOUT_SECONDS = 10.0
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
# Set by git for its hooks; they would lead away from the folder asked about.
_MISLEADING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def state(start: Path) -> dict[str, Json]:
    """`{"sha", "branch", "dirty"}` of the repository around a folder; nulls where there is no git or no repository.

    `dirty` means that tracked files differ from the commit, as in `git describe --dirty`. The branch is null on a
    detached head, the sha before the first commit.
    """
    options = ("status", "--porcelain=v2", "--branch", "--untracked-files=no")
    output = _git(start, *options, limit=2**20)
    if output is None:
        return {"sha": None, "branch": None, "dirty": None}
    lines = output.splitlines()
    heads = dict(line[2:].partition(" ")[::2] for line in lines if line.startswith("# branch."))
    sha, branch = heads.get("branch.oid"), heads.get("branch.head")
    return {
        "sha": None if sha == "(initial)" else sha,
        "branch": None if branch == "(detached)" else branch,
        "dirty": any(not line.startswith("#") for line in lines),
    }


def diff(start: Path, *, limit: int = 2**20) -> str:
    """How tracked files differ from the commit, secrets masked; empty where nothing differs or nothing is known.

    Args:
        limit: bytes; a longer diff is cut after a whole line, and the last line says so.
    """
    output = _git(start, "diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", limit=limit + 1)
    if not output:
        return ""
    if len(output.encode()) <= limit:
        return mask_text(output)
    whole_lines = output.encode()[:limit].rpartition(b"\n")[0].decode("utf-8", "replace")
    return f"{mask_text(whole_lines)}\n[cut here: the diff is longer than {limit} bytes]\n"


def _git(start: Path, *arguments: str, limit: int) -> str | None:
    """The first `limit` bytes that git prints; None where it is missing, fails or takes too long."""
    environment = {key: value for key, value in os.environ.items() if key not in _MISLEADING} | _QUIET
    command = ["git", "-C", str(start), "-c", "core.fsmonitor=false", *arguments]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError:  # no git on this machine
        return None
    guard = threading.Timer(_TIMEOUT_SECONDS, process.kill)
    guard.start()
    try:
        with process:
            assert process.stdout is not None
            output = process.stdout.read(limit)
            cut = len(output) == limit
            if cut:
                process.kill()
    finally:
        guard.cancel()
    return output.decode("utf-8", "replace") if cut or process.returncode == 0 else None
