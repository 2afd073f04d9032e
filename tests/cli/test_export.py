from __future__ import annotations

import json
import math
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

import aurl
from aurl.cli import main
from tests.conftest import Trainer


def test_export_writes_weights_and_scalars_of_the_best_checkpoint(
    train: Trainer, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train("run", "trainer.epochs=1", "model=transformer").folder
    assert main(["export", str(run), "-o", str(run / "out"), "--csv", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    weights = load_file(written["weights"])
    assert all(math.isfinite(float(tensor.float().sum())) for tensor in weights.values())
    assert isinstance(next(iter(weights.values())), torch.Tensor)
    table = pl.read_parquet(written["scalars"])
    assert table.filter(pl.col("kind") == "step")["step"].to_list() == [1, 2, 3, 4, 5]
    assert pl.read_csv(written["csv"])["loss/total"].drop_nulls().len() == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "nowhere"), (["RUN", "--checkpoint", "step_00000099"], "has: step_00000005")],
)
def test_export_of_what_is_not_there_is_a_usage_error(
    train: Trainer, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    run = train("run", "trainer.epochs=1", "model=transformer").folder
    assert main(["export", *(text.replace("RUN", str(run)) for text in arguments), "--root", str(train.folder)]) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def monitored(tmp_path: Path) -> Path:
    """A run of somebody's own loop: it has scalars and no checkpoint."""
    with aurl.Monitor.open(tmp_path / "mine", logging=[], anomaly="off") as monitor:
        for step in (1, 2, 3):
            monitor.step(step, {"loss/total": 1.0 / step})
        monitor.eval(3, {"val/loss/total": math.nan})
    return tmp_path / "mine"


def test_any_run_can_be_exported(monitored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(monitored), "--csv", "-o", str(tmp_path / "out")]) == 0
    assert "no weights" in capsys.readouterr().out
    table = pl.read_csv(tmp_path / "out" / "scalars.csv")
    assert table.filter(pl.col("kind") == "step")["loss/total"].to_list() == pytest.approx([1.0, 0.5, 1 / 3])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["scalars.csv", "scalars.parquet"]
    assert main(["export", str(monitored), "--checkpoint", "best"]) == 2
    assert "checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["curves.csv", "curves.parquet", "deeper/curves.csv"])
def test_the_file_can_be_named(monitored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    target = tmp_path / "out" / name
    assert main(["export", str(monitored), "-o", str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {target.suffix[1:]: str(target)}
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    read = pl.read_csv if target.suffix == ".csv" else pl.read_parquet
    # The system sampler writes when it comes to it, before the first step on a busy machine.
    assert read(target).filter(pl.col("kind") == "step")["step"].to_list() == [1, 2, 3]


def test_a_place_that_cannot_be_written(monitored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(monitored), "-o", "/proc/nowhere/out.csv"]) == 2
    assert "cannot be written" in capsys.readouterr().err
