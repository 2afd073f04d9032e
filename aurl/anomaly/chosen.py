"""The detectors that a caller chose: an `anomaly` preset by name, changes to the default one, or a config node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aurl.anomaly.base import Detector
from aurl.anomaly.detection import Detection
from aurl.anomaly.recovery import Recovery
from aurl.anomaly.watch import Watch
from aurl.errors import ConfigError, did_you_mean
from aurl.machine.conf import TARGET, construct, load_option
from aurl.machine.targets import full_names

_OPEN = frozenset({"anomaly.detectors", "anomaly.roles"})  # nodes that take any key
_COMMON_KEY = re.compile(r"\$\{anomaly\.(\w+)\}")


def choose_watch(anomaly: str | Mapping[str, Any], config: Mapping[str, Any] | None = None) -> tuple[Watch, str]:
    """What an `anomaly` preset watches with, and its policy; or a mapping of changes to the default one.

    Args:
        config: the run's flat configuration, which advice refers to.

    Raises:
        ConfigError: no such preset or key, a setting out of range, or a class that is no detector.
    """
    detection = choose_detection(anomaly)
    return detection.watch(config), detection.policy


def choose_detection(anomaly: str | Mapping[str, Any]) -> Detection:
    """The node `anomaly` of a preset, or of a mapping of changes to the default one, as an object."""
    if isinstance(anomaly, str):
        return _detection(load_option("anomaly", anomaly))
    return _detection(_merge(load_option("anomaly", "default"), anomaly, "anomaly"))


def build_watch(node: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> Watch:
    """The detectors of a plain `anomaly` node and what makes episodes of their findings."""
    return _detection(node).watch(config)


def _detection(node: Mapping[str, Any]) -> Detection:
    """What Hydra and `aurl.config.build` make of the node, without them."""
    nodes = node.get("detectors") or {}
    detectors = {name: construct(_resolved(one, node), Detector) for name, one in nodes.items() if one is not None}
    recovery = construct({TARGET: full_names([Recovery]), **(node.get("recovery") or {})}, Recovery)
    made = {TARGET: full_names([Detection]), **node, "detectors": detectors, "recovery": recovery}
    detection: Detection = construct(made, Detection)
    return detection


def _resolved(node: Mapping[str, Any], anomaly: Mapping[str, Any]) -> dict[str, Any]:
    common = {key: _COMMON_KEY.fullmatch(value) for key, value in node.items() if isinstance(value, str)}
    return dict(node) | {key: anomaly[match[1]] for key, match in common.items() if match}


def _merge(base: dict[str, Any], changes: Mapping[str, Any], path: str) -> dict[str, Any]:
    for key, value in changes.items():
        if key not in base and path not in _OPEN:
            keys = sorted(base.keys() - {TARGET})
            raise ConfigError(f"{path}.{key}: no such key.{did_you_mean(key, keys)} Keys: {', '.join(keys)}")
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            base[key] = _merge(base[key], value, f"{path}.{key}")
        else:
            base[key] = value
    return base
