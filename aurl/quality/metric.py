"""What a quality metric is. A new one is one class in one file and one yaml in `conf/quality/metrics/`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from aurl.errors import ConfigError
from aurl.music.notes import Notes
from aurl.quality.sheet import Sheet

Value: TypeAlias = float | str
"""A number, or the reason why there is none."""
Values: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Measure:
    """One raw number of a sample.

    Attributes:
        name: its key in reports; no two metrics may share one.
        side: which side of the reference is bad.
        floor: the least standard deviation that the reference is given, in the measure's unit; of its natural
            logarithm where `log` is true.
        log: compared as its logarithm, because factors matter and not differences.
        least: where 95 % of the reference lie under it, the whole metric does not apply to that reference.
    """

    name: str
    side: Literal["low", "high", "both"]
    floor: float
    log: bool = False
    least: float = -math.inf


class Metric(ABC):
    """A named metric: raw measures of a sample, later compared with those of a reference.

    Args:
        weight: its share in `overall_quality`; 0 shows the metric and leaves it out there.

    Raises:
        ConfigError: a negative weight.
    """

    name: ClassVar[str]
    measures: ClassVar[tuple[Measure, ...]]

    def __init__(self, *, weight: float = 1.0) -> None:
        if not weight >= 0:
            raise ConfigError(f"quality.metrics.{self.name}.weight={weight}: allowed is 0 or more")
        self.weight = weight

    @abstractmethod
    def measure(self, sheet: Sheet) -> Values:
        """Every raw measure of a sample of 2 notes or more, or the reason why it has none."""


class ContrastMetric(Metric):
    """A metric that tells music from the same music without what it looks for.

    Its measures are chance-corrected: 0 for such null music, higher for real music. They are joined into one by
    Fisher's discriminant between the reference and its nulls, of which too low is bad.
    """

    @abstractmethod
    def null(self, notes: Notes, rng: np.random.Generator) -> Notes:
        """The same notes without what the metric looks for."""
