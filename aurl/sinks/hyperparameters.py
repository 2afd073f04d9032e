"""A run's configuration, as trackers show it beside its results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from aurl.record import Json
from aurl.runs.rundir import RunDirectory

_PLUMBING = re.compile(
    r"(paths|logging|textlog|hydra|notify|pictures|anomaly|quality|sample|checkpoint|data\.source)\."
    r"|(name|tags|resume|profile|probe_seconds)$|.*\.root$"
)
_OVERRIDE = re.compile(r"\+{0,2}([\w.]+)=")


def read(run: RunDirectory) -> dict[str, Json]:
    """The configuration by dotted key: `config.json`, or what `Monitor.open` was given; empty where there is neither.

    Secrets are masked already.
    """
    config = _json(run.config_json.read_bytes() if run.config_json.is_file() else b"{}")
    if not config and run.run_json.is_file():
        config = _json(run.run_json.read_bytes()).get("config") or {}
    return dict(_flat(config))


def tunable(config: Mapping[str, Json]) -> dict[str, bool | float | str]:
    """The keys that can make a difference to the result, with a single value each.

    Left out are keys of how a run is watched, named and stored, nulls, and lists. A `_target_` becomes its class's
    name under the key of its node: `model=VAE`.
    """
    found: dict[str, bool | float | str] = {}
    for key, value in config.items():
        if isinstance(value, (bool, int, float, str)) and not _PLUMBING.match(key):
            target = key.endswith("._target_")
            found[key.removesuffix("._target_")] = str(value).rpartition(".")[2] if target else value
    return found


def chosen(run: RunDirectory) -> set[str]:
    """The keys that were given on the command line, such as those that a sweep varies."""
    import yaml

    path = run.hydra / "overrides.yaml"
    typed = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return {found[1] for text in typed or () if (found := _OVERRIDE.match(str(text)))}


def _json(content: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Json]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
