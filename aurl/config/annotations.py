"""Does a plain config value fit a type annotation? Only what yaml can express is looked at; all else passes."""

from __future__ import annotations

from collections import abc
from collections.abc import Mapping
from inspect import isclass
from os import PathLike
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from aurl.machine.signatures import classes_in

_LISTS = (list, set, frozenset, abc.Sequence, abc.Collection, abc.Iterable, abc.Set, abc.MutableSequence)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)
_WORDS = {bool: "true or false", int: "an integer", float: "a number", str: "text", NoneType: "null"}


def fits(value: object, annotation: Any) -> bool:
    """Whether a constructor annotated so takes this value.

    An integer fits float, a list fits tuple and sequence, text fits a path; true does not fit int. Annotations that
    say nothing about yaml values (type variables, callables) fit everything; a class of our own wants a node, whose
    `_target_` is looked at by who visits that node.
    """
    annotation = _bare(annotation)
    if annotation in (Any, object):
        return True
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return any(fits(value, option) for option in arguments)
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in arguments)
    if (kind := origin or annotation) in (tuple, *_LISTS, *_MAPPINGS):
        return _fits_container(value, kind, arguments)
    if classes_in(annotation):
        return isinstance(value, Mapping)  # a node of a class: what it names and holds is looked at there
    return _fits_scalar(value, annotation)


def describe(annotation: Any) -> str:
    """The annotation in words: `one of 'bf16', 'fp32'`, `an integer or null`, `a list of numbers`."""
    annotation = _bare(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(describe(option) for option in arguments)
    if origin is Literal:
        options = ", ".join(repr(option) for option in arguments)
        return f"one of {options}" if len(arguments) > 1 else options
    if (kind := origin or annotation) in (tuple, *_LISTS, *_MAPPINGS):
        return _describe_container(kind, arguments)
    if isclass(annotation) and issubclass(annotation, PathLike):
        return "a path"
    if classes_in(annotation):
        return f"a group of keys that makes a {annotation.__module__}.{annotation.__qualname__}"
    return _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _describe_container(kind: Any, arguments: tuple[Any, ...]) -> str:
    if kind in _MAPPINGS:
        return f"a mapping, each value {describe(arguments[1])}" if arguments else "a mapping"
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        return f"a list of {len(arguments)} ({', '.join(map(describe, arguments))})"
    return f"a list, each {describe(arguments[0])}" if arguments else "a list"


def choices(annotation: Any) -> list[str]:
    """The words that a Literal allows, also one inside a union, for a suggestion."""
    annotation = _bare(annotation)
    if get_origin(annotation) is Literal:
        return [option for option in get_args(annotation) if isinstance(option, str)]
    if get_origin(annotation) in (Union, UnionType):
        return [word for option in get_args(annotation) for word in choices(option)]
    return []


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _fits_container(value: object, kind: Any, arguments: tuple[Any, ...]) -> bool:
    if kind in _MAPPINGS:
        return isinstance(value, Mapping) and all(fits(item, arguments[1]) for item in value.values() if arguments)
    if not isinstance(value, (list, tuple)):
        return False
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    return all(fits(item, arguments[0]) for item in value if arguments)


def _fits_scalar(value: object, annotation: Any) -> bool:
    if annotation is None or annotation is NoneType:
        return value is None
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if annotation in (bool, str):
        return isinstance(value, annotation)
    if isclass(annotation) and issubclass(annotation, PathLike):
        return isinstance(value, (str, PathLike))
    return True
