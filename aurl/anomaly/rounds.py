"""Scores that come several to a step, one for each sample: their mean for each round."""

from __future__ import annotations

from typing import Any

from aurl.record import Json

_MOST = 1e300  # so that no sum overflows


class Rounds:
    """Means of the values that share a step; a round is over when a later step is seen.

    Attributes:
        means: of the rounds so far, the last 64.
        steps: when each was.
    """

    def __init__(self) -> None:
        self.means: list[float] = []
        self.steps: list[int] = []
        self._step = -1
        self._sum = 0.0
        self._count = 0

    def push(self, step: int, value: float | None) -> bool:
        """Take a value, or just the news of a step; True when that ends a round."""
        ended = self._count > 0 and step > self._step
        if ended:
            self.means = [*self.means[-63:], self._sum / self._count]
            self.steps = [*self.steps[-63:], self._step]
            self._sum, self._count = 0.0, 0
        if value is not None:
            self._step = step
            self._sum += max(-_MOST, min(_MOST, value))
            self._count += 1
        return ended

    def state_dict(self) -> dict[str, Json]:
        return dict(self.__dict__)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for key in self.__dict__.keys() & state.keys():
            value = state[key]
            self.__dict__[key] = list(value) if isinstance(value, list) else value
