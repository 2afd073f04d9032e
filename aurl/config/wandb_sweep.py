"""A sweep of Weights & Biases made of a Hydra one: the same parameters, with their values or ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from omegaconf import OmegaConf

from aurl.config.compose import load
from aurl.config.session import ConfigSource, session
from aurl.errors import ConfigError
from aurl.scalars import describe


def wandb_sweep(
    overrides: Sequence[str], source: ConfigSource | None = None, method: str | None = None
) -> dict[str, Any]:
    """What `wandb sweep FILE` takes, for the sweep that `aurl train -m` would run with these overrides.

    Values that are listed (`a=1,2`, `choice(1,2)`, `range(1,4)`, a search file) become `values`, intervals become a
    uniform distribution, or a log-uniform one with `tag(log, interval(...))`. Overrides with one value go into the
    command. The metric is that of `checkpoint.metric`.

    Args:
        method: grid, random or bayes; None for grid where all values are listed, else random.

    Raises:
        ConfigError: an override cannot be read, nothing is swept over, or a grid is asked for and there is an interval.
    """
    with session(source) as opened:
        config = load(opened, overrides, multirun=True)
        params: Any = OmegaConf.to_container(config.hydra.sweeper.get("params") or OmegaConf.create({}), resolve=True)
        metric, mode = str(config.checkpoint.metric), str(config.checkpoint.mode)
        parser = OverridesParser.create(opened.loader())
        found = parser.parse_overrides([*(f"{key}={value}" for key, value in params.items()), *overrides])
    swept = {override.get_key_element(): _range(override) for override in found if override.is_sweep_override()}
    if not swept:
        raise ConfigError("aurl wandb sweep: no override has several values; give one (seed=1,2,3) or search=lr")
    continuous = [key for key, value in swept.items() if "values" not in value]
    if method == "grid" and continuous:
        raise ConfigError(f"--method=grid: {continuous[0]} is an interval; list its values, or use random or bayes")
    fixed = [str(override.input_line) for override in found if not override.is_sweep_override()]
    named = any(override.startswith(("logging=", "+logging=")) and "wandb" in override for override in fixed)
    return {
        "program": "train.py",
        "method": method or ("random" if continuous else "grid"),
        "metric": _goal(metric, mode),
        "parameters": swept,
        "command": [
            "${env}", "${interpreter}", "${program}", *fixed, *([] if named else ["+logging=wandb"]),
            "${args_no_hyphens}",
        ],
    }  # fmt: skip


def _range(override: Override) -> dict[str, Any]:
    value = override.value()
    if isinstance(value, IntervalSweep):
        is_log = "log" in value.tags
        limits = {"min": _limit(value.start), "max": _limit(value.end)}
        return {"distribution": "log_uniform_values" if is_log else "uniform", **limits}
    return {"values": [_plain(text) for text in override.sweep_string_iterator()]}


def _goal(metric: str, mode: str) -> dict[str, str]:
    """The best value of a run, as its summary has it: `WandbSink` keeps it where a better direction is known."""
    better = describe(metric).better
    higher = better == "higher" if mode == "auto" else mode == "max"
    name = metric if better == "neither" else f"{metric}.{'max' if higher else 'min'}"
    return {"name": name, "goal": "maximize" if higher else "minimize"}


def _limit(value: float | None) -> float:
    assert value is not None  # an interval has both ends
    return value


def _plain(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return {"true": True, "false": False, "null": None}.get(text, text)
