"""The jobs that a sweep will run, known before the first of them starts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf

from aurl.config.compose import load
from aurl.config.session import ConfigSource, Session, session
from aurl.errors import ConfigError

BASIC_SWEEPER = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"
MOST_JOBS = 64


def expand(
    overrides: Sequence[str], multirun: bool, source: ConfigSource | None = None, most: int = MOST_JOBS
) -> list[list[str]]:
    """The overrides of each job, as Hydra's basic sweeper combines them; the overrides alone without `multirun`.

    Values in `hydra.sweeper.params` take part. Of more than `most` combinations so many are given that every single
    value occurs once. Under another sweeper, ranges that cannot be listed (`interval(0,1)`) are left out.

    Raises:
        ConfigError: an override cannot be read, or the basic sweeper is given a range that cannot be listed.
    """
    if not multirun:
        return [list(overrides)]
    with session(source) as opened:
        return expand_in(opened, overrides, most)


def expand_in(opened: Session, overrides: Sequence[str], most: int = MOST_JOBS) -> list[list[str]]:
    """`expand` for a sweep, in a session that is open already."""
    config = load(opened, overrides, multirun=True).hydra
    params: Any = OmegaConf.to_container(config.sweeper.get("params") or OmegaConf.create({}), resolve=True)
    typed: Any = OmegaConf.to_container(config.overrides, resolve=False)  # `${...}` is each job's own affair
    arguments = [*(f"{key}={value}" for key, value in params.items()), *typed["task"]]
    basic = config.sweeper._target_ == BASIC_SWEEPER
    axes: dict[str, list[str]] = {}
    for override in _parse(arguments, opened):
        if values := _values(override, basic):
            axes[override.get_key_element()] = values
    return [[*typed["hydra"], *job] for job in _combine(list(axes.values()), most)]


def _parse(arguments: Sequence[str], opened: Session) -> list[Override]:
    try:
        return OverridesParser.create(opened.loader()).parse_overrides(list(arguments))
    except HydraException as error:
        raise ConfigError(f"hydra.sweeper.params: {str(error).splitlines()[0]}") from error


def _values(override: Override, basic: bool) -> list[str]:
    """The override once for each value that it sweeps over; nothing where they cannot be listed."""
    if not override.is_sweep_override() or override.is_discrete_sweep():
        values = [job[0] for job in BasicSweeper.split_arguments([override], None)[0]]
        if not values:
            raise ConfigError(f"{override.input_line}: stands for no value at all, so the sweep has no jobs.")
        return values
    if basic:
        key = override.get_key_element()
        raise ConfigError(
            f"{override.input_line}: the basic sweeper runs every value, which a continuous range has not; list them "
            f"({key}=0.1,0.2), write {key}=range(START,STOP,STEP), or choose a sweeper that draws values."
        )
    return []


def _combine(axes: Sequence[Sequence[str]], most: int) -> list[list[str]]:
    """All combinations, the last axis fastest; or, where they are too many, each value of each axis once."""
    if prod(map(len, axes)) <= most:
        return [list(job) for job in product(*axes)]
    return [[axis[index % len(axis)] for axis in axes] for index in range(max(map(len, axes)))]
