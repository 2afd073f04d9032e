"""Text to numbers: empty cells are "not logged" (None), NaN is a number."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping
from typing import Any

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
_C_RUNTIME = {  # what printf of older Windows runtimes writes
    "1.#qnan": math.nan, "-1.#ind": math.nan, "1.#ind": math.nan, "-nan(ind)": math.nan, "nan(ind)": math.nan,
    "1.#inf": math.inf, "-1.#inf": -math.inf,
}  # fmt: skip
_DEEPEST = 8  # levels of nested JSON that become a name


def number(cell: str) -> float | None:
    """The number in a cell, `0,5` with a decimal comma included; None for an empty cell and for text."""
    try:
        return float(cell)
    except ValueError:
        text = cell.strip().lower()
        if _DECIMAL_COMMA.fullmatch(text):
            return float(text.replace(",", "."))
        return _C_RUNTIME.get(text)


def numbers(entry: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a JSON object, nested names joined by a slash: `{"val": {"loss": 1}}` gives `val/loss`.

    Strings that spell a number count, since JSON has no NaN; null, true and lists are "not logged".
    """
    found: dict[str, float] = {}
    waiting: list[tuple[str, Any, int]] = [(str(key), value, 1) for key, value in entry.items()]
    for name, value, depth in waiting:
        if type(value) is float:
            found[name] = value
        elif isinstance(value, Mapping):
            if depth < _DEEPEST:
                waiting.extend((f"{name}/{key}", item, depth + 1) for key, item in value.items())
        elif (read := _number_of(value)) is not None:
            found[name] = read
    return found


def texts(entry: Mapping[str, Any], keys: Container[str]) -> list[str]:
    """The texts under these names, which are in lower case."""
    return [value for key, value in entry.items() if isinstance(value, str) and str(key).lower() in keys]


def _number_of(value: object) -> float | None:
    if isinstance(value, str):
        return number(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return None
