"""What a part remembers, saved under the names of its fields."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aurl.record import Json


class Remembers:
    """A part whose memory is a list of named fields.

    Attributes:
        memory: names of the attributes to save: JSON values, lists and dicts of them, or parts with a memory of their
            own. A leading underscore is no part of the saved name.
    """

    __slots__ = ()
    memory: ClassVar[tuple[str, ...]] = ()

    def state_dict(self) -> dict[str, Json]:
        """What it remembers; JSON values."""
        return {name.lstrip("_"): _saved(getattr(self, name)) for name in self.memory}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave; fields that it lacks stay as they are."""
        for name in self.memory:
            if name.lstrip("_") not in state:
                continue
            value, now = state[name.lstrip("_")], getattr(self, name)
            if hasattr(now, "load_state_dict"):
                now.load_state_dict(value)
            else:
                setattr(self, name, _copied(value))


def _saved(value: Any) -> Json:
    if hasattr(value, "state_dict"):
        saved: Json = value.state_dict()
        return saved
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}  # JSON has no infinity
    return value  # type: ignore[no-any-return]


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return float(value["float"]) if value.keys() == {"float"} else dict(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
