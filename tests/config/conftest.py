"""A small config tree with everything that Hydra can get wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FILES: dict[str, str | bytes] = {
    "train.yaml": """\
defaults:
  - _self_
  - model: vae
  - data: folder
  - logging: [console, tensorboard]
  - detectors: [nan]
  - experiment: usual
  - debug: null
  - search: null
  - hydra: quiet
name: ???
seed: 1
tags: []
trainer: {epochs: 3, lr: 1e-3, precision: fp32, early: {metrics: {val/loss: min}, patience: null}}
""",
    "model/vae.yaml": "defaults: [{size: small}, _self_]\n_target_: tests.config.parts.Model\n",
    "model/transformer.yaml": "_target_: tests.config.parts.Model\nwidth: 4\npositions: learned\n",
    "model/size/small.yaml": "# @package model\nwidth: 8\n",
    "model/size/large.yaml": "# @package model\nwidth: 64\n",
    "data/folder.yaml": """\
_target_: tests.config.parts.Data
root: null
splits: [0.8, 0.2]
source: {_target_: tests.config.parts.Open, root: "${data.root}"}
""",
    "data/needs_root.yaml": "_target_: tests.config.parts.Data\nroot: ???\nsource: ${data.root}\n",
    "logging/console.yaml": "console: {_target_: tests.config.parts.Console}\n",
    "logging/tensorboard.yaml": "tensorboard: {_target_: tests.config.parts.Console, colour: false}\n",
    "logging/wandb.yaml": 'wandb: {_target_: tests.config.parts.Console, api_key: "${oc.env:AURL_TEST_KEY}"}\n',
    "detectors/nan.yaml": "nan: {_target_: tests.config.parts.Open, lr: '${trainer.lr}'}\n",
    "experiment/usual.yaml": "# @package _global_\nname: usual\n",
    "experiment/long.yaml": "# @package _global_\nname: long\ntrainer: {epochs: 99}\n",
    "experiment/dangling.yaml": "# @package _global_\nname: ${trainer.epoch}\n",
    "experiment/bad_group.yaml": "# @package _global_\ndefaults:\n  - override /model: nope\n",
    "debug/nan.yaml": "# @package _global_\nname: debug_nan\ntrainer: {lr: 1e30}\n",
    "debug/1.yaml": "# @package _global_\nname: debug_one\n",
    "search/seeds.yaml": "# @package _global_\nhydra: {sweeper: {params: {seed: '1,2,3'}}}\n",
    "hydra/quiet.yaml": "# @package hydra\noutput_subdir: null\n",
}
BROKEN: dict[str, str | bytes] = {
    "experiment/broken.yaml": "name: x\n trainer: [1\n",
    "experiment/twice.yaml": "name: x\nname: y\n",
    "experiment/half.yaml": "name: ${trainer.epochs\n",
    "experiment/latin.yaml": b"name: \xe9t\xe9\n",
}


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURL_TRUST", "tests")
    monkeypatch.delenv("AURL_TEST_KEY", raising=False)


def write_tree(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "conf", FILES)


@pytest.fixture
def broken_conf(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "conf", FILES | BROKEN)


@pytest.fixture
def snapshot() -> Callable[[str, str], None]:
    """Compares text with a file of this folder; AURL_UPDATE_SNAPSHOTS=1 rewrites the file instead."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / name
        if os.environ.get("AURL_UPDATE_SNAPSHOTS") == "1":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; AURL_UPDATE_SNAPSHOTS=1 writes it"
        assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; AURL_UPDATE_SNAPSHOTS=1 rewrites it"

    return compare
