"""Sweeps and streams as people have them: `aurl train` in a process of its own, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aurl.config.sweep_place import sweep_place
from aurl.sweeps.jobs import Ended, sweep_jobs

pytestmark = [pytest.mark.slow, pytest.mark.two_process]
TINY = [
    *("experiment=quick", "model=transformer", "data=synthetic", "trainer.steps=2", "quality=off", "sample=off"),
    *("pictures=[]", "logging=[]", "report=false", "probe_seconds=0"),
]
TOKEN = "ghp_abcdEFGH1234567890abcdEFGH1234567890"


def aurl(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aurl", *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | environment, timeout=240,
    )  # fmt: skip


def configs(folder: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("config.json"))]


def test_values_that_point_at_others_are_those_of_each_job(tmp_path: Path) -> None:
    typed = ["optim.min_lr_ratio=${optim.weight_decay}", "tags=[${oc.env:TOKEN_OF_MINE}]"]
    done = aurl("train", *TINY, "-m", *typed, "optim.weight_decay=0.02,0.1", folder=tmp_path, TOKEN_OF_MINE="s3cr3t")
    assert done.returncode == 0, done.stderr
    assert sorted(found["optim.min_lr_ratio"] for found in configs(tmp_path)) == [0.02, 0.1]  # type: ignore[type-var]
    assert not [path for path in tmp_path.rglob("*") if "s3cr3t" in path.name]


def test_a_sweep_over_names_is_one_folder_and_is_compared(tmp_path: Path) -> None:
    done = aurl("train", *TINY, "-m", "name=alpha,beta", f"tags=[{TOKEN}]", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    [page] = tmp_path.rglob("compare.html")
    assert page.parent.parent.parent.name == "alpha+beta"
    assert sorted(path.parent.name[:1] for path in page.parent.glob("*/run.json")) == ["0", "1"]
    [multirun] = tmp_path.rglob("multirun.yaml")
    assert TOKEN not in multirun.read_text()


def test_a_job_that_fails_in_a_process_of_its_own_says_why_and_hides_no_other(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mid").write_text("no music")
    sweep = ["-m", "launcher=joblib", "data=synthetic,midi_folder", "data.root=bad"]
    done = aurl("train", *TINY, *sweep, folder=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "none of 1 MIDI files can be used" in done.stderr
    assert list(tmp_path.rglob("compare.html"))


def test_an_ascii_stream_and_a_closed_pipe_end_no_run(tmp_path: Path) -> None:
    few = aurl("train", *TINY, "logging=[console]", "name='\u00e9t\u00e9'", folder=tmp_path, PYTHONIOENCODING="ascii")
    assert few.returncode == 0, few.stderr
    assert "\\xe9t\\xe9" in few.stdout
    train = f"{sys.executable} -m aurl train {' '.join(TINY)} name=piped logging=[console]"
    shell = ["bash", "-c", f"set -o pipefail; {train} | true"]
    piped = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert piped.returncode == 0, piped.stderr
    [run] = (tmp_path / "outputs" / "piped").glob("*/run.json")
    assert json.loads(run.read_text())["status"] == "done"


def test_the_place_of_a_sweep_is_said_only_where_hydra_would_take_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    jobs = [{"name": name, "paths": {"outputs": "~/out"}} for name in ("a", "b")]
    [place] = sweep_place(["name=a,b"], jobs)
    assert place.startswith("hydra.sweep.dir='/home/me/out/a+b/sweeps/")
    assert sweep_place(["name=a,b", "hydra.sweep.dir=x"], jobs) == []
    assert sweep_place([], jobs[:1] * 2) == []
    many = [{"name": "n" * 20 + str(number), "paths": {"outputs": "o"}} for number in range(9)]
    assert f"o/{'n' * 20}0+8/sweeps/" in sweep_place([], many)[0]


def test_what_jobs_tell_is_kept_until_the_sweep_is_over() -> None:
    with sweep_jobs() as jobs:
        assert not jobs.stopped
        jobs.add(Ended("failed", 2, "x"))
        assert jobs.all() == [Ended("failed", 2, "x")]
        jobs.stop()
        assert jobs.stopped
    with pytest.raises(OSError):
        jobs.add(Ended("done", 0, "y"))
    assert jobs.all() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_sweep_goes_on_by_the_command_it_names(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "aurl", "train", *TINY, "trainer.steps=150", "-m", "seed=1,2,3"]
    started = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while started.poll() is None and not any(
        b'"step":9,' in log.read_bytes() for log in tmp_path.rglob("records.jsonl")
    ):
        time.sleep(0.02)
    started.send_signal(number)
    _, told = started.communicate(timeout=240)
    [sweep] = tmp_path.glob("outputs/*/sweeps/*")
    if number == signal.SIGTERM:
        assert started.returncode == 75
        assert "interrupted: 0_" in told
        assert f"Go on with: aurl train resume={sweep}" in told.replace("resume=outputs", f"resume={tmp_path}/outputs")
    done = aurl("train", f"resume={sweep}", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    runs = [json.loads(path.read_text()) for path in sorted(sweep.glob("*/run.json"))]
    assert [(run["status"], run["step"]) for run in runs] == [("done", 150)] * 3
    assert [len(run["resumes"]) for run in runs] == [1, 0, 0]
    assert len(list(sweep.glob("*/"))) == 3, "each job found its own folder again"


SWEEPING = """# @package _global_
defaults:
  - quick
hydra:
  mode: MULTIRUN
  sweeper:
    params:
      seed: 1,2
"""


@pytest.mark.parametrize("typed", [[], ["-m"], ["hydra.mode=MULTIRUN"]])
def test_a_file_that_asks_for_a_sweep_gets_one_or_is_refused(tmp_path: Path, typed: list[str]) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "sweeping.yaml").write_text(SWEEPING)
    done = aurl("train", "--config-dir", ".", "experiment=sweeping", *TINY[1:], *typed, folder=tmp_path)
    if typed:
        assert done.returncode == 0, done.stderr
        assert len(configs(tmp_path)) == 2
    else:
        assert done.returncode == 2
        assert "asks for a sweep; add -m" in done.stderr
        assert not configs(tmp_path)
