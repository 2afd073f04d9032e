"""Host readings against real processes and real files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from aurl.machine.host import FreeDisk, MachineMemory, ProcessTree, cgroup_limits, existing, ram_bytes
from aurl.machine.source import GB, SourceError

CHILD = "x = bytearray(80 * 2**20)\nprint('ready', flush=True)\ninput()"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def start_child() -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def end_child(child: subprocess.Popen[str]) -> None:
    child.communicate("\n")


def test_memory_of_a_child_counts_from_the_next_scan_until_it_ends() -> None:
    clock = Clock()
    tree = ProcessTree(rescan=30.0, clock=clock)
    alone = tree.sample()["system/ram_gb"]
    child = start_child()
    try:
        assert tree.sample()["system/ram_gb"] < alone + 0.05, "children are not searched for at every sample"
        clock.now = 31.0
        both = tree.sample()["system/ram_gb"]
        assert both > alone + 70 / 1024
    finally:
        end_child(child)
    assert tree.sample()["system/ram_gb"] < both - 70 / 1024


def test_own_memory_is_the_resident_size() -> None:
    before = psutil.Process().memory_info().rss / GB
    measured = ProcessTree().sample()["system/ram_gb"]
    assert measured == pytest.approx(before, abs=0.5)


def test_cpu_has_no_value_at_first_and_then_that_of_a_busy_process() -> None:
    tree = ProcessTree()
    assert "system/cpu_percent" not in tree.sample()
    began = psutil.Process().cpu_times().user
    while psutil.Process().cpu_times().user - began < 0.1:
        sum(range(10_000))
    assert tree.sample()["system/cpu_percent"] > 1.0


def test_machine_memory_is_at_most_that_of_the_machine() -> None:
    total = MachineMemory().sample()["system/ram_total_gb"]
    assert total == ram_bytes() / GB
    assert 0 < total <= psutil.virtual_memory().total / GB


def test_free_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    free = FreeDisk(tmp_path / "outputs" / "run").sample()["system/disk_free_gb"]
    assert free == pytest.approx(psutil.disk_usage(str(tmp_path)).free / GB, abs=1.0)
    assert existing(tmp_path / "a" / "b") == tmp_path


def test_free_disk_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("shutil.disk_usage", fail)
    with pytest.raises(SourceError, match="Input/output error"):
        FreeDisk(tmp_path).sample()


def test_limits_of_all_control_groups_above(tmp_path: Path) -> None:
    own, root = tmp_path / "cgroup", tmp_path / "fs"
    job = root / "slurm" / "job_7" / "step_0"
    job.mkdir(parents=True)
    own.write_text("0::/slurm/job_7/step_0\n")
    (job / "memory.max").write_text("max\n")
    (job.parent / "memory.max").write_text("8589934592\n")
    (tmp_path / "memory.max").write_text("1\n")  # above the mount: not a control group
    assert cgroup_limits(own, root) == [8 * 2**30]


@pytest.mark.parametrize("content", ["", "5:memory:/docker/1\n", "0::/../outside\n"])
def test_control_groups_of_another_kind_set_no_limit(content: str, tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text(content)
    assert cgroup_limits(tmp_path / "cgroup", tmp_path / "fs") == []
    assert cgroup_limits(tmp_path / "missing", tmp_path) == []
