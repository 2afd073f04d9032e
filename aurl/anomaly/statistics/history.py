"""What happened in a run lately: what was set to another value, restarts, evaluations."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from aurl.anomaly.statistics.roles import Role
from aurl.record import Json

_LR = Role.LR
_MOST = 32
_CHANGED = 1.5  # factor from which a change of learning rate, KL weight or loss scale is a fact
_STILL_RISING = 16  # observations since the learning rate last rose
_VALIDATIONS = 16


class Fact(NamedTuple):
    """Something that happened and may explain an alert, without being one.

    Attributes:
        at: the observation at which it happened.
        step: the step.
        kind: what, such as `lr_up`; see `aurl.anomaly.causes`.
        text: a phrase with the values.
        size: how large, 1 for just worth noting.
    """

    at: int
    step: int
    kind: str
    text: str
    size: float


class History:
    """Facts, and the last values of what is set rather than measured: learning rate, KL weight, loss scale.

    Attributes:
        facts: the last 32, oldest first.
        last: the last finite value of each such role.
        lr_peak: the highest learning rate so far.
        validations: step and value of the last 16 validation losses above 0.
    """

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.last: dict[Role, float] = {}
        self.lr_peak = 0.0
        self.validations: list[tuple[int, float]] = []
        self._lr_rose = -_STILL_RISING

    def tell(self, fact: Fact) -> None:
        """Remember a fact."""
        self.facts = [*self.facts[1 - _MOST :], fact]

    def note(self, role: Role, name: str, value: float, at: int, step: int) -> None:
        """Keep the value of a role, and the fact where it changed by much."""
        before = self.last.get(role)
        self.last[role] = value
        if role is _LR and value > self.lr_peak:
            self.lr_peak, self._lr_rose = value, at
        if before is not None and min(before, value) > 0 and not 1 / _CHANGED < value / before < _CHANGED:
            kind = f"{role.value}_{'up' if value > before else 'down'}"
            text = f"{name} went from {before:.3g} to {value:.3g}"
            self.tell(Fact(at, step, kind, text, min(value / before, 1e9)))

    def note_validation(self, step: int, value: float) -> None:
        """Keep a validation loss above 0."""
        self.validations = [*self.validations[1 - _VALIDATIONS :], (step, value)]

    def validation_jump(self, step: int) -> float | None:
        """Log of the first validation loss from this step on over the last one before; None without both."""
        before = [value for at, value in self.validations if at < step]
        after = [value for at, value in self.validations if at >= step]
        return math.log(after[0] / before[-1]) if before and after else None

    def is_warming_up(self, at: int) -> bool:
        """Whether the learning rate is still on its first way up, or was for most of the run."""
        lately = at - self._lr_rose < max(_STILL_RISING, self._lr_rose // 2)
        return lately and self.last.get(Role.LR) == self.lr_peak

    def state_dict(self) -> dict[str, Json]:
        return {
            "facts": [list(fact) for fact in self.facts],
            "last": {role.value: value for role, value in self.last.items()},
            "lr": [self.lr_peak, self._lr_rose],
            "validations": [list(pair) for pair in self.validations],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.facts = [Fact(*fact) for fact in state["facts"]]
        self.last = {Role(role): value for role, value in state["last"].items()}
        self.lr_peak, self._lr_rose = state["lr"]
        self.validations = [(step, value) for step, value in state["validations"]]
