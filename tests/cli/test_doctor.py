"""`aurl doctor` on this machine, and on machines that lack something."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aurl.cli import checkup, main
from aurl.cli.checkup import OK, PROBLEM, WARN, CheckupLine
from tests.machine.fake_nvml import FakeNvml, gpu

METADATA = """Metadata-Version: 2.1
Name: aurl
Version: 0.1.0
Provides-Extra: sound
Provides-Extra: cloud
Provides-Extra: partly
Provides-Extra: dev
Requires-Dist: numpy>=1
Requires-Dist: rich>=999
Requires-Dist: no-such-package-at-all>=2
Requires-Dist: windows-thing; sys_platform == "win32"
Requires-Dist: psutil>=1; extra == "sound"
Requires-Dist: no-such-cloud>=3; extra == "cloud"
Requires-Dist: numpy>=1; extra == "partly"
Requires-Dist: no-such-part>=1; extra == "partly"
Requires-Dist: no-such-tool; extra == "dev"
"""


def by_name(findings: Iterable[CheckupLine]) -> dict[str, CheckupLine]:
    return {finding.name: finding for finding in findings}


def test_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--outputs", str(tmp_path / "outputs")]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert captured.err == ""
    assert (report["ok"], report["aurl"]) == (True, __import__("aurl").__version__)
    found = {finding["name"]: finding for finding in report["findings"]}
    assert {"python", "torch", "numpy", "devices", "nvml", "conf", "audio", "outputs", "cache", "git"} <= set(found)
    assert {"extra wandb", "extra figures", "extra tokenizers", "extra launchers"} <= set(found)
    assert "extra dev" not in found
    assert found["conf"]["detail"].endswith("conf")
    assert all(finding["status"] in (OK, WARN) for finding in found.values())
    assert not (tmp_path / "outputs").exists(), "looking changes nothing"


def test_lines_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    findings = [CheckupLine("python", OK, "3.11 [x]"), CheckupLine("outputs", WARN, "2 GB free", "free some space")]
    monkeypatch.setattr("aurl.cli.doctor.examine", lambda outputs: findings)
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ok      python   3.11 [x]",
        "warn    outputs  2 GB free",
        "                 -> free some space",
        "aurl 0.2.0: fit for training, 1 to know about",
    ]


def test_a_problem_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("aurl.cli.doctor.examine", lambda outputs: [CheckupLine("conf", PROBLEM, "none", "reinstall")])
    assert main(["doctor"]) == 1
    assert "1 problem to solve before training" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_packages_are_held_against_the_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "aurl-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA)
    monkeypatch.syspath_prepend(tmp_path)
    found = by_name(checkup.packages())
    assert found["numpy"].status == OK
    assert found["rich"].status == PROBLEM
    assert "but aurl needs >=999" in found["rich"].detail
    assert found["rich"].advice == "pip install 'rich>=999'"
    assert (found["no-such-package-at-all"].status, found["no-such-package-at-all"].detail) == (
        PROBLEM,
        "not installed",
    )
    assert "windows-thing" not in found
    assert found["extra sound"].status == OK
    assert found["extra sound"].detail.startswith("psutil ")
    assert found["extra cloud"].detail == "not installed (optional)"
    assert "aurl[cloud]" in found["extra cloud"].advice
    assert (found["extra partly"].status, found["extra partly"].detail) == (WARN, "in part: lacks no-such-part>=1")
    assert "extra dev" not in found


def test_a_checkout_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise checkup.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(checkup.metadata, "requires", missing)
    found = by_name(checkup.packages())
    assert (found["packages"].status, found["packages"].advice) == (WARN, "run `pip install -e .`")


def fake_torch(*, available: bool, cuda: str | None) -> Any:
    names = ["Fake H100", "Fake H100"]
    calls = {"is_available": lambda: available, "device_count": lambda: 2, "get_device_name": names.__getitem__}
    return SimpleNamespace(
        get_num_threads=lambda: 2, cuda=SimpleNamespace(**calls), version=SimpleNamespace(cuda=cuda)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("machine", "status", "words"),
    [
        ({"available": True, "cuda": "12.8", "card": True}, OK, "CUDA 12.8: Fake H100, Fake H100"),
        ({"available": False, "cuda": "12.8", "card": True}, PROBLEM, "torch for CUDA 12.8 finds none"),
        ({"available": False, "cuda": None, "card": True}, WARN, "built without CUDA"),
        ({"available": False, "cuda": "12.8", "card": False}, OK, "no GPU"),
        ({"available": False, "cuda": None, "card": False}, OK, "no GPU"),
    ],
)
def test_devices(monkeypatch: pytest.MonkeyPatch, machine: dict[str, Any], status: str, words: str) -> None:
    torch = fake_torch(available=machine["available"], cuda=machine["cuda"])
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(checkup, "_has_gpu", lambda: machine["card"])
    (found,) = checkup.devices()
    assert found.status == status
    assert words in found.detail
    assert bool(found.advice) == (status != OK)


def test_a_torch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    (found,) = checkup.devices()
    assert found.status == PROBLEM


def test_gpus_by_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([gpu("GPU-a", 80, name="Fake H100"), gpu("GPU-b", 4)]))
    assert checkup.gpus().detail == "Fake H100 80 GB, driver 580.1; Fake 4 GB, driver 580.1"
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([], driver=False))
    assert checkup.gpus() == CheckupLine("nvml", OK, "no GPU readings (NVML: NVML Shared Library Not Found)")


def test_no_conf(monkeypatch: pytest.MonkeyPatch) -> None:
    from aurl.errors import ConfigError

    def broken() -> Path:
        raise ConfigError("no conf/train.yaml")

    monkeypatch.setattr("aurl.machine.conf.conf_dir", broken)
    assert checkup.conf() == CheckupLine("conf", PROBLEM, "no conf/train.yaml", "reinstall aurl")


@pytest.mark.parametrize(
    ("backend", "library", "advice"),
    [("sine", None, "tinysoundfont"), ("sine", "libfluidsynth.so.3", "pyfluidsynth"), ("fluidsynth", None, "")],
)
def test_audio(monkeypatch: pytest.MonkeyPatch, backend: str, library: str | None, advice: str) -> None:
    monkeypatch.setattr("aurl.music.audio.backend_name", lambda: backend)
    monkeypatch.setattr(checkup, "find_library", lambda name: library)
    found = checkup.audio()
    assert found.status == OK
    assert advice in found.advice
    assert bool(found.advice) == bool(advice)


@pytest.mark.parametrize(("free", "status"), [(100.0, OK), (2.0, WARN), (0.1, PROBLEM)])
def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, status: str) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=free * 2**30))
    found = checkup.folder("outputs", tmp_path / "not" / "yet", "choose another")
    assert found.status == status
    assert f"{free:.1f} GB free" in found.detail
    assert found.advice == ("" if status == OK else "free some space, or choose another")


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    found = checkup.folder("outputs", tmp_path, "choose another")
    assert found == CheckupLine(
        "outputs", PROBLEM, f"{tmp_path}: cannot be written (Permission denied)", "choose another"
    )
    assert checkup.folder("cache", tmp_path, "", needed=False).status == WARN


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "outputs").touch()
    found = checkup.folder("outputs", tmp_path / "outputs" / "x", "choose another")
    assert (found.status, found.detail.endswith("outputs is a file")) == (PROBLEM, True)


def test_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "no repository" in checkup.git(tmp_path).detail
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q", "-b", "trunk"], check=True)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    commit = ["git", "-C", str(tmp_path), *identity, "commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run(commit, check=True)
    assert checkup.git(tmp_path).detail.endswith(" on trunk")
    monkeypatch.setenv("PATH", "")
    assert checkup.git(tmp_path).status == WARN


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["doctor", "--help"])
    assert raised.value.code == 0
    assert "--outputs" in capsys.readouterr().out
