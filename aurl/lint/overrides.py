"""`key=value` on the command line: roles of columns, and settings of the detectors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aurl.anomaly.statistics.roles import Role
from aurl.errors import ConfigError, did_you_mean
from aurl.machine.conf import load_option

_ALIASES = {"time": Role.CLOCK.value}
_NOTHING = frozenset({"", "null", "none", "~"})
_OVERRIDE = re.compile(r"[A-Za-z_][\w.]*=.*", re.DOTALL)
_NUMBER = re.compile(r"[-+]?\d+")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user said beside the paths.

    Attributes:
        roles: column by role; an empty string for "none of them".
        anomaly: the content of the anomaly preset, with the user's changes.
    """

    roles: dict[str, str] = field(default_factory=dict)
    anomaly: dict[str, Any] = field(default_factory=dict)


def is_override(argument: str) -> bool:
    """Whether this is `key=value` and no path; folders of a sweep are called `0_optim.lr=0.1`."""
    return _OVERRIDE.fullmatch(argument) is not None and not os.path.lexists(argument)


def read(arguments: Iterable[str]) -> Overrides:
    """The overrides in arguments of the form `key=value`.

    `loss=my_column` gives a column its role; `step=null` counts rows. `anomaly=strict` takes another preset;
    `anomaly.zscore=3` or plainly `zscore=3` changes a value of it, `anomaly.detectors.loss_plateau=null` leaves a
    detector out, `anomaly.detectors.loss_spike.zscore=5` sets one alone.

    Raises:
        ConfigError: an unknown key, preset or detector; the message names the closest one.
    """
    pairs = [(key, value) for key, _, value in (argument.partition("=") for argument in arguments)]
    preset = next((value for key, value in reversed(pairs) if key == "anomaly"), "default")
    read = Overrides(anomaly=load_option("anomaly", preset))
    for key, value in pairs:
        role = _ALIASES.get(key, key)
        if role in set(Role):
            read.roles[role] = "" if value.lower() in _NOTHING else value
        elif key != "anomaly":
            _set(read.anomaly, key, _plain(value))
    return read


def _set(anomaly: dict[str, Any], key: str, value: object) -> None:
    path = key.removeprefix("anomaly.").split(".")
    if path[0] == "detectors" and len(path) > 1:
        _set_detector(anomaly, key, path[1:], value)
    elif len(path) == 1 and path[0] in anomaly and path[0] != "detectors":
        anomaly[path[0]] = value
    else:
        raise _unknown(key, anomaly)


def _set_detector(anomaly: dict[str, Any], key: str, path: list[str], value: object) -> None:
    name, *rest = path
    detectors = anomaly["detectors"]
    if name not in detectors:
        hint = did_you_mean(name, detectors)
        raise ConfigError(f"{key}: no such detector.{hint} Detectors: {', '.join(sorted(detectors))}")
    if not rest:
        if value is not None:
            raise ConfigError(f"{key}={value}: a detector can only be left out, with null; set its keys one by one")
        detectors[name] = None
        return
    node = detectors[name]
    keys = sorted(set(node or ()) - {"_target_"})
    if len(rest) != 1 or rest[0] not in keys:
        hint = did_you_mean(".".join(rest), keys)
        raise ConfigError(f"{key}: {name} has no such key.{hint} Its keys: {', '.join(keys) or 'none'}")
    node[rest[0]] = value


def _unknown(key: str, anomaly: Mapping[str, Any]) -> ConfigError:
    roles = [role.value for role in Role]
    settings = sorted(name for name in anomaly if name != "detectors")
    nested = [f"anomaly.{name}" for name in settings] + [f"anomaly.detectors.{name}" for name in anomaly["detectors"]]
    hint = did_you_mean(key, [*roles, *settings, *_ALIASES] if "." not in key else nested)
    return ConfigError(
        f"{key}=: neither a role nor a setting.{hint} Roles (loss=COLUMN): {', '.join(roles)}. "
        f"Settings: anomaly (a preset), {', '.join(settings)}, detectors.<name>, detectors.<name>.<key>"
    )


def _plain(text: str) -> object:
    """null, true, false, a number or a list as YAML means them, 1e-3 included; else the text itself."""
    if text.lower() in _NOTHING:
        return None
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if _NUMBER.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
