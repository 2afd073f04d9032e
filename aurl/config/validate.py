"""A whole config held against the signatures it will be built with, before any work starts.

What is expected at a place is the annotation of the parameter that takes it, from `aurl.config.experiment.Experiment`
downwards. Every fault is found in one pass, and all are reported at once; nothing is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aurl.config.annotations import choices, describe, fits
from aurl.config.build import PARTIAL, target_of
from aurl.config.phrases import ConfigFaultsError, unknown_key
from aurl.errors import ConfigError, did_you_mean
from aurl.machine.conf import TARGET
from aurl.machine.secrets import mask
from aurl.machine.signatures import Signature, classes_in, items_of, signature_of

_OTHER_HYDRA_KEYS = frozenset({"_args_", "_convert_", "_recursive_"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a config.

    Attributes:
        key: the dotted key at fault.
        problem: what is wrong, what is allowed, and a suggestion; starts with the key.
    """

    key: str
    problem: str

    def __str__(self) -> str:
        return self.problem


def validate(config: Mapping[str, Any], root: type) -> list[Fault]:
    """All faults of a resolved, plain config, in the order of its keys.

    Args:
        config: plain dicts, lists and values; interpolations resolved.
        root: the class whose signature names the keys of the top level.
    """
    return list(_node(config, (root,), ""))


def check(config: Mapping[str, Any], root: type) -> None:
    """Raises one ConfigError that lists all faults of a config, if it has any."""
    if faults := validate(config, root):
        raise ConfigFaultsError([fault.problem for fault in faults])


def taker_of(config: Mapping[str, Any], path: str, root: type) -> Callable[..., Any] | None:
    """The class that the node at a dotted path builds; None where none does, or none that may be named there."""
    node: Any = config
    expected: Any = root
    for part in path.split(".") if path else ():
        taker = _taker(node, expected)
        expected = items_of(expected) if taker is None else _annotation(taker, part)
        node = node.get(part) if isinstance(node, Mapping) else None
    return _taker(node, expected)


def _taker(node: object, expected: Any) -> Callable[..., Any] | None:
    classes = classes_in(expected)
    if not isinstance(node, Mapping) or not (classes or TARGET in node):
        return None
    try:
        return target_of(node, classes, "")
    except ConfigError:
        return None


def _annotation(target: Callable[..., Any], key: str) -> Any:
    signature = signature_of(target)
    return signature.annotation(key) if signature else Any


def _visit(value: object, expected: Any, path: str) -> Iterator[Fault]:
    if isinstance(value, Mapping):
        classes = classes_in(expected)
        if TARGET in value or classes:
            yield from _node(value, classes, path)
        else:
            for key, item in value.items():
                yield from _visit(item, items_of(expected), f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _visit(item, items_of(expected), f"{path}[{index}]")


def _node(node: Mapping[str, Any], classes: tuple[type, ...], path: str) -> Iterator[Fault]:
    try:
        target = target_of(node, classes, path)
    except ConfigError as error:
        yield Fault(f"{path}.{TARGET}", f"{str(error).rstrip('.')}{'' if str(error).endswith('?') else '.'}")
        return
    if inspect.isabstract(target):
        yield Fault(f"{path}.{TARGET}", f"{path}.{TARGET}: '{node[TARGET]}' is abstract; name one of its subclasses.")
    signature = signature_of(target)
    if signature:
        yield from _bind(node, path, target, signature)
    for key, value in node.items():
        yield from _visit(value, signature.annotation(key) if signature else Any, f"{path}.{key}" if path else key)


def _bind(node: Mapping[str, Any], path: str, target: Any, signature: Signature) -> Iterator[Fault]:
    prefix = f"{path}." if path else ""
    given = frozenset(getattr(target, "given", ()))
    known = signature.annotations.keys() - given
    note = f"{target.__module__}.{target.__qualname__}" if TARGET in node else ""
    for key, value in node.items():
        if key in given:
            yield Fault(f"{prefix}{key}", f"{prefix}{key}: is set by aurl itself when it builds {path}; remove it.")
        elif key in known:
            yield from _typed(f"{prefix}{key}", value, signature.annotations[key])
        elif key not in (TARGET, PARTIAL) and (not signature.open or key in _OTHER_HYDRA_KEYS):
            yield Fault(f"{prefix}{key}", unknown_key(f"{prefix}{key}", known, note=note))
    for name in sorted(given - signature.annotations.keys()) if not signature.open else ():
        yield Fault(f"{prefix}{TARGET}", f"{prefix}{TARGET}: {note} has to take '{name}', which aurl passes to it.")
    for name in sorted(signature.required - given - node.keys()) if not node.get(PARTIAL) else ():
        wanted = describe(signature.annotations[name])
        yield Fault(f"{prefix}{name}", f"{prefix}{name}: is missing; {note or path} needs it ({wanted}).")


def _typed(key: str, value: object, annotation: Any) -> Iterator[Fault]:
    if fits(value, annotation):
        return
    shown = _show(key, value)
    yield Fault(key, f"{key}={shown}: has to be {describe(annotation)}.{_hint(key, value, annotation)}")


def _show(key: str, value: object) -> str:
    """The value as written on the command line, secrets masked, long ones cut."""
    masked = mask({key: value})
    assert isinstance(masked, Mapping)
    text = _written(masked[key])
    return text if len(text) <= 60 else f"{text[:57]}..."


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_written(item)}' for key, item in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_written, value))}]"
    return (
        str(value)
        if not (value is None or isinstance(value, bool))
        else "null"
        if value is None
        else str(value).lower()
    )


def _hint(key: str, value: object, annotation: Any) -> str:
    if isinstance(value, str) and (words := choices(annotation)):
        return did_you_mean(value, words)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and fits("", annotation):
        return f" To give a number as text, quote it twice: {key}=\"'{value}'\"."
    if not isinstance(value, (list, tuple, Mapping)) and value is not None and fits([value], annotation):
        return f" Write {key}=[{_show(key, value)}]."
    return ""
