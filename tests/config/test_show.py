from __future__ import annotations

import io
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console

from aurl.config.compose import compose
from aurl.config.show import flatten, tree

CONFIG = {
    "seed": 1,
    "model": {"width": 8, "_target_": "a.B", "empty": {}, "layers": [1, True, None]},
    "lr": "${model.width}",
    "logging": {"wandb": {"api_key": "abcdef123", "entity": None}},
    "hydra": {"run": {"dir": "x"}},
}


def shown(config: object) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(tree(OmegaConf.create(config)))  # type: ignore[call-overload]
    return out.getvalue()


def test_the_tree_is_unresolved_masked_and_without_hydra() -> None:
    text = shown(CONFIG)
    assert "lr: ${model.width}" in text
    assert "api_key: ***" in text
    assert "abcdef123" not in text
    assert "entity: null" in text
    assert "layers: [1, true, null]" in text
    assert "hydra" not in text
    assert text.index("model") < text.index("width") < text.index("logging")


def test_brackets_in_values_are_not_markup() -> None:
    assert "name: [bold]x[/bold]" in shown({"name": "[bold]x[/bold]"})


def test_flat_is_resolved_masked_and_without_hydra() -> None:
    assert flatten(OmegaConf.create(CONFIG)) == {
        "seed": 1,
        "model.width": 8,
        "model._target_": "a.B",
        "model.empty": {},
        "model.layers": [1, True, None],
        "lr": 8,
        "logging.wandb.api_key": "***",
        "logging.wandb.entity": None,
    }


def test_a_composed_config(conf: Path) -> None:
    config = compose(["trainer.lr=0.5"], conf)
    assert flatten(config)["detectors.nan.lr"] == 0.5
    Console(file=io.StringIO()).print(tree(config))
