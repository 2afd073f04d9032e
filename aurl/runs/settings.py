"""The configuration of a run, flat, and which of its keys make two runs different experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from aurl.record import Json
from aurl.runs.rundir import RunDirectory

_BOOKKEEPING = frozenset(
    {
        "name",
        "tags",
        "resume",
        "profile",
        "probe_seconds",
        "report",
        "sample.audio",
        "sample.image",
        "data.workers",
        "experiment",
    }
)
_BOOKKEEPING_GROUPS = ("paths.", "logging.", "notify.", "textlog.", "launcher.", "hydra.", "search.", "job.")
_NO_CHOICE = frozenset({"hydra", "debug", "launcher", "search", "experiment", "logging", "notify"})


def settings_of(folder: Path, document: Mapping[str, Any]) -> dict[str, Json]:
    """The flat configuration of a run, and the options chosen for its groups (`"model": "vae"`).

    Read from `config.json`, else from `.hydra/config.yaml` (interpolations as written), else from the key `config` of
    `run.json`, where `Monitor.open` keeps what it was given; empty where there is none of these.
    """
    run = RunDirectory(folder)
    flat = _from_json(run.config_json) or _from_yaml(run.hydra / "config.yaml")
    if not flat and isinstance(document.get("config"), Mapping):
        flat = dict(_flat(document["config"], ""))
    chosen = choices(run.hydra / "hydra.yaml")
    return {name: option for name, option in chosen.items() if name not in flat} | flat


def is_bookkeeping(key: str) -> bool:
    """Whether a key says where a run goes or what it is called, and nothing about what is trained."""
    return key in _BOOKKEEPING or key.startswith(_BOOKKEEPING_GROUPS) or key.rpartition(".")[2] in {"seed", "job"}


def choices(hydra_yaml: Path) -> dict[str, Json]:
    """The options chosen for the config groups, from Hydra's own record of a run.

    Only this block of the file is looked at: parsing a thousand such files as YAML would take ten seconds.
    """
    try:
        lines = hydra_yaml.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, Json] = {}
    inside = False
    for line in lines:
        if inside and not line.startswith("      "):
            break
        if inside:
            name, _, option = line.strip().partition(": ")
            option = option.strip("'\"")
            if name.partition("/")[0] not in _NO_CHOICE and option != "null":
                found[name] = option
        inside = inside or line == "    choices:"
    return found


def _from_json(path: Path) -> dict[str, Json]:
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return dict(_flat(content, "")) if isinstance(content, dict) else {}


def _from_yaml(path: Path) -> dict[str, Json]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(errors="replace"))
    except (OSError, yaml.YAMLError):
        return {}
    return dict(_flat(content, "")) if isinstance(content, Mapping) else {}


def _flat(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, Json]]:
    for key, value in node.items():
        child = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            yield from _flat(value, child)
        else:
            yield child, value
