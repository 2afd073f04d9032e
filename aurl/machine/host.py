"""RAM and CPU of this process with its children, RAM of the machine, free disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aurl.machine.source import GB, ProbeSource, SourceError

if TYPE_CHECKING:
    import psutil

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


class ProcessTree(ProbeSource):
    """`system/ram_gb` and `system/cpu_percent` of this process and its children, data-loading workers above all.

    RAM is the resident size of this process plus what each child holds without sharing it with others, so that
    libraries and tensors in shared memory are not counted once per worker. Pages that a forked child has not yet
    written to do count in each. CPU is in percent of one core since the sample before, 200 for two busy cores; the
    first sample has none.

    Args:
        rescan: seconds between two searches for new children; each walks all processes of the machine, milliseconds.
        clock: a monotonic clock, seconds.
    """

    def __init__(self, *, rescan: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._rescan = rescan
        self._clock = clock
        self._own: psutil.Process | None = None
        self._children: dict[int, psutil.Process] = {}
        self._scan_due = 0.0

    def sample(self) -> Mapping[str, float]:
        """The tree's RAM in GB and CPU in percent; a child that has ended counts no more."""
        import psutil

        first = self._own is None
        if self._own is None:
            self._own = psutil.Process()
        if first or self._clock() >= self._scan_due:
            self._find_children()
        memory, cpu = self._own.memory_info().rss, self._own.cpu_percent()
        for pid, child in list(self._children.items()):
            try:
                sizes = child.memory_info()
                cpu += child.cpu_percent()
            except psutil.Error:  # it has ended, or become somebody else's
                del self._children[pid]
                continue
            memory += max(0, sizes.rss - getattr(sizes, "shared", 0))
        ram = {"system/ram_gb": memory / GB}
        return ram if first else ram | {"system/cpu_percent": cpu}

    def _find_children(self) -> None:
        assert self._own is not None
        self._scan_due = self._clock() + self._rescan
        found = {child.pid: child for child in self._own.children(recursive=True)}
        # A handle that is kept remembers its last CPU time; equal handles are the same process, not only the same pid.
        self._children = {
            pid: self._children[pid] if self._children.get(pid) == child else child for pid, child in found.items()
        }


class MachineMemory(ProbeSource):
    """`system/ram_total_gb`: the RAM this process may use, the machine's or the limit of its control group."""

    def __init__(self) -> None:
        self._total: float | None = None

    def sample(self) -> Mapping[str, float]:
        """The limit in GB, read once."""
        if self._total is None:
            self._total = ram_bytes() / GB
        return {"system/ram_total_gb": self._total}


class FreeDisk(ProbeSource):
    """`system/disk_free_gb` of the file system that holds a folder.

    Args:
        folder: where the run writes; looked at through its nearest existing parent.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def sample(self) -> Mapping[str, float]:
        """Free space in GB that an ordinary user may fill."""
        try:
            return {"system/disk_free_gb": shutil.disk_usage(existing(self._folder)).free / GB}
        except OSError as error:
            raise SourceError(f"free disk of {self._folder} is unknown: {error.strerror}") from error


def existing(folder: Path) -> Path:
    """The folder itself, or the nearest of its parents that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path(folder.anchor))


def ram_bytes() -> int:
    """RAM that this process may use: the machine's, or less where a container or batch job limits it."""
    import psutil

    return min([psutil.virtual_memory().total, *cgroup_limits(_OWN_CGROUP, _CGROUPS)])


def cgroup_limits(own: Path, root: Path) -> list[int]:
    """The memory limits in bytes of this process's control group and all above it (version 2, on Linux).

    Args:
        own: the file that names the group, `0::/system.slice/job_7`.
        root: where the control groups are mounted.
    """
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux, or hidden by the container
        return []
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if path is None:
        return []
    group = root / path.strip("/")
    groups = [group, *group.parents]
    found = [_limit(place / "memory.max") for place in groups[: groups.index(root) + 1 if root in groups else 0]]
    return [limit for limit in found if limit is not None]


def _limit(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError:  # the root group has no such file
        return None
    return int(text) if text.isdecimal() else None  # "max" means none
