"""Override strings to a composed config, every error of Hydra and OmegaConf turned into one clear message."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from aurl.config.explain import explain
from aurl.config.grammar import parse, quote_options
from aurl.config.phrases import ConfigFaultsError
from aurl.config.resolvers import register
from aurl.config.session import CONFIG_NAME, ConfigSource, Session, session
from aurl.config.values import check_values
from aurl.errors import ConfigError

# Hydra lets raw errors of Python through for some overrides (`=3` is a ValueError, `group=[nan]` a TypeError).
_LISTS_OF_A_PRESET = {"anomaly/detectors": "anomaly=off", "quality/metrics": "quality=off"}
LOADING_ERRORS = (
    HydraException,
    OmegaConfBaseException,
    yaml.YAMLError,
    UserWarning,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
)


def compose(
    overrides: Sequence[str],
    config_dir: Path | None = None,
    extra_dirs: Sequence[Path] = (),
    config_name: str = CONFIG_NAME,
) -> DictConfig:
    """The config of these overrides, interpolations left as they are, without Hydra's own node.

    Args:
        overrides: Hydra override strings, `trainer.epochs=3`, `logging=[tensorboard]`, `+logging=wandb`.
        config_dir: the folder of the primary config; aurl's own by default.
        extra_dirs: folders searched after it.

    Raises:
        ConfigError: an override or a file cannot be read, a key, group or option does not exist, a mandatory value
            is missing or an interpolation leads nowhere; all such faults of one kind in one message.
    """
    with session(ConfigSource(config_dir, tuple(extra_dirs), config_name)) as opened:
        return compose_in(opened, overrides)


def compose_in(opened: Session, overrides: Sequence[str], *, alone: bool = False) -> DictConfig:
    """`compose` in a session that is open already, which saves its set-up when many configs are composed.

    Args:
        alone: for one run, so that a file which asks for a sweep is an error.
    """
    config = load(opened, overrides)
    if alone and config.hydra.mode == RunMode.MULTIRUN:
        raise ConfigError("hydra.mode=MULTIRUN: a file that was chosen asks for a sweep; add -m, or change the file.")
    check_values(config)
    with open_dict(config):
        del config["hydra"]
    return config


def load(opened: Session, overrides: Sequence[str], multirun: bool = False) -> DictConfig:
    """The composed config with Hydra's node, its values not looked at yet.

    Raises:
        ConfigError: as `compose`.
    """
    register()
    overrides = quote_options(overrides, opened.folders)
    parsed = parse(overrides)
    if problems := [*filter(None, map(_replaces, parsed)), *_lost(parsed, opened)]:
        raise ConfigFaultsError(problems)
    try:
        return opened.compose(overrides, multirun)
    except LOADING_ERRORS as error:
        raise explain(error, parsed, opened, multirun) from error


def _replaces(override: Override) -> str:
    """What is wrong with an override that would leave one option in the place of all those that a preset lists."""
    group = override.key_or_group
    if group not in _LISTS_OF_A_PRESET or override.is_add() or override.is_delete():
        return ""
    given = (override.input_line or "").lstrip("+").partition("=")[2]
    alone = f"{_LISTS_OF_A_PRESET[group]} +{group}={given}"
    beside = f"+{group}={given}"
    return f"{group}={given}: leaves out all that the preset lists; write {beside} for beside them, {alone} for alone."


def _lost(overrides: Sequence[Override], opened: Session) -> list[str]:
    """What is wrong with a group that is both set and added to: Hydra leaves out what is added, without a word."""
    given: dict[str, dict[bool, list[str]]] = {}
    for override in overrides:
        if not override.is_delete() and opened.options(override.key_or_group):
            value = (override.input_line or "").partition("=")[2].strip("[]")
            kinds = given.setdefault(override.key_or_group, {})
            kinds.setdefault(override.is_add(), []).extend(filter(None, [value]))
    both = {group: [*kinds[False], *kinds[True]] for group, kinds in given.items() if len(kinds) == 2}
    return [
        f"{group}: is both set and added to, and then only what is set would count; write {group}=[{','.join(values)}]."
        for group, values in both.items()
    ]
