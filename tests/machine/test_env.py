"""The snapshot of machine and code, against real git repositories."""

from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aurl.machine import env, git
from tests.machine.fake_nvml import FakeNvml, gpu

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def run_git(folder: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    run_git(folder, "init", "-q", "-b", "trunk")
    (folder / "code.py").write_text("x = 1\n")
    run_git(folder, "add", "code.py")
    run_git(folder, "commit", "-q", "-m", "first")
    return folder


def test_clean_repository(repository: Path) -> None:
    sha = run_git(repository, "rev-parse", "HEAD")
    assert env.snapshot(repository)["git"] == {"sha": sha, "branch": "trunk", "dirty": False}
    assert env.git_diff(repository) == ""


def test_changes_of_tracked_files_are_dirt_and_appear_in_the_diff(repository: Path) -> None:
    (repository / "notes.txt").write_text("untracked")
    assert git.state(repository)["dirty"] is False
    (repository / "code.py").write_text('x = 2\nWANDB_API_KEY = "0123abc"\n')
    assert git.state(repository)["dirty"] is True
    diff = env.git_diff(repository)
    assert "-x = 1\n+x = 2\n" in diff
    assert '+WANDB_API_KEY = "***"' in diff
    assert "0123abc" not in diff
    run_git(repository, "add", "code.py")
    assert git.state(repository)["dirty"] is True
    assert env.git_diff(repository) == diff


def test_a_long_diff_is_cut_after_a_whole_line(repository: Path) -> None:
    (repository / "code.py").write_text("".join(f"y = {number}\n" for number in range(50_000)))
    lines = env.git_diff(repository, limit=5000).splitlines()
    assert lines[-1] == "[cut here: the diff is longer than 5000 bytes]"
    assert lines[-2].startswith("+y = ")
    assert 4000 < sum(len(line) + 1 for line in lines[:-1]) <= 5001


def test_detached_head_and_no_commit_yet(repository: Path, tmp_path: Path) -> None:
    run_git(repository, "checkout", "-q", "--detach")
    assert git.state(repository)["branch"] is None
    run_git(tmp_path, "init", "-q", "-b", "trunk", "fresh")
    assert git.state(tmp_path / "fresh") == {"sha": None, "branch": "trunk", "dirty": False}
    assert git.diff(tmp_path / "fresh") == ""


def test_no_repository_no_folder_and_no_git_give_nulls(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"sha": None, "branch": None, "dirty": None}
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "plain").mkdir()
    assert git.state(tmp_path / "plain") == nothing
    assert git.state(tmp_path / "missing") == nothing
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.state(repository) == nothing
    assert git.diff(repository) == ""


def test_a_hook_s_variables_do_not_lead_away(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = git.state(repository)["sha"]
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert git.state(repository)["sha"] == sha


def test_a_git_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(git, "_TIMEOUT_SECONDS", 0.2)
    assert git.state(tmp_path) == {"sha": None, "branch": None, "dirty": None}
    assert git.diff(tmp_path) == ""


def test_snapshot_is_json_and_names_versions(tmp_path: Path) -> None:
    found = env.snapshot(tmp_path)
    assert json.loads(json.dumps(found)) == found
    assert found["python"] == platform.python_version()
    assert found["host"] == platform.node()
    assert str(found["torch"])[0].isdecimal()
    assert found["aurl"] == __import__("aurl").__version__
    assert isinstance(found["cpu"], dict)
    assert found["cpu"]["cores"] == os.cpu_count()
    assert isinstance(found["ram_gb"], float)
    assert found["ram_gb"] > 0.1


def test_snapshot_names_no_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("USER", "LOGNAME", "SLURM_JOB_USER", "HOME"):
        monkeypatch.setenv(variable, "quentin-the-user")
    assert getpass.getuser() == "quentin-the-user"
    assert "quentin" not in json.dumps(env.snapshot(tmp_path))


def test_snapshot_imports_no_torch(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from aurl.machine.env import snapshot; s = snapshot(Path('.')); print(s['cuda'], s['torch'] is None, 'torch' in sys.modules)"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["None", "False", "False"]


def test_versions_of_a_loaded_torch_come_from_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = SimpleNamespace(__version__="9.9+cu999", version=SimpleNamespace(cuda="99.9"))
    monkeypatch.setitem(sys.modules, "torch", loaded)
    found = env.snapshot(tmp_path)
    assert (found["torch"], found["cuda"]) == ("9.9+cu999", "99.9")


def test_gpus_and_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvml = FakeNvml([gpu("GPU-a", 80, name="Fake H100")])
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("RANK", "0")
    found = env.snapshot(tmp_path)
    assert found["gpus"] == [{"name": "Fake H100", "memory_gb": 80.0, "driver": "580.1"}]
    assert isinstance(found["job"], dict)
    assert (found["job"]["SLURM_JOB_ID"], found["job"]["RANK"]) == ("17", "0")
    assert nvml.opened == 0
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([], driver=False))
    assert env.snapshot(tmp_path)["gpus"] == []
