"""A whole config held against the signatures it will be built with, before any work starts.

Keys of a node with a `_target_` are bound to that class. Keys of other nodes are checked where a table says which
callable will take them. Every fault is found in one pass, and all are reported at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from aurl.config.annotations import choices, describe, fits
from aurl.config.locate import locate
from aurl.config.phrases import ConfigFaultsError, unknown_key
from aurl.config.signatures import Signature, signature_of
from aurl.errors import ConfigError, did_you_mean
from aurl.machine.secrets import mask

# Dotted path of a node without `_target_` ("" for the root) to the callable, or its full name, that takes its keys.
Nodes: TypeAlias = Mapping[str, Callable[..., Any] | str]
# Dotted path (with * and ?) or `_target_` of a node to the keywords that aurl itself passes when it builds the node.
Provided: TypeAlias = Mapping[str, Collection[str]]

TARGET, PARTIAL = "_target_", "_partial_"
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


def validate(config: Mapping[str, Any], provided: Provided | None = None, nodes: Nodes | None = None) -> list[Fault]:
    """All faults of a resolved, plain config, in the order of its keys.

    Args:
        config: plain dicts, lists and values; interpolations resolved.
        provided: keywords that are passed at run time and must not be in the config.
        nodes: what takes the keys of nodes without a `_target_`.
    """
    return list(_Walk(provided or {}, nodes or {}).visit(config, ""))


def check(config: Mapping[str, Any], provided: Provided | None = None, nodes: Nodes | None = None) -> None:
    """Raises one ConfigError that lists all faults of a config, if it has any."""
    if faults := validate(config, provided, nodes):
        raise ConfigFaultsError([fault.problem for fault in faults])


@dataclass(frozen=True, slots=True)
class _Walk:
    provided: Provided
    nodes: Nodes

    def visit(self, node: object, path: str) -> Iterator[Fault]:
        if isinstance(node, Mapping):
            yield from self._mapping(node, path)
            for key, value in node.items():
                yield from self.visit(value, f"{path}.{key}" if path else str(key))
        elif isinstance(node, (list, tuple)):
            for index, value in enumerate(node):
                yield from self.visit(value, f"{path}[{index}]")

    def _mapping(self, node: Mapping[str, Any], path: str) -> Iterator[Fault]:
        name = node.get(TARGET, self.nodes.get(path))
        if name is None:
            return
        try:
            target = name if callable(name) else locate(name)
        except ConfigError as error:
            yield Fault(
                f"{path}.{TARGET}",
                f"{path}.{TARGET}: {str(error).rstrip('.')}{'' if str(error).endswith('?') else '.'}",
            )
            return
        if inspect.isabstract(target):
            yield Fault(f"{path}.{TARGET}", f"{path}.{TARGET}: '{name}' is abstract; name one of its subclasses.")
        if signature := signature_of(target):
            yield from self._bind(node, path, target, signature)

    def _bind(self, node: Mapping[str, Any], path: str, target: Any, signature: Signature) -> Iterator[Fault]:
        prefix = f"{path}." if path else ""
        given = self._given(path, node.get(TARGET))
        known = signature.annotations.keys() - given
        note = f"{target.__module__}.{target.__qualname__}" if TARGET in node else ""
        for key, value in node.items():
            if key in given:
                yield Fault(f"{prefix}{key}", f"{prefix}{key}: is set by aurl itself when it builds {path}; remove it.")
            elif key in known:
                yield from _typed(f"{prefix}{key}", value, signature.annotations[key])
            elif f"{prefix}{key}" in self.nodes and not isinstance(value, Mapping):
                yield Fault(
                    f"{prefix}{key}", f"{prefix}{key}={_show(key, value)}: is a group of keys, not a single value."
                )
            elif not self._accepts(f"{prefix}{key}", str(key), value, signature, TARGET in node):
                yield Fault(f"{prefix}{key}", unknown_key(f"{prefix}{key}", known | self._inner(prefix), note=note))
        for name in sorted(given - signature.annotations.keys()) if not signature.open else ():
            yield Fault(f"{prefix}{TARGET}", f"{prefix}{TARGET}: {note} has to take '{name}', which aurl passes to it.")
        for name in sorted(signature.required - given - node.keys()) if not node.get(PARTIAL) else ():
            wanted = describe(signature.annotations[name])
            yield Fault(f"{prefix}{name}", f"{prefix}{name}: is missing; {note or path} needs it ({wanted}).")

    def _accepts(self, path: str, key: str, value: object, signature: Signature, built: bool) -> bool:
        """Whether a key that no parameter names has its place all the same."""
        if key in (TARGET, PARTIAL):
            return True
        if not built and isinstance(value, Mapping) and TARGET in value:
            return True  # a node of its own below one that only groups
        return key in self._inner(path.removesuffix(key)) or (signature.open and key not in _OTHER_HYDRA_KEYS)

    def _inner(self, prefix: str) -> set[str]:
        """The names of the nodes that the table has below a path."""
        return {path[len(prefix) :].split(".")[0] for path in self.nodes if path.startswith(prefix) and path}

    def _given(self, path: str, target: object) -> frozenset[str]:
        names: set[str] = set()
        for pattern, keywords in self.provided.items():
            if pattern == target or fnmatchcase(path, pattern):
                names.update(keywords)
        return frozenset(names)


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
