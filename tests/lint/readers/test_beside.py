from __future__ import annotations

from pathlib import Path

import pytest

import aurl
from aurl.lint.opening import open_log
from aurl.lint.readers.beside import config_beside
from tests.lint.files import write


def test_hyperparameters_that_lightning_saved(tmp_path: Path) -> None:
    log = write(tmp_path / "metrics.csv", "step,loss\n1,0.5\n")
    write(tmp_path / "hparams.yaml", "lr: 0.01\noptim:\n  name: sgd\n  betas: [0.9, 0.99]\n")
    expected = {"lr": 0.01, "optim.name": "sgd", "optim.betas": [0.9, 0.99]}
    assert open_log(log).config == config_beside(tmp_path) == expected


def test_the_configuration_of_a_run(tmp_path: Path) -> None:
    with aurl.Monitor.open(tmp_path / "run", logging=[], config={"optim": {"lr": 0.5}}) as monitor:
        monitor.step(1, {"loss/total": 1.0})
    write(tmp_path / "run/config.json", '{"optim.lr": 0.5}')
    assert open_log(tmp_path / "run").config == {"optim.lr": 0.5}


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "!!python/object:os.system {}", "\0", "- " * 3000])
def test_what_cannot_be_read_counts_as_none(tmp_path: Path, text: str) -> None:
    write(tmp_path / "hparams.yaml", text)
    assert config_beside(tmp_path / "metrics.csv") == {}


def test_a_small_file_that_would_grow_without_end_counts_as_none(tmp_path: Path) -> None:
    levels = (f"a{at}: &a{at} {{" + ", ".join(f"k{key}: *a{at - 1}" for key in range(9)) + "}" for at in range(1, 12))
    write(tmp_path / "hparams.yaml", "\n".join(["a0: &a0 {x: 1, y: 2, z: 3}", *levels]))
    assert config_beside(tmp_path / "metrics.csv") == {}


def test_lists_of_lists_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "hparams.yaml", f"lr: 0.1\nmany: {list(range(2000))}\nnested: [[1], [2]]\nfew: [1, 2]\n")
    assert config_beside(tmp_path / "metrics.csv") == {"lr": 0.1, "few": [1, 2]}


def test_none_beside_it(tmp_path: Path) -> None:
    assert config_beside(tmp_path / "metrics.csv") == {}
