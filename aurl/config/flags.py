"""Hydra's own command-line flags told apart from overrides.

Hydra's parser stops at a flag between overrides: `train.py a=1 -m seed=1,2` fails with "unrecognized arguments". Here
flags may stand anywhere; whoever starts Hydra passes them on first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from aurl.config.grammar import quote_options
from aurl.config.session import CONFIG_NAME, ConfigSource
from aurl.errors import ConfigError, did_you_mean

# Long name of each flag to its short one.
SWITCHES = {
    "--help": "-h",
    "--hydra-help": "",
    "--version": "",
    "--resolve": "",
    "--run": "-r",
    "--multirun": "-m",
    "--shell-completion": "-sc",
}
WITH_VALUE = {
    "--cfg": "-c",
    "--package": "-p",
    "--config-path": "-cp",
    "--config-name": "-cn",
    "--config-dir": "-cd",
    "--experimental-rerun": "",
}
_SWEEPS = frozenset({"hydra.mode=MULTIRUN", "++hydra.mode=MULTIRUN"})  # how Hydra takes -m among the overrides
INFO = "--info"
INFO_VALUES = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
_LONG = {short: long for long, short in (SWITCHES | WITH_VALUE | {INFO: "-i"}).items() if short}


def split_argv(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hydra's flags, each with its value, and the overrides, each in the order given.

    Flags come back under their long names, options of groups quoted where Hydra would take them for numbers.

    Raises:
        ConfigError: a flag is unknown or lacks its value, or a config folder does not exist.
    """
    flags: list[str] = []
    overrides: list[str] = []
    rest = list(argv)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-") or argument == "-":
            overrides.append(argument)
        else:
            flags += _flag(argument, rest)
    if _SWEEPS.intersection(overrides) and not is_multirun(flags):
        flags.append("--multirun")
    return flags, quote_options(overrides, source_of(flags).folders())


def is_multirun(flags: Sequence[str]) -> bool:
    """Whether these flags, as `split_argv` gives them, start a sweep."""
    return "--multirun" in flags


def source_of(flags: Sequence[str]) -> ConfigSource:
    """Where the flags, as `split_argv` gives them, say that configs are read from."""
    values = dict(pairwise(flags))
    path, extra = values.get("--config-path"), values.get("--config-dir")
    return ConfigSource(
        Path(path).absolute() if path else None,
        (Path(extra).absolute(),) if extra else (),
        values.get("--config-name", CONFIG_NAME).removesuffix(".yaml"),
    )


def _flag(argument: str, rest: list[str]) -> list[str]:
    """The flag by its long name, and its value taken from behind `=` or from the arguments that follow."""
    name, sign, value = argument.partition("=")
    name = _LONG.get(name, name)
    if name in SWITCHES and not sign:
        return [name]
    if name == INFO:
        if not sign and rest and rest[0] in INFO_VALUES:
            value = rest.pop(0)
        return [name, value or "all"]
    if name in WITH_VALUE:
        if not sign and not rest:
            raise ConfigError(f"{argument}: needs a value.")
        return [name, value if sign else rest.pop(0)]
    known = [*SWITCHES, *WITH_VALUE, INFO, *_LONG]
    raise ConfigError(f"{argument}: no such flag.{did_you_mean(name, known)} Flags: {', '.join(sorted(known))}.")
