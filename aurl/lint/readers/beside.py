"""What a run was configured with, where it lies beside its log, so that advice can name the user's own keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aurl.lint.readers.json_lines import parse
from aurl.record import Json

_DEEPEST = 8


def config_beside(path: Path) -> dict[str, Json]:
    """The flat configuration of a log: `config.json` of an aurl run, or Lightning's `hparams.yaml`.

    Empty where there is none; a file that cannot be read counts as none, for advice works without it.
    """
    folder = path if path.is_dir() else path.parent
    try:
        if (saved := folder / "config.json").is_file() and (folder / "events").is_dir():
            return _flat(parse(saved.read_bytes()))
        if (saved := folder / "hparams.yaml").is_file():
            return _flat(_yaml(saved))
    except OSError:
        pass
    return {}


def _yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
    except (yaml.YAMLError, RecursionError):  # also where hyperparameters were pickled into it as Python objects
        return None


def _flat(config: object, prefix: str = "", depth: int = 0) -> dict[str, Json]:
    if not isinstance(config, Mapping) or depth > _DEEPEST:
        return {}
    flat: dict[str, Json] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{name}.", depth + 1))
        elif value is None or isinstance(value, (bool, int, float, str, list)):
            flat[name] = value
    return flat
