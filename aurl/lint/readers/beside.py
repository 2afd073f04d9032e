"""What a run was configured with, where it lies beside its log, so that advice can name the user's own keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aurl.errors import DataError
from aurl.machine.untrusted import json_document, yaml_document
from aurl.record import Json
from aurl.runs.settings import flatten

_SIMPLE = (bool, int, float, str)
_MOST_ITEMS = 1_000  # of a list


def config_beside(path: Path) -> dict[str, Json]:
    """The flat configuration of a log: `config.json` of an aurl run, or Lightning's `hparams.yaml`.

    Empty where there is none; a file that cannot be read counts as none, for advice works without it.
    """
    folder = path if path.is_dir() else path.parent
    try:
        if (saved := folder / "config.json").is_file() and (folder / "events").is_dir():
            return _plain(json_document(saved))
        if (saved := folder / "hparams.yaml").is_file():
            return _plain(yaml_document(saved))
    except (OSError, ValueError):  # also where hyperparameters were pickled into it as Python objects
        pass
    return {}


def _plain(config: object) -> dict[str, Json]:
    """Flat, and without the Python objects that some pickle into their hyperparameters."""
    try:
        flat = flatten(config) if isinstance(config, Mapping) else {}
    except DataError:
        return {}
    return {key: value for key, value in flat.items() if _is_simple(value) or _is_plain_list(value)}


def _is_simple(value: object) -> bool:
    return value is None or isinstance(value, _SIMPLE)


def _is_plain_list(value: object) -> bool:
    return isinstance(value, list) and len(value) <= _MOST_ITEMS and all(map(_is_simple, value))
