"""Scalars that may still be on a GPU: copied without blocking, read one step later."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from aurl.machine.numbers import check_tensor, is_tensor, real_number


class Deferred:
    """Holds the tensors of one step until reading them costs no synchronisation.

    Tensors on the CPU are read at once. Tensors on an accelerator are stacked into one tensor and copied to the host
    without blocking; `read` is called one step later, when the copy has long finished.

    Raises:
        RecordError: a value is not one real number; nothing was copied then.
    """

    __slots__ = ("_copies", "_events", "_numbers", "_order")

    def __init__(self, scalars: Mapping[str, Any]) -> None:
        self._order = list(scalars)
        self._numbers = {name: real_number(name, value) for name, value in scalars.items() if not _is_elsewhere(value)}
        self._copies: list[tuple[list[str], Any]] = []
        self._events: list[Any] = []
        for names, values in _by_device(scalars):
            self._start_copy(names, values)

    @property
    def on_host(self) -> bool:
        """Whether nothing had to be copied, so that `read` is free now."""
        return not self._events

    def read(self) -> dict[str, float]:
        """All values as floats, in the order given; waits for the copy where it has not finished."""
        for event in self._events:
            event.synchronize()
        for names, copy in self._copies:
            self._numbers.update(zip(names, copy.tolist(), strict=True))
        return {name: self._numbers[name] for name in self._order}

    def _start_copy(self, names: list[str], values: list[Any]) -> None:
        torch = sys.modules["torch"]
        widest = torch.float32 if values[0].device.type == "mps" else torch.float64
        with torch.no_grad():
            stacked = torch.stack([value.detach().reshape(()).to(widest) for value in values])
            if stacked.device.type == "cuda":
                # Pinned, or the driver would make the copy wait.
                host = torch.empty(stacked.shape, dtype=stacked.dtype, pin_memory=True)
                host.copy_(stacked, non_blocking=True)
                event = torch.cuda.Event()
                event.record()
                self._events.append(event)
                stacked = host
        self._copies.append((names, stacked))


def _is_elsewhere(value: Any) -> bool:
    return is_tensor(value) and value.device.type != "cpu"


def _by_device(scalars: Mapping[str, Any]) -> list[tuple[list[str], list[Any]]]:
    groups: dict[Any, tuple[list[str], list[Any]]] = {}
    for name, value in scalars.items():
        if _is_elsewhere(value):
            check_tensor(name, value)
            names, values = groups.setdefault(value.device, ([], []))
            names.append(name)
            values.append(value)
    return list(groups.values())
