"""Why a config could not be composed: each override is held against the groups and keys that exist."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import GrammarParseError, OmegaConfBaseException

from aurl.config.phrases import ConfigFaultsError, dotted, unknown_key, unknown_option
from aurl.config.session import Session
from aurl.config.validate import taker_of
from aurl.errors import ConfigError, did_you_mean
from aurl.machine.conf import TARGET
from aurl.machine.secrets import mask_override, mask_text
from aurl.machine.signatures import signature_of


def explain(
    error: BaseException, overrides: Sequence[Override], opened: Session, multirun: bool = False
) -> ConfigError:
    """The ConfigError that says what Hydra's error means in terms of what the user wrote.

    Args:
        multirun: overrides may have several values.
    """
    if isinstance(error, yaml.YAMLError):
        return ConfigError(_broken_yaml(error))
    for kind in (UnicodeDecodeError, GrammarParseError):
        if isinstance(error, kind) or isinstance(error.__cause__, kind):
            return ConfigError(_broken_file(opened.folders, kind) or _general(error, opened))
    problems = [problem for override in overrides if (problem := _group_problem(override, opened))]
    problems += _key_problems(overrides, opened, multirun) if not problems else []
    return ConfigFaultsError(problems or [_general(error, opened)])


def _broken_yaml(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    if mark is None:
        return f"not valid YAML: {problem}."
    return f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}: not valid YAML: {problem}."


def _broken_file(folders: Sequence[Path], kind: type[BaseException]) -> str:
    """Hydra does not say in which file: the first one that fails alone in this way is named."""
    for path in (path for folder in folders for path in sorted(folder.rglob("*.yaml"))):
        try:
            OmegaConf.load(path)
        except (UnicodeDecodeError, GrammarParseError, yaml.YAMLError) as error:
            if isinstance(error, kind):
                return f"{path}: {_how_broken(error)}"
    return ""


def _how_broken(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not a text file in UTF-8 (byte {error.start}); save it as UTF-8."
    key = getattr(error, "full_key", None)
    return f"'{key}' holds a broken interpolation: {_first_line(error)}; write ${{KEY}}."


def _group_problem(override: Override, opened: Session) -> str:
    group = override.key_or_group
    if not opened.is_group(group) or override.is_delete():
        return _unknown_group(override, opened)
    if override.is_force_add():
        return f"{_shown(override)}: groups take one '+' at most; write +{group}=OPTION or {group}=OPTION."
    if override.is_sweep_override():
        return ""
    value = override.value()
    if isinstance(value, dict):
        return ""
    options = opened.options(group)
    for name in value if isinstance(value, list) else [value]:
        if str(name) not in options and "${" not in str(name):
            return unknown_option(group, str(name), options)
    return ""


def _unknown_group(override: Override, opened: Session) -> str:
    group = override.key_or_group
    if "/" not in group or opened.is_group(group):
        return ""
    groups = sorted(name for name in opened.groups() if not name.startswith("hydra") or override.is_hydra_override())
    return f"{group}: no such group.{did_you_mean(group, groups)} Groups: {', '.join(groups)}."


def _key_problems(overrides: Sequence[Override], opened: Session, multirun: bool) -> list[str]:
    """What is wrong with those overrides that set keys, given the config that the chosen options make."""
    chosen = [item.input_line or "" for item in overrides if opened.is_group(item.key_or_group) and not _sweeps(item)]
    try:
        config = opened.compose(chosen)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, UserWarning, ValueError, TypeError):
        return []  # the fault lies in the files or options themselves
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    hydra = {"hydra": plain.pop("hydra")}
    return [
        problem
        for override in overrides
        if (problem := _key_problem(override, hydra if override.is_hydra_override() else plain, opened, multirun))
    ]


def _key_problem(override: Override, config: dict[Any, Any], opened: Session, multirun: bool) -> str:
    key = override.key_or_group
    if _sweeps(override) and (not multirun or override.is_hydra_override()):
        return _several(override, opened)
    if opened.is_group(key):
        return ""
    exists = _exists(config, key)
    if override.is_add():
        refused = exists and not _sweeps(override) and not isinstance(override.value(), (dict, list))
        return f"{_shown(override)}: the key exists already; leave out the '+'." if refused else ""
    if exists or override.is_force_add():
        return ""
    return _unknown(key, config)


def _several(override: Override, opened: Session) -> str:
    if override.is_hydra_override():
        return f"{_shown(override)}: keys of Hydra itself take one value, also in a sweep."
    one = "" if opened.is_group(override.key_or_group) else f", or {override.key_or_group}=[...] to give one list"
    return f"{_shown(override)}: several values; add -m to run one job for each{one}."


def _unknown(key: str, config: dict[Any, Any]) -> str:
    """The message for the first part of a dotted key that does not exist."""
    parts = key.split(".")
    for depth in range(1, len(parts) + 1):
        path = ".".join(parts[:depth])
        if not _exists(config, path):
            break
    parent = _at(config, path.rpartition(".")[0])
    if not isinstance(parent, dict):
        above = path.rpartition(".")[0]
        return f"{key}: no such key; {above} is a single value and has no keys below it."
    if takes := _taker(config, ".".join(parts[:-1]), parts[-1]) if depth == len(parts) else "":
        return f"{key}: is not in the yaml file, but {takes} takes it; write +{key}=VALUE."
    everywhere = list(dotted(config))
    same_name = [known for known in everywhere if known.rpartition(".")[2] == parts[-1]]
    if depth < len(parts) and (close := get_close_matches(key, same_name, 1, cutoff=0)):
        return f"{key}: no such key. Did you mean '{close[0]}'?"
    siblings = (str(name) for name in parent if name != TARGET)
    return unknown_key(path if depth < len(parts) else key, siblings, everywhere)


def _taker(config: dict[Any, Any], path: str, name: str) -> str:
    """The class that the node at this path builds, where it has this parameter."""
    from aurl.config.experiment import Experiment

    taker = taker_of(config, path, Experiment)
    signature = signature_of(taker) if taker else None
    if taker is None or signature is None or name not in signature.annotations:
        return ""
    return f"{taker.__module__}.{taker.__qualname__}"


def _at(config: object, key: str) -> object:
    for part in key.split(".") if key else ():
        config = config[part] if isinstance(config, dict) and part in config else None
    return config


def _exists(config: object, key: str) -> bool:
    above, _, name = key.rpartition(".")
    parent = _at(config, above)
    return isinstance(parent, dict) and name in parent


def _sweeps(override: Override) -> bool:
    return bool(override.is_sweep_override())


def _shown(override: Override) -> str:
    return mask_override(override.input_line or override.key_or_group)


def _general(error: BaseException, opened: Session) -> str:
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return unknown_option(group, name, opened.options(group), " (a defaults list in a yaml file asks for it)")
    text = " ".join(str(error).strip().splitlines()[:2])
    if text.startswith("Could not delete"):
        return f"{text}; for none of a list of options write GROUP=[]."
    cause = error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        text = text.removeprefix("Error merging override ")
        where = "" if text.startswith(str(cause.full_key)) else cause.full_key
        text = ": ".join(part for part in (text, where, _first_line(cause)) if part)
    return mask_text(text) or type(error).__name__


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
