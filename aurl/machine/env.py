"""What a run knows about its machine and its code, for `run.json`. Imports no torch and names no user."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from aurl import __version__
from aurl.machine import git
from aurl.machine.process import cores
from aurl.record import Json

# What tells one job, node or rank from another; the batch system's variables hold users and paths as well.
_JOB_VARIABLES = (
    "SLURM_JOB_ID",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_PROCID",
    "SLURM_NTASKS",
    "SLURM_NNODES",
    "SLURM_RESTART_COUNT",
    "TORCHELASTIC_RUN_ID",
    "TORCHELASTIC_RESTART_COUNT",
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "PBS_JOBID",
    "LSB_JOBID",
    "JOB_ID",
)


def snapshot(start: Path) -> dict[str, Json]:
    """Versions, machine and commit, as JSON values; null where something is missing or unknown.

    Args:
        start: a folder of the code that runs, from which git looks for its repository.

    Returns:
        `git` {sha, branch, dirty}, `host`, `python`, `aurl`, `torch`, `cuda` (only once torch is imported: it is
        torch that knows), `platform`, `cpu` {model, cores, usable}, `ram_gb`, `gpus` [{name, memory_gb, driver}] and
        `job` (the variables of SLURM, torchrun and the like that are set).
    """
    return {
        "git": git.state(start),
        "host": platform.node(),
        "python": platform.python_version(),
        "aurl": __version__,
        "torch": _version("torch"),
        "cuda": _cuda(),
        "platform": platform.platform(),
        "cpu": {"model": _cpu_model(), "cores": os.cpu_count(), "usable": cores()},
        "ram_gb": _ram_gb(),
        "gpus": _gpus(),
        "job": {name: os.environ[name] for name in _JOB_VARIABLES if name in os.environ},
    }


def git_diff(start: Path, *, limit: int = 2**20) -> str:
    """The uncommitted changes of tracked files, secrets masked, at most `limit` bytes; see `aurl.machine.git.diff`."""
    return git.diff(start, limit=limit)


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/aurl`, or `~/.cache/aurl`; in the folder of temporary files for a user without a home."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "aurl"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / "aurl"


def packages() -> str:
    """The installed packages as `name==version` lines, sorted, as `pip freeze` would pin them."""
    found = dict(filter(None, map(_name_and_version, metadata.distributions())))
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def _name_and_version(package: metadata.Distribution) -> tuple[str, str] | None:
    """From the head of its metadata: the parser of mail headers, which reads all of it, takes 20 times as long."""
    text = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
    head = text.partition("\n\n")[0]
    name, version = (re.search(rf"^{key}: *(\S+)", head, re.MULTILINE) for key in ("Name", "Version"))
    return (name[1], version[1]) if name and version else None


def _version(package: str) -> str | None:
    loaded = getattr(sys.modules.get(package), "__version__", None)  # the build is part of it: 2.13.0+cu126
    if loaded is not None:
        return str(loaded)
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cuda() -> str | None:
    version = getattr(sys.modules.get("torch"), "version", None)
    return getattr(version, "cuda", None)


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return _mac_cpu_model() or platform.processor() or None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(names, None) or platform.processor() or None


def _mac_cpu_model() -> str | None:
    if sys.platform != "darwin":
        return None
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _ram_gb() -> float:
    from aurl.machine.host import ram_bytes
    from aurl.machine.source import GB

    return round(ram_bytes() / GB, 2)


def _gpus() -> list[dict[str, Any]]:
    from aurl.machine.gpu import Gpus
    from aurl.machine.source import SourceError

    gpus = Gpus()
    try:
        return gpus.describe()
    except SourceError:  # none, or none that answers: the run's own device is in its START record
        return []
    finally:
        gpus.close()
