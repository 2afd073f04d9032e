"""Files and folders that a config names and that must exist before a run can use them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from aurl.config.resume import locate, sweep_of
from aurl.errors import RunError


def missing_places(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the places named in a resolved config, as messages that start with the key."""
    outputs = Path(str(_at(config, "paths.outputs") or "."))
    found: list[str] = []
    for key, look in _PLACES.items():
        value = _at(config, key)
        if isinstance(value, str) and value:
            found += look(key, value, outputs)
    return found


def unused_keys(config: DictConfig, folders: Sequence[Path]) -> list[str]:
    """Keys of `data` that are set although the chosen option uses them nowhere, so that it would train on other data.

    Args:
        config: composed, its interpolations as they are written.
        folders: the config folders, for the options that do use them.
    """
    data = OmegaConf.to_container(config, resolve=False).get("data")  # type: ignore[union-attr]
    if not isinstance(data, Mapping) or data.get("_target_") != _POINTS_AT_A_SOURCE:
        return []  # a class of one's own uses what it takes
    found = []
    for key in _PASSED_ON:
        mark = f"${{data.{key}}}"
        if data.get(key) in (None, "???") or mark in str({name: data[name] for name in data if name != key}):
            continue
        options = [path for folder in folders for path in folder.glob("data/*.yaml")]
        users = sorted({path.stem for path in options if mark in path.read_text(encoding="utf-8")})
        choose = f"; choose what uses it: {' or '.join(f'data={user}' for user in users)}" if users else ""
        found.append(f"data.{key}={data[key]}: the chosen data does not use it{choose}.")
    return found


def _folder(key: str, value: str, outputs: Path) -> Iterator[str]:
    path = Path(value).expanduser()
    if not path.exists():
        yield f"{key}={value}: no such folder (looked for {path.absolute()})."
    elif not path.is_dir():
        yield f"{key}={value}: is a file; name the folder that holds it."
    elif not os.access(path, os.R_OK | os.X_OK):
        yield f"{key}={value}: may not be read; change its permissions."


def _writable(key: str, value: str, outputs: Path) -> Iterator[str]:
    path = Path(value).expanduser().absolute()
    existing = next(place for place in (path, *path.parents) if place.exists())
    if not existing.is_dir():
        yield f"{key}={value}: {existing} is a file; name a folder."
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield f"{key}={value}: {existing} may not be written; change its permissions, or set {key} elsewhere."


def _run(key: str, value: str, outputs: Path) -> Iterator[str]:
    if sweep_of(value, outputs) is not None:
        return
    try:
        locate(value, outputs)
    except RunError as error:
        yield str(error)


def _at(config: Mapping[str, Any], key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


_POINTS_AT_A_SOURCE = "aurl.data.module.MusicData"
_PASSED_ON = ("root", "resolution", "pedal", "tracks")  # places that a source of data may point at
_PLACES: Mapping[str, Callable[[str, str, Path], Iterator[str]]] = {
    "data.root": _folder,
    "resume": _run,
    "paths.outputs": _writable,
}
