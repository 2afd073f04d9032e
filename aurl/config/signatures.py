"""The keys that a class or function takes, with their annotations resolved."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True)
class Signature:
    """What may be given to a callable by keyword.

    Attributes:
        annotations: the resolved annotation of each keyword; `Any` where there is none or it cannot be resolved.
        required: the keywords without a default.
        open: whether any other keyword is taken too (`**kwargs`).
    """

    annotations: Mapping[str, Any]
    required: frozenset[str]
    open: bool


@lru_cache(maxsize=1024)
def signature_of(target: Callable[..., Any]) -> Signature | None:
    """The keywords of a callable, or None for one written in C that does not tell."""
    try:
        parameters = inspect.signature(target).parameters
    except (ValueError, TypeError):
        return None
    keywords = {name: parameter for name, parameter in parameters.items() if parameter.kind in _KEYWORD}
    scope = _scope(target)
    return Signature(
        {name: _resolve(parameter.annotation, scope) for name, parameter in keywords.items()},
        frozenset(name for name, parameter in keywords.items() if parameter.default is inspect.Parameter.empty),
        any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()),
    )


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
