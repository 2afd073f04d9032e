"""How settings and groups are called: short enough for a table, exact enough to be typed as overrides."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aurl.record import Json

NOTHING_VARIES = "all runs"


def show_value(value: Json) -> str:
    """The text of a config value as it is typed in an override: `0.001`, `true`, `null`, `[a, b]`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def group_id(config: Mapping[str, Json]) -> str:
    """`model=vae, optim.lr=0.001`, for the keys that vary."""
    return ", ".join(f"{key}={show_value(value)}" for key, value in config.items()) or NOTHING_VARIES


def same_value(value: Json, typed: str) -> bool:
    """Whether a config value is what somebody typed: `1e-3` is 0.001, and `True` is `true`."""
    if typed == show_value(value):
        return True
    if isinstance(value, bool) or value is None:
        return typed.lower() in ({"null", "none", "~"} if value is None else {show_value(value)})
    if isinstance(value, (int, float)):
        try:
            return float(typed) == value
        except ValueError:
            return False
    return False


def _number(value: float) -> str:
    short = format(value, ".6g")
    return short if float(short) == value else repr(value)
