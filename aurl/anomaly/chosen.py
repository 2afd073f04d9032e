"""The detectors that a caller chose: an `anomaly` preset by name, changes to the default one, or a config node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aurl.anomaly.watch import Watch
from aurl.errors import ConfigError, did_you_mean
from aurl.machine.conf import construct, load_option

_OPEN = frozenset({"anomaly.detectors", "anomaly.roles"})  # nodes that take any key
_COMMON_KEY = re.compile(r"\$\{anomaly\.(\w+)\}")


def choose_watch(anomaly: str | Mapping[str, Any], config: Mapping[str, Any] | None = None) -> tuple[Watch, str]:
    """What an `anomaly` preset watches with, and its policy; or a mapping of changes to the default one.

    Args:
        config: the run's flat configuration, which advice refers to.
    """
    node = _anomaly(anomaly)
    return build_watch(node, config), str(node["policy"])


def build_watch(node: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> Watch:
    """The detectors of an `anomaly` node and what makes episodes of their findings."""
    return Watch(
        build_detectors(node),
        cooldown=node["cooldown"],
        max_alerts=node["max_alerts"],
        roles=node["roles"],
        config=config,
    )


def choose_detectors(anomaly: str | Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The detectors by name and the policy of an `anomaly` preset, or of a mapping of overrides to the default one."""
    config = _anomaly(anomaly)
    return build_detectors(config), str(config["policy"])


def build_detectors(config: Mapping[str, Any]) -> dict[str, Any]:
    """The detectors of an `anomaly` node, by name; those set to null are left out."""
    nodes = config.get("detectors") or {}
    return {name: construct(_resolved(node, config)) for name, node in nodes.items() if node is not None}


def _anomaly(anomaly: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(anomaly, str):
        return load_option("anomaly", anomaly)
    return _merge(load_option("anomaly", "default"), anomaly, "anomaly")


def _resolved(node: Mapping[str, Any], anomaly: Mapping[str, Any]) -> dict[str, Any]:
    common = {key: _COMMON_KEY.fullmatch(value) for key, value in node.items() if isinstance(value, str)}
    return dict(node) | {key: anomaly[match[1]] for key, match in common.items() if match}


def _merge(base: dict[str, Any], changes: Mapping[str, Any], path: str) -> dict[str, Any]:
    for key, value in changes.items():
        if key not in base and path not in _OPEN:
            raise ConfigError(f"{path}.{key}: no such key.{did_you_mean(key, base)} Keys: {', '.join(sorted(base))}")
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            base[key] = _merge(base[key], value, f"{path}.{key}")
        else:
            base[key] = value
    return base
