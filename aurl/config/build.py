"""The one place that makes objects from a config: a node's `_target_` called with the node's other keys."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from aurl.errors import AurlError, ConfigError
from aurl.machine.conf import TARGET
from aurl.machine.signatures import classes_in, items_of, signature_of
from aurl.machine.targets import full_names, locate

PARTIAL = "_partial_"


def build(node: Mapping[str, Any], expected: Any, path: str, /, **runtime: Any) -> Any:
    """The object that a plain config node describes, its nested nodes built first.

    A node without a `_target_` is of the class that is expected; where a mapping is expected, its values are built.
    With `_partial_: true` the class is not called but bound to its arguments, to be called later. What nested nodes may
    name is decided by the annotations of the class that takes them.

    Args:
        node: plain dicts, lists and values, as `to_plain` gives them.
        expected: the class that the node makes an object of, or an annotation such as `Mapping[str, Sink | None]`.
        path: the node's dotted path, for messages.
        runtime: further keyword arguments of the node's own class, such as `vocabulary=...`; they win over the config.

    Raises:
        ConfigError: the class cannot be imported, is not trusted or of another kind, or refuses its arguments; names
            the dotted path.
    """
    classes = classes_in(expected)
    if TARGET not in node and not classes:
        return {key: _built(value, items_of(expected), f"{path}.{key}") for key, value in node.items()}
    arguments = dict(node)
    name, bound = arguments.pop(TARGET, None), arguments.pop(PARTIAL, False)
    target = target_of(node, classes, path)
    signature = signature_of(target)
    for key, value in arguments.items():
        arguments[key] = _built(value, signature.annotation(key) if signature else Any, f"{path}.{key}")
    try:
        return partial(target, **(arguments | runtime)) if bound else target(**(arguments | runtime))
    except ConfigError as error:
        if str(error).startswith(path):
            raise
        raise ConfigError(f"{path}: {error}") from error
    except AurlError:
        raise  # of the data, a checkpoint, ...: names its own cause
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {name or target.__name__} refuses its arguments: {error}") from error


def target_of(node: Mapping[str, Any], classes: Sequence[type], path: str) -> Callable[..., Any]:
    """What a node calls: what its `_target_` names, or the one class that its place expects.

    Raises:
        ConfigError: names the dotted path.
    """
    name = node.get(TARGET)
    if name is None and len(classes) == 1 and not inspect.isabstract(classes[0]):
        return classes[0]
    try:
        if name is None:
            raise ConfigError(f"is missing; give the full name of a class below {full_names(classes)}.")
        return locate(name, *classes)
    except ConfigError as error:
        raise ConfigError(f"{path}.{TARGET}: {error}") from error


def to_plain(config: DictConfig) -> dict[str, Any]:
    """The config as plain dicts, lists and values, interpolations resolved: reading a DictConfig in a loop is slow.

    Raises:
        ConfigError: an interpolation leads nowhere, or a mandatory value is missing.
    """
    try:
        return cast(dict[str, Any], OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key or 'config'}: {str(error).splitlines()[0]}") from error


def _built(value: Any, expected: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        return build(value, expected, path)
    if isinstance(value, (list, tuple)):
        return [_built(item, items_of(expected), f"{path}[{index}]") for index, item in enumerate(value)]
    return value
