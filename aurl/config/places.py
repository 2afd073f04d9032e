"""Files and folders that a config names and that must exist before a run can use them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aurl.config.resume import locate
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
    try:
        locate(value, outputs)
    except RunError as error:
        yield str(error)


def _at(config: Mapping[str, Any], key: str) -> Any:
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


_PLACES: Mapping[str, Callable[[str, str, Path], Iterator[str]]] = {
    "data.root": _folder,
    "resume": _run,
    "paths.outputs": _writable,
}
