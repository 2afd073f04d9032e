"""What a trainer logs, as numbers: what is none is left out and noted once, for it must not end a training."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, SupportsFloat

from aurl.monitor import Monitor


class Numbers:
    """Turns logged values to floats. Each name that holds none is noted once."""

    def __init__(self) -> None:
        self._noted: set[str] = set()

    def of(self, values: Mapping[Any, Any], monitor: Monitor) -> dict[str, float]:
        """The numbers by name: those of Python, numpy and torch, also in an array of one element."""
        found: dict[str, float] = {}
        for name, value in values.items():
            number = number_of(value)
            if number is not None:
                found[str(name)] = number
            elif value is not None and name not in self._noted:
                self._noted.add(name)
                monitor.note(f"{name}: {type(value).__name__} is no number; it is not recorded", level="warning")
        return found


def number_of(value: Any) -> float | None:
    """The value as a float, or None where it is no single real number."""
    if isinstance(value, (int, float, Decimal)):
        return float(value) if not isinstance(value, int) or abs(value) < 2**1023 else None
    try:
        alone = value.item() if callable(getattr(value, "item", None)) else value
        return float(alone) if isinstance(alone, SupportsFloat) and not isinstance(alone, (str, bytes)) else None
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
