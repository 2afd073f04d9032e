"""`overall_quality`: all metrics in one number."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.errors import ConfigError

WIDTH = 3.0


def score(distance: float) -> float:
    """A distance as a score: 1 / (1 + (D / 3)^2). 1 at the centre of the reference, 0.85 at 1.28, 0.5 at 3."""
    return 1.0 / (1.0 + (distance / WIDTH) ** 2)


class OverallQuality:
    """The score of a weighted power mean of the distances D_m of the defined metrics.

    O = (sum w_m min(D_m, cap)^power / sum w_m)^(1 / power); overall = 1 / (1 + (O / 3)^2), in 0..1. A high power lets
    the worst metric decide. A sample of fewer than 2 notes is 0; undefined where no metric is defined.

    Args:
        power: 1 is the plain mean, infinity the maximum.
        cap: distances beyond it are all alike.

    Raises:
        ConfigError: `power` under 1, or `cap` not positive.
    """

    name = "overall_quality"

    def __init__(self, *, power: float = 3.0, cap: float = 12.0) -> None:
        if not power >= 1:
            raise ConfigError(f"quality.metrics.overall_quality.power={power}: allowed is 1 or more")
        if not cap > 0:
            raise ConfigError(f"quality.metrics.overall_quality.cap={cap}: allowed is above 0")
        self.power = power
        self.cap = cap

    def combine(self, distances: Iterable[tuple[float, float]]) -> float:
        """The overall score from (weight, distance) pairs; NaN distances and zero weights are left out."""
        defined = [(w, min(d, self.cap)) for w, d in distances if w > 0 and not math.isnan(d)]
        if not defined:
            return math.nan
        mean = sum(w * d**self.power for w, d in defined) / sum(w for w, _ in defined)
        return score(float(mean ** (1.0 / self.power)))
