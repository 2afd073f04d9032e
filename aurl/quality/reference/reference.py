"""A reference corpus at one window length: its raw measures, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aurl.quality.metric import ContrastMetric, Values
from aurl.quality.reference.calibration import Calibration, calibrate, distance
from aurl.quality.reference.overall_quality import score
from aurl.quality.reference.selection import MetricSelection
from aurl.quality.reference.table import Table

UNDEFINED = 6.0
"""What a metric that a sample is too small for counts in overall quality, so that writing next to nothing does not pay.

A contrast metric is left out instead: three good bars are no worse for having no structure.
"""


@dataclass(frozen=True, slots=True)
class Scores:
    """What one sample scores.

    Attributes:
        metrics: score of each metric in 0..1, `overall_quality` last; NaN where undefined.
        reasons: why a metric is undefined.
    """

    metrics: Mapping[str, float]
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Reference:
    """The windows of `n_bars` bars that samples of about that length are compared with.

    Attributes:
        n_bars: bars in a window.
        real: raw measures of the windows.
        null: raw measures of the null music of contrast metrics.
        held_out: raw measures of windows that are in no way part of `real`; may be empty.
        selection: the metrics to compute.
    """

    n_bars: int
    real: Table
    null: Table
    held_out: Table
    selection: MetricSelection

    @cached_property
    def calibrations(self) -> Mapping[str, Calibration | str]:
        """By metric: how the reference measures, or why the metric does not apply to it."""
        return {metric.name: calibrate(metric, self.real, self.null) for metric in self.selection.metrics}

    @cached_property
    def band(self) -> Mapping[str, tuple[float, float, float]]:
        """By metric: the 5th percentile, median and 95th percentile of the scores of real music.

        Of the held-out windows where there are any, else of the reference itself, which scores a little higher.
        """
        table = self.held_out if len(self.held_out) else self.real
        scored = [self.score(values).metrics for values in table.rows()]
        return {name: _band([metrics[name] for metrics in scored]) for name in self.selection.names}

    def score(self, values: Values) -> Scores:
        """Scores from raw measures."""
        distances: list[tuple[float, float]] = []
        metrics: dict[str, float] = {}
        reasons: dict[str, str] = {}
        for metric in self.selection.metrics:
            calibration = self.calibrations[metric.name]
            if isinstance(calibration, str):
                away, reason = math.nan, f"does not apply to this reference: {calibration}"
            else:
                away = distance(metric, calibration, values)
                reason = _missing(values, [measure.name for measure in metric.measures])
                if reason and not isinstance(metric, ContrastMetric):
                    away = max(away, UNDEFINED)
            distances.append((metric.weight, away))
            metrics[metric.name] = math.nan if reason else score(away)
            if reason:
                reasons[metric.name] = reason
        if (overall := self.selection.overall) is not None:
            metrics[overall.name] = overall.combine(distances)
        return Scores(metrics, reasons)


def _missing(values: Values, names: list[str]) -> str:
    """Why a sample has none of these measures, or an empty string if it has one."""
    found = [values.get(name, math.nan) for name in names]
    if any(isinstance(value, float) and not math.isnan(value) for value in found):
        return ""
    return next((value for value in found if isinstance(value, str)), "undefined")


def _band(scores: list[float]) -> tuple[float, float, float]:
    defined = [value for value in scores if not math.isnan(value)]
    if not defined:
        return (math.nan, math.nan, math.nan)
    low, middle, high = np.percentile(defined, (5, 50, 95)).tolist()
    return (low, middle, high)
