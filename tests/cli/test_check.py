from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from aurl.cli import main
from aurl.machine.conf import conf_dir


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_default_configuration_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert re.fullmatch(r"ok: \d+ values, \d+ components\n", capsys.readouterr().out)


def test_a_sweep_is_checked_job_by_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "logging=[tensorboard]", "anomaly.zscore=3", "-m", "seed=1,2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert report["jobs"] == 2
    assert report["values"] > 30
    assert report["components"] > 5


def test_faults_end_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "trainer.epoch=3"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("aurl: error: trainer.epoch: no such key. Did you mean 'trainer.epochs'?")


def test_faults_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", "seed=x", "trainer.precision=fp23"]) == 2
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["ok"] is False
    assert [fault.split("=")[0] for fault in report["faults"]] == ["seed", "trainer.precision"]
    assert captured.err == ""


def test_a_folder_that_is_named_has_to_exist(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check", "data=midi_folder", "data.root=missing"]) == 2
    assert "data.root=missing: no such folder" in capsys.readouterr().err
    (tmp_path / "missing").mkdir()
    assert main(["check", "data=midi_folder", "data.root=missing"]) == 0


def test_a_run_to_resume_has_to_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "resume=latest"]) == 2
    assert "aurl: error:" in capsys.readouterr().err
    assert main(["check", "--json", "resume=nothing"]) == 2
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_nothing_is_made(tmp_path: Path) -> None:
    assert main(["check"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: aurl check")


def test_another_config_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "own.yaml").write_text("# @package _global_\nname: own\n")
    assert main(["check", "--config-dir", str(tmp_path / "mine"), "experiment=own"]) == 0
    assert main(["check", "experiment=own"]) == 2
    assert "experiment=own: no such option" in capsys.readouterr().err
    assert (conf_dir() / "experiment" / "own.yaml").exists() is False
