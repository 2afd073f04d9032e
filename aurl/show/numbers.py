"""Numbers on an axis. The dashboard's `ticks` in format.js follow the same rule, and a test holds both to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_UNITS = ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))
_LARGEST, _SMALLEST = 1e15, 1e-4
_LEAST_DIGITS, _MOST_DIGITS = 4, 15


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """The text of each tick of one axis, with at least four digits, and more where two ticks would read alike.

    Large counts have units (`25k`, `1.5M`, `2G`), very small and very large numbers a power of ten (`5e-5`).
    """
    gaps = [abs(high - low) for low, high in pairwise(ticks)]
    gap = min((gap for gap in gaps if gap > 0), default=0.0)
    return [tick_text(tick, gap) for tick in ticks]


def tick_text(value: float, gap: float = 0.0) -> str:
    """One number on an axis.

    Args:
        value: a finite number.
        gap: how far the next tick is, which says how many digits are needed; 0 where there is none.
    """
    size = abs(value)
    if size == 0 or (gap > 0 and size < 1e-9 * gap):
        return "0"
    digits = _LEAST_DIGITS
    if gap > 0:
        digits = min(_MOST_DIGITS, max(digits, _power(size) - _power(gap) + 2))
    if size >= _LARGEST or size < _SMALLEST:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        return f"{_trimmed(mantissa)}e{int(power)}"
    for limit, unit, letter in _UNITS:
        if size >= limit:
            return f"{_decimal(value / unit, digits)}{letter}"
    return _decimal(value, digits)


def _decimal(value: float, digits: int) -> str:
    """To so many significant digits, never with a power of ten."""
    return _trimmed(f"{value:.{max(0, digits - 1 - _power(abs(value)))}f}")


def _power(size: float) -> int:
    return math.floor(math.log10(size))


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
