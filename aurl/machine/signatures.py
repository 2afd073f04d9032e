"""The keys that a class or function takes, their annotations resolved, and what these expect."""

from __future__ import annotations

import inspect
import sys
from collections import abc
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from types import NoneType, UnionType
from typing import Annotated, Any, Union, Unpack, get_args, get_origin, get_type_hints

_PLAIN = (bool, int, float, complex, str, bytes, NoneType, PathLike, Collection)
_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Signature:
    """What may be given to a callable by keyword.

    Attributes:
        annotations: the resolved annotation of each keyword; `Any` where there is none or it cannot be resolved.
        required: the keywords without a default.
        open: whether any other keyword is taken too (`**kwargs`).
        others: the annotation of these other keywords.
    """

    annotations: Mapping[str, Any]
    required: frozenset[str]
    open: bool
    others: Any = Any

    def annotation(self, key: str) -> Any:
        """What is expected of this keyword."""
        return self.annotations.get(key, self.others)


@lru_cache(maxsize=1024)
def signature_of(target: Callable[..., Any]) -> Signature | None:
    """The keywords of a callable, or None for one written in C that does not tell."""
    try:
        parameters = inspect.signature(target).parameters
    except (ValueError, TypeError):
        return None
    keywords = {name: parameter for name, parameter in parameters.items() if parameter.kind in _KEYWORD}
    scope = _scope(target)
    spread = [parameter for parameter in parameters.values() if parameter.kind is inspect.Parameter.VAR_KEYWORD]
    others = _resolve(spread[0].annotation, scope) if spread else Any
    annotations = {name: _resolve(parameter.annotation, scope) for name, parameter in keywords.items()}
    required = {name for name, parameter in keywords.items() if parameter.default is inspect.Parameter.empty}
    if get_origin(others) is Unpack:  # `**keys: Unpack[SomeTypedDict]` names them all, and takes no others
        [named] = get_args(others)
        hints = get_type_hints(named)
        return Signature({**annotations, **hints}, frozenset(required | named.__required_keys__), open=False)
    return Signature(annotations, frozenset(required), bool(spread), others)


def returns(target: Callable[..., Any]) -> Any:
    """The resolved annotation of what a function gives back; `Any` where there is none or it cannot be resolved."""
    try:
        annotation = inspect.signature(target).return_annotation
    except (ValueError, TypeError):
        return Any
    return _resolve(annotation, _scope(target))


def _scope(target: Callable[..., Any]) -> dict[str, Any]:
    """The names that the annotations of a target refer to: those of the module where its parameters are written."""
    function = target.__init__ if inspect.isclass(target) else target
    function = inspect.unwrap(function)
    scope = getattr(function, "__globals__", None)
    return scope if isinstance(scope, dict) else vars(sys.modules.get(target.__module__, sys))


def _resolve(annotation: Any, scope: dict[str, Any]) -> Any:
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, scope)  # what typing.get_type_hints does, one at a time
    except (NameError, AttributeError, TypeError, SyntaxError, ValueError):
        return Any  # names that exist for type checkers only


def classes_in(annotation: Any) -> tuple[type, ...]:
    """The classes that an annotation expects an object of: those of a union, and what a `Callable[..., X]` makes.

    Plain values of yaml (numbers, text, lists, mappings, paths) are none; neither is `object` or `Any`.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return classes_in(arguments[0])
    if origin in (Union, UnionType):
        return tuple(found for option in arguments for found in classes_in(option))
    if origin is abc.Callable:
        return classes_in(arguments[-1]) if arguments else ()
    if origin or not inspect.isclass(annotation) or issubclass(annotation, _PLAIN) or annotation in (Any, object):
        return ()
    return (annotation,)


def items_of(annotation: Any) -> Any:
    """The annotation of what a mapping or list holds, `X` of `Mapping[str, X] | None`; `Any` for anything else."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return items_of(arguments[0])
    if origin in (Union, UnionType):
        found = [items_of(option) for option in arguments]
        return next((item for item in found if item is not Any), Any)
    if not inspect.isclass(origin) or not issubclass(origin, Collection) or not arguments:
        return Any
    return arguments[-1] if arguments[-1] is not Ellipsis else arguments[0]
