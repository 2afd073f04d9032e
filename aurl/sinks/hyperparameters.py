"""A run's configuration, as trackers show it beside its results."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aurl.machine.untrusted import yaml_document
from aurl.record import Json
from aurl.runs.listing import document_of
from aurl.runs.rundir import RunDirectory
from aurl.runs.settings import config_of, is_bookkeeping

_NOT_TUNED = re.compile(r"(anomaly|quality|sample|data\.source)\.|.*\.root$")
_OVERRIDE = re.compile(r"\+{0,2}([\w.]+)=")


def read(run: RunDirectory) -> dict[str, Json]:
    """The configuration by dotted key, secrets masked already; empty where nothing is known of it."""
    return config_of(run.path, document_of(run.run_json))


def tunable(config: Mapping[str, Json]) -> dict[str, bool | float | str]:
    """The keys that can make a difference to the result, with a single value each.

    Left out are keys of how a run is watched, named and stored, nulls, and lists. A `_target_` becomes its class's
    name under the key of its node: `model=VAE`.
    """
    found: dict[str, bool | float | str] = {}
    for key, value in config.items():
        aside = (is_bookkeeping(key) and key != "seed") or _NOT_TUNED.match(key)
        if isinstance(value, (bool, int, float, str)) and not aside:
            target = key.endswith("._target_")
            found[key.removesuffix("._target_")] = str(value).rpartition(".")[2] if target else value
    return found


def chosen(run: RunDirectory) -> set[str]:
    """The keys that were given on the command line, such as those that a sweep varies."""
    try:
        typed = yaml_document(run.hydra / "overrides.yaml")
    except (OSError, ValueError):
        return set()
    listed = typed if isinstance(typed, list) else ()
    return {found[1] for text in listed if (found := _OVERRIDE.match(str(text)))}
