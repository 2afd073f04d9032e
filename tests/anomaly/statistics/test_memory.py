"""What is remembered goes through JSON under its own name."""

from __future__ import annotations

import json
import math

from aurl.anomaly.statistics.blocks import Blocks
from aurl.anomaly.statistics.memory import Remembers


class Part(Remembers):
    memory = ("_count", "values", "blocks", "_low")

    def __init__(self) -> None:
        self._count, self.values, self._low = 0, [1.0], math.inf
        self.blocks = Blocks(2)
        self.unsaved = 7


def test_fields_and_parts_come_back_and_nothing_else_is_saved() -> None:
    part, again = Part(), Part()
    part._count, part.values, part.unsaved = 3, [2.0, 5.0], 8
    part.blocks.push(1.0)
    part.blocks.push(3.0)
    state = json.loads(json.dumps(part.state_dict(), allow_nan=False))
    assert state.keys() == {"count", "values", "blocks", "low"}
    again.load_state_dict(state)
    assert (again._count, again.values, again._low, again.unsaved) == (3, [2.0, 5.0], math.inf, 7)
    assert again.blocks.medians == [2.0]
    again.values.append(1.0)
    assert state["values"] == [2.0, 5.0], "what was loaded is a copy"


def test_a_field_that_was_not_saved_stays() -> None:
    part = Part()
    part.load_state_dict({"values": [4.0]})
    assert (part.values, part._count) == ([4.0], 0)
