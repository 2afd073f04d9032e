"""Secrets of many shapes are put wherever a run takes text, and then looked for in every file that it leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aurl.monitor import Monitor
from aurl.record import Kind, Record
from aurl.sinks.base import Sink

SECRETS = {
    "hugging face": "hf_PlAnTeDpLaNtEdPlAnTeD0123",
    "openai": "sk-PLANTED1234567890abcdefgh",
    "openai, letters alone": "sk-plantedplantedplantedplantedplanted",
    "aws": "AKIAPLANTEDPLANTED12",
    "github": "ghp_PlAnTeDpLaNtEdPlAnTeDpLaNtEd0123456789",
    "slack": "xoxb-123456789012-plantedplanted",
    "a slack hook": "https://hooks.slack.com/services/T00/B00/PlAnTeDpLaNtEd",
    "a discord hook": "https://discord.com/api/webhooks/1234/PlAnTeDpLaNtEd",
    "a url": "https://someone:plantedpass555@host.example/x",
    "a bearer": "Authorization: Bearer planted12",
    "a password": "password=plantedhunter2",
    "weights and biases": "deadbeef0123456789abcdef0123456789abcdef",
    "a jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.PlAnTeDpLaNtEdPlAnTeD",
}
KEYS = {  # what must not be found of each
    "a slack hook": "B00/PlAnTeD",
    "a discord hook": "1234/PlAnTeD",
    "a url": "plantedpass555",
    "a bearer": "planted12",
    "a password": "plantedhunter2",
}


def planted(name: str) -> str:
    return KEYS.get(name, SECRETS[name])


def leaks(folder: Path) -> set[tuple[str, str]]:
    """Which secrets stand in which files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "records.jsonl" for path in files)
    names = {(name, path.as_posix()) for name in SECRETS for path in files if planted(name) in path.name}
    contents = {(path, path.read_bytes()) for path in files}
    return names | {
        (name, path.relative_to(folder).as_posix())
        for name in SECRETS
        for path, content in contents
        if planted(name).encode() in content
    }


class Leaky(Sink):
    """Fails with the secret in its error, and tells it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def write(self, record: Record) -> None:
        if record.kind is Kind.NOTE:
            self.tell(f"told {self._secret}")
            raise ConnectionError(f"cannot reach the server with {self._secret}")


class LeakyChild(Leaky):
    """The same in a process of its own, which prints it too."""

    apart = True

    def open(self, run: object) -> None:
        sys.stderr.write(f"printed {self._secret}\n")
        sys.stdout.write(f"printed {self._secret}\n")
        sys.stdout.flush()


@pytest.mark.two_process
@pytest.mark.parametrize("name", SECRETS)
def test_no_file_of_a_run_holds_a_secret(tmp_path: Path, name: str) -> None:
    secret = SECRETS[name]
    with (
        pytest.raises(RuntimeError),
        Monitor.open(
            tmp_path / "run",
            logging=["csv", "tensorboard", Leaky(secret), LeakyChild(secret)],
            config={"data": {"note": secret, "deep": [secret]}, "url": secret},
            tags=[secret],
            name=secret,
            dataset=secret,
            nested={"list": [secret, {"inner": secret}]},
        ) as monitor,
    ):
        monitor.step(1, {"loss/total": 1.0}, phase=secret)
        monitor.step(2, {f"loss/{secret}": 1.0})
        monitor.note(f"see {secret} here", module=secret)
        monitor.say(Kind.SAMPLE, 2, path=f"samples/{secret}.mid")
        monitor.say(Kind.CHECKPOINT, 2, path="checkpoints/x", reason=secret)
        monitor.write(Record(Kind.ALERT, 2, {}, {"type": "loss_spike", "severity": "info", "message": secret}, 1.0))
        monitor.drain(10)
        raise RuntimeError(f"the request failed: {secret}")
    assert not leaks(tmp_path / "run")


def test_a_commit_is_no_secret(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    with Monitor.open(tmp_path / "run", logging=[], config={"model": {"revision": commit}}) as monitor:
        monitor.note(f"code at commit {commit}, https://github.com/a/b/tree/{commit}")
    assert (tmp_path / "run" / "events" / "records.jsonl").read_text().count(commit) == 2
    assert commit in (tmp_path / "run" / "run.json").read_text()


@pytest.mark.slow
@pytest.mark.two_process
@pytest.mark.parametrize("sweep", [False, True], ids=["run", "sweep"])
def test_no_file_of_a_training_holds_a_secret(tmp_path: Path, sweep: bool) -> None:
    tags = ",".join(f"'{secret}'" for secret in SECRETS.values())
    tiny = "experiment=quick model=transformer data=synthetic trainer.steps=1 quality=off sample=off pictures=[]"
    options = [*tiny.split(), f"tags=[{tags}]", "logging=[tensorboard,csv]", f"paths.outputs='{tmp_path / 'outputs'}'"]
    options += ["-m", "seed=1", "hydra.sweep.subdir=deep/er"] if sweep else []
    done = subprocess.run(
        [sys.executable, "-m", "aurl", "train", *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not leaks(tmp_path / "outputs")


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        ({"options": {"key": "plantedkey", "secret": "plantedsecret", "anon": False}}, {"anon": False}),
        ({"storage_options": {"key": "plantedkey"}}, {}),
        ({"login": {"key": "plantedkey", "secret": "plantedsecret"}}, {}),
    ],
)
def test_the_key_of_a_file_system_is_masked_with_its_secret(
    tmp_path: Path, config: dict[str, object], kept: object
) -> None:
    with Monitor.open(tmp_path / "run", logging=["csv"], config=config, store=config):
        pass
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file():
            assert b"planted" not in path.read_bytes(), path
