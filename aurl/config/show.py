"""A config for people and for comparison: as a tree on the terminal, and flat with dotted keys; secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.text import Text
from rich.tree import Tree

from aurl.machine.secrets import mask
from aurl.record import Json
from aurl.runs import settings

_STYLES: tuple[tuple[type, str], ...] = ((bool, "italic green"), (int, "cyan"), (float, "cyan"), (str, "default"))


def tree(config: DictConfig, title: str = "config") -> Tree:
    """The config as a tree, interpolations as they are written, `hydra` left out."""
    root = Tree(Text(title, style="bold"), guide_style="dim")
    _grow(root, _masked(config, resolve=False))
    return root


def flatten(config: DictConfig) -> dict[str, Json]:
    """The resolved config flat, `{"trainer.epochs": 3, ...}`; lists and empty mappings stay values.

    Raises:
        omegaconf.errors.OmegaConfBaseException: an interpolation leads nowhere.
    """
    return settings.flatten(_masked(config, resolve=True))


def _masked(config: DictConfig, resolve: bool) -> Mapping[str, Any]:
    if "hydra" in config:
        config = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    masked = mask(OmegaConf.to_container(config, resolve=resolve))  # type: ignore[arg-type]
    assert isinstance(masked, Mapping)
    return masked


def _grow(branch: Tree, node: Mapping[str, Any]) -> None:
    for key, value in node.items():
        label = Text(str(key), style="bold blue" if isinstance(value, Mapping) and value else "blue")
        if isinstance(value, Mapping) and value:
            _grow(branch.add(label), value)
        else:
            branch.add(label.append(": ", style="default").append_text(_leaf(value)))


def _leaf(value: object) -> Text:
    if value is None:
        return Text("null", style="dim")
    if isinstance(value, list):
        return Text("[").append_text(Text(", ").join(map(_leaf, value))).append("]")
    if isinstance(value, str) and "${" in value:
        return Text(value, style="magenta")
    style = next((style for kind, style in _STYLES if isinstance(value, kind)), "default")
    return Text(str(value).lower() if isinstance(value, bool) else str(value), style=style)
