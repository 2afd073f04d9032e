"""Which process a run is, so that another one can tell whether it still lives; and what it may use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aurl.record import Json

_PROC = Path("/proc")


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def identity() -> dict[str, Json]:
    """`{"pid", "began", "namespace"}` of this process, to be kept in a file.

    `began` is a mark that no other process with the same pid has, not a time of day; `namespace` tells containers
    apart that share a host name (null where there are none).
    """
    return {"pid": os.getpid(), "began": began(os.getpid()), "namespace": _namespace()}


def is_alive(known: Mapping[str, Any]) -> bool | None:
    """Whether the process of an `identity` written on this host still lives; None where that cannot be told."""
    if known.get("namespace") != _namespace() or not isinstance(known.get("pid"), int):
        return None
    return known.get("began") is not None and began(known["pid"]) == known["began"]


def began(pid: int) -> str | None:
    """A mark of when the process began; None where there is no such process, or only its unburied exit status.

    On Linux it counts clock ticks since boot, which setting the clock does not change.
    """
    if not _PROC.joinpath("self", "stat").exists():
        return _began_by_psutil(pid)
    try:
        # The name in the second field may hold spaces and brackets; what follows its last bracket does not.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (OSError, ValueError):  # ValueError: a pid out of range
        return None
    state, ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{_boot()}:{ticks}"


def _began_by_psutil(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.0f}"
    except psutil.Error:
        return None


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> str | None:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return None
