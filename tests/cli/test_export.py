from __future__ import annotations

import json
import math

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

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
