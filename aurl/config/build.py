"""The one place that makes objects from a config: a node's `_target_` called with the node's other keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from aurl.config.locate import locate
from aurl.config.validate import PARTIAL, TARGET
from aurl.errors import AurlError, ConfigError


def build(node: Mapping[str, Any], path: str = "", /, **runtime: Any) -> Any:
    """The object that a plain config node describes, its nested nodes built first.

    A node without a `_target_` gives a dict of what its values build. With `_partial_: true` the class is not called
    but bound to its arguments, to be called later.

    Args:
        node: plain dicts, lists and values, as `to_plain` gives them.
        path: the node's dotted path, for messages.
        runtime: further keyword arguments of the node's own class, such as `vocabulary=...`; they win over the config.

    Raises:
        ConfigError: the class cannot be imported or is not trusted, or refuses its arguments; names the dotted path.
    """
    arguments = {key: _built(value, f"{path}.{key}" if path else str(key)) for key, value in node.items()}
    if TARGET not in arguments:
        if runtime:
            raise ConfigError(f"{path or 'the node'}: has no {TARGET} that could take {', '.join(sorted(runtime))}")
        return arguments
    name, bound = arguments.pop(TARGET), arguments.pop(PARTIAL, False)
    place = path or str(name)
    try:
        target = locate(name)
    except ConfigError as error:
        raise ConfigError(f"{place}.{TARGET}: {error}") from error
    try:
        return partial(target, **(arguments | runtime)) if bound else target(**(arguments | runtime))
    except ConfigError as error:
        if str(error).startswith(place):
            raise
        raise ConfigError(f"{place}: {error}") from error
    except AurlError:
        raise  # of the data, a checkpoint, ...: names its own cause
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {name} refuses its arguments: {error}") from error


def to_plain(config: DictConfig) -> dict[str, Any]:
    """The config as plain dicts, lists and values, interpolations resolved: reading a DictConfig in a loop is slow.

    Raises:
        ConfigError: an interpolation leads nowhere, or a mandatory value is missing.
    """
    try:
        return cast(dict[str, Any], OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key or 'config'}: {str(error).splitlines()[0]}") from error


def _built(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return build(value, path)
    if isinstance(value, (list, tuple)):
        return [_built(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return value
