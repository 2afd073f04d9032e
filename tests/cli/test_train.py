"""`python train.py` as a user calls it: real processes, exit codes, what is printed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aurl.cli import main
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]


def command(*overrides: str) -> list[str]:
    return [sys.executable, str(ROOT / "train.py"), *TINY, *overrides]


def start(*overrides: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command(*overrides), capture_output=True, text=True, check=False, env=environment)


def only_run(outputs: Path) -> Path:
    [path] = outputs.glob("tiny/*/run.json")
    return path.parent


@pytest.mark.slow
def test_one_run_prints_its_config_where_asked_and_leaves_a_stamped_directory(tmp_path: Path) -> None:
    shown = ("logging=[console]", "show_config=true")
    done = start(f"paths.outputs={tmp_path}", "trainer.epochs=1", "tags=[secret_plan]", *shown)
    assert done.returncode == 0, done.stderr
    assert "├── trainer" in done.stdout
    assert "${anomaly.zscore}" in done.stdout, "the tree shows interpolations as they are written"
    assert "Epoch 1 complete" in done.stdout
    run = only_run(tmp_path)
    stamp, _, digits = run.name.rpartition("_")
    assert time.strptime(stamp, "%Y-%m-%d_%H-%M-%S")
    assert len(digits) == 4
    assert sorted(file.name for file in (run / ".hydra").iterdir()) == ["config.yaml", "hydra.yaml", "overrides.yaml"]
    assert json.loads((run / "config.json").read_text())["trainer.epochs"] == 1


@pytest.mark.slow
def test_a_sweep_trains_every_job_with_its_own_seed(tmp_path: Path) -> None:
    done = start(
        f"paths.outputs={tmp_path}", "trainer.steps=2", "logging=[tensorboard]", "anomaly.zscore=3", "-m", "seed=1,2,1"
    )
    assert done.returncode == 0, done.stderr
    runs = sorted(tmp_path.glob("tiny/sweeps/*/*/run.json"))
    assert [path.parent.name.split("_")[0] for path in runs] == ["0", "1", "2"]
    firsts = [next(r for r in read_records(path.parent) if r.kind == Kind.STEP).scalars["loss/total"] for path in runs]
    assert firsts[0] == firsts[2] != firsts[1], "jobs share a process and must not share their randomness"
    assert len({json.loads(path.read_text())["seed"] for path in runs}) == 2


@pytest.mark.slow
def test_a_failing_job_does_not_end_the_sweep(tmp_path: Path) -> None:
    done = start(f"paths.outputs={tmp_path}", "trainer.steps=1", "-m", "data.source.pieces=12,1", "data.bars=1,400")
    statuses = [json.loads(path.read_text())["status"] for path in tmp_path.glob("tiny/sweeps/*/*/run.json")]
    assert len(statuses) == 4
    assert done.returncode in {0, 2}


@pytest.mark.slow
@pytest.mark.two_process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_saves_and_exits_with_75_and_resume_finishes(tmp_path: Path, number: signal.Signals) -> None:
    arguments = (f"paths.outputs={tmp_path}", "trainer.epochs=400", "checkpoint.every=1000", "trainer.eval_every=1000")
    process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_for_steps(tmp_path, 5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 75, errors
    assert "preempted" in errors
    run = only_run(tmp_path)
    assert json.loads((run / "run.json").read_text())["status"] == "preempted"
    steps = max(record.step for record in read_records(run))
    assert (run / "checkpoints" / "latest").resolve().name == f"step_{steps:08d}"
    again = start("resume=latest", f"paths.outputs={tmp_path}", f"trainer.steps={steps + 3}")
    assert again.returncode == 0, again.stderr
    assert only_run(tmp_path) == run, "the same run goes on in its own directory"
    assert max(record.step for record in read_records(run)) == steps + 3


def wait_for_steps(outputs: Path, count: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        for log in outputs.glob("tiny/*/events/records.jsonl"):
            if log.read_bytes().count(b'"kind":"step"') >= count:
                return
        time.sleep(0.05)
    raise AssertionError("the training did not begin")


@pytest.mark.slow
def test_debug_nan_is_stopped_by_the_policy_with_exit_code_3(tmp_path: Path) -> None:
    done = start(f"paths.outputs={tmp_path}", "debug=nan", "name=tiny", "trainer.epochs=null")
    assert done.returncode == 3, done.stderr
    assert "stopped: anomaly policy stop: " in done.stderr
    alerts = [record for record in read_records(only_run(tmp_path)) if record.kind == Kind.ALERT]
    assert "nan_values" in {alert.fields["type"] for alert in alerts}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trainer.epoch=3"], "trainer.epoch"),
        (["model=vea"], "Did you mean 'vae'?"),
        (["trainer.epochs=three"], "trainer.epochs"),
        (["resume=nothing_like_this"], "nothing_like_this"),
        (["resume=latest"], "latest"),
        (["-m", "seed=1,2", "resume=latest"], "leave out -m"),
        (["trainer.epochs=0"], "trainer.epochs=0: needs at least 1"),
        (["anomaly.zscore=-1"], "anomaly.zscore=-1"),
        (["anomaly.policy=shout"], "anomaly.policy"),
        (["optim.lr=0"], "optim.lr=0"),
        (["paths.outputs=/proc/nothing"], "/proc/nothing"),
        (["model=transformer", "model.n_heads=3"], "n_heads=3"),
        (["trainer.accelerator=cuda"], "trainer.accelerator=cuda"),
        (["data.seq_len=2"], "data.seq_len=2"),
    ],
)
def test_what_cannot_be_done_is_one_message_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["train", *TINY, f"paths.outputs={tmp_path}", *arguments])
    errors = capsys.readouterr().err
    assert code == 2, errors
    assert message in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("kind", ["missing", "empty", "a file"])
def test_a_folder_without_music_is_one_message_that_names_it(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "midi"
    if kind == "empty":
        root.mkdir()
    elif kind == "a file":
        root.write_text("no folder")
    size = ["model/size=tiny", "logging=[]", f"paths.outputs={tmp_path / 'outputs'}"]
    assert main(["train", *size, "data=midi_folder", f"data.root={root}"]) == 2
    errors = capsys.readouterr().err
    assert str(root) in errors
    assert "Traceback" not in errors


def test_secrets_typed_as_overrides_land_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345"
    code = main(["train", *TINY, f"paths.outputs={tmp_path}", "trainer.steps=1", f"tags=[x,{secret}]"])
    assert code == 0
    printed = capfd.readouterr()
    assert secret not in printed.out + printed.err
    assert "├── trainer" not in printed.out, "252 lines before the first message of a run hide it"
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file
