"""What a sweep leaves behind when it is over."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from aurl.errors import AurlError, RunError
from aurl.sweeps import end as sweep_end
from aurl.sweeps.end import CompareRuns, write_comparison
from tests.cli.test_train import start
from tests.compare.runs import curve, write_run
from tests.compare.test_comparing import clear_sweep


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def end(folder: Path) -> None:
    CompareRuns().on_multirun_end(OmegaConf.create({"hydra": {"sweep": {"dir": str(folder)}}}))


def test_both_files_lie_in_the_folder_of_the_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clear_sweep(tmp_path)
    end(tmp_path)
    assert json.loads((tmp_path / "compare.json").read_text())["claims"][0]["verdict"] == "better"
    assert "model.kind" in (tmp_path / "compare.html").read_text()
    assert f"10 runs compared in {tmp_path / 'compare.html'}" in capsys.readouterr().err


def test_a_sweep_of_one_job_or_of_none_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "a", curve(1.0))
    end(tmp_path)
    end(tmp_path / "none")
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "compare.json").exists()


@pytest.mark.parametrize(
    ("error", "told"), [(RunError("no metric"), "no metric"), (OSError("disk full"), "OSError: disk full")]
)
def test_what_goes_wrong_is_told_and_ends_nothing(
    tmp_path: Path, error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(folder: Path) -> str:
        raise error

    monkeypatch.setattr(sweep_end, "write_comparison", fail)
    end(tmp_path)
    assert told in capsys.readouterr().err


def test_runs_that_cannot_be_compared_are_an_error_of_the_function(tmp_path: Path) -> None:
    for name in "ab":
        write_run(tmp_path / name, [(1, 1.0)], metric="lr")
    with pytest.raises(AurlError):
        write_comparison(tmp_path)


@pytest.mark.slow
@pytest.mark.two_process
def test_a_real_sweep_ends_with_its_comparison(tmp_path: Path) -> None:
    done: subprocess.CompletedProcess[str] = start(
        f"paths.outputs={tmp_path}", "trainer.steps=2", "sample.every=0", "report=false", "-m", "seed=1,2,3"
    )
    assert done.returncode == 0, done.stderr
    [written] = tmp_path.glob("tiny/sweeps/*/compare.json")
    assert json.loads(written.read_text())["groups"][0]["n"] == 3
    assert written.with_suffix(".html").exists()
    assert "3 runs compared" in done.stderr
