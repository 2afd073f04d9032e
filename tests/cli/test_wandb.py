from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from aurl.cli import main


def sweep(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["wandb", "sweep", *arguments]) == 0
    document: dict[str, object] = yaml.safe_load(capsys.readouterr().out)
    return document


def test_a_search_file_becomes_a_grid(capsys: pytest.CaptureFixture[str]) -> None:
    found = sweep(capsys, "search=lr", "model=vae")
    assert found["method"] == "grid"
    assert found["parameters"] == {"optim.lr": {"values": [3e-4, 1e-3, 3e-3]}, "seed": {"values": [1, 2, 3]}}
    assert found["metric"] == {"name": "val/loss/total.min", "goal": "minimize"}
    assert found["command"] == [
        "${env}", "${interpreter}", "${program}", "search=lr", "model=vae", "+logging=wandb", "${args_no_hyphens}",
    ]  # fmt: skip


def test_intervals_become_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    found = sweep(
        capsys,
        "optim.lr=tag(log, interval(1e-4, 1e-2))",
        "model.dropout=interval(0, 0.5)",
        "seed=range(1,4)",
        "logging=[wandb]",
    )
    assert found["method"] == "random"
    assert found["parameters"] == {
        "optim.lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2},
        "model.dropout": {"distribution": "uniform", "min": 0.0, "max": 0.5},
        "seed": {"values": [1, 2, 3]},
    }
    assert "+logging=wandb" not in str(found["command"])


def test_the_metric_is_that_of_the_checkpoints(capsys: pytest.CaptureFixture[str]) -> None:
    found = sweep(capsys, "seed=1,2", "checkpoint.metric=quality/mean/overall", "--method=bayes")
    assert found["metric"] == {"name": "quality/mean/overall.max", "goal": "maximize"}
    assert found["method"] == "bayes"


def test_it_writes_a_file(tmp_path: Path) -> None:
    assert main(["wandb", "sweep", "seed=1,2", "-o", str(tmp_path / "sweep.yaml")]) == 0
    assert yaml.safe_load((tmp_path / "sweep.yaml").read_text())["program"] == "train.py"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["seed=1"], "no override has several values"),
        (["optim.lr=interval(0,1)", "--method=grid"], "optim.lr is an interval"),
        (["seed=1,2", "--method=best"], "--method=best: allowed are grid, random, bayes"),
        (["seed=1,2", "-o"], "-o: needs a value"),
        (["seed=1,2", "-o", "/no/such/folder/x.yaml"], "cannot be written"),
    ],
)
def test_what_cannot_be_made_is_one_clear_error(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["wandb", "sweep", *arguments]) == 2
    assert message in capsys.readouterr().err
