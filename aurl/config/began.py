"""What a run began with, given back when it is resumed by an aurl whose defaults are other ones by now."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aurl.config.build import to_plain
from aurl.config.compose import compose_in, load
from aurl.config.grammar import quoted
from aurl.config.session import ConfigSource, Session, session
from aurl.errors import ConfigError
from aurl.machine.conf import TARGET
from aurl.machine.secrets import MASK
from aurl.machine.untrusted import yaml_document
from aurl.record import Json
from aurl.runs.settings import GAINED, config_of, flatten, frozen, is_bookkeeping

_PARTS = "parts"
_NO_SETTINGS = ("hydra", "logging", "notify", "pictures", _PARTS, "debug", "search", "launcher")


def as_it_began(run: Path, saved: Sequence[str], source: ConfigSource) -> list[str]:
    """Overrides that give back each setting of a run whose default has changed since it began.

    Where the defaults are those of then, there are none.

    Args:
        run: its directory.
        saved: the overrides that it was started with.
        source: where configs are read from.
    """
    began = config_of(run, {})
    if not began:
        return []
    try:
        with session(source) as opened:
            groups = list(_groups(opened, run, saved))
            return [*groups, *_settings(began, flatten(to_plain(compose_in(opened, [*saved, *groups]))))]
    except ConfigError:
        return []  # the command composes them once more, and says what is wrong


def _groups(opened: Session, run: Path, saved: Sequence[str]) -> Iterator[str]:
    """The options that were chosen by default then, and are not now."""
    try:
        then = yaml_document(run / ".hydra" / "hydra.yaml")["hydra"]["runtime"]["choices"]
        found = {str(group): str(option) for group, option in then.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return
    now = load(opened, saved).hydra.runtime.choices
    for group, option in found.items():
        if group.partition("/")[0] in _NO_SETTINGS or str(now.get(group)) == option:
            continue
        if group in now and option in opened.options(group):
            yield f"{group}={option}"


def _settings(began: Mapping[str, Json], now: Mapping[str, Json]) -> Iterator[str]:
    gained = {key: value for key, value in GAINED.items() if key in now and key not in began}
    for key, value in {**began, **gained}.items():
        if key in now and frozen(now[key]) != frozen(value) and _is_setting(key, value):
            yield f"{key}={_written(value)}"
    for name in dict.fromkeys(key.split(".")[1] for key in now if key.startswith(f"{_PARTS}.")):
        if not any(key == f"{_PARTS}.{name}" or key.startswith(f"{_PARTS}.{name}.") for key in began):
            yield f"~{_PARTS}.{name}"


def _is_setting(key: str, value: Json) -> bool:
    finite = not isinstance(value, float) or math.isfinite(value)
    return finite and not is_bookkeeping(key) and key.rpartition(".")[2] != TARGET and MASK not in str(value)


def _written(value: Json) -> str:
    """The value as Hydra's grammar reads it."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{_written(item)}' for key, item in value.items())}}}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
