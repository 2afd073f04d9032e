"""What a trainer logs, as numbers: what is none is left out and noted once, for it must not end a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurl.errors import RecordError
from aurl.machine.numbers import real_number
from aurl.monitor import Monitor


class Numbers:
    """Turns logged values to floats. Each name that holds none is noted once."""

    def __init__(self) -> None:
        self._noted: set[str] = set()

    def of(self, values: Mapping[Any, Any], monitor: Monitor) -> dict[str, float]:
        """The numbers by name: those of Python, numpy and torch, also in an array of one element."""
        found: dict[str, float] = {}
        for name, value in values.items():
            try:
                if value is not None:
                    found[str(name)] = real_number(name, value)
            except RecordError:
                if name not in self._noted:
                    self._noted.add(name)
                    monitor.note(f"{name}: {type(value).__name__} is no number; it is not recorded", level="warning")
        return found
