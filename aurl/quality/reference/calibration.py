"""How far a sample's measures lie from a reference's, on the sides that matter.

Of each measure x over the reference: centre m = median, spread below s- = (m - q05) / 1.645 and above s+ = (q95 - m) /
1.645 (a normal distribution's quantiles), neither under the measure's floor. z = (x - m) / s, at most 12, 0 on a side
that does not matter, and 4 where the sample has no such measure although the reference has. A metric's raw distance is
the mean of its |z|; its distance is in units of the reference's own upper end: 1.28 D / max(0.6, q90 of D).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aurl.quality.metric import ContrastMetric, Measure, Metric, Values
from aurl.quality.reference.table import Table, number
from aurl.quality.sheet import Floats

MISSING_Z = 4.0
HIGHEST_Z = 12.0
DEFINED_SHARE = 0.8
DEFINED_SHARE_OF_CONTRAST = 0.5
"""Lower, because a discriminant takes what is undefined for chance instead of for a fault."""
FEWEST_NULLS = 8
Q90, Q95 = 1.2816, 1.6449
"""Quantiles of the standard normal distribution."""
_LEAST_UNIT = 0.6
_SHRINKAGE = 0.2
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class MeasureScale:
    """Where a measure lies in the reference: its median, and a standard deviation on either side."""

    centre: float
    below: float
    above: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """One metric against one reference.

    Attributes:
        scales: by measure; without those that the reference mostly lacks. For a `ContrastMetric` it holds one, named
            like the metric, of the projection on `direction`.
        direction: weight of each measure in Fisher's discriminant; empty for other metrics.
        unit: the 90th percentile of the raw distance over the reference, at least 0.6.
    """

    scales: Mapping[str, MeasureScale]
    direction: Mapping[str, float]
    unit: float = 1.0


def calibrate(metric: Metric, reference: Table, nulls: Table) -> Calibration | str:
    """How a reference measures on a metric, or the reason why the metric does not apply to it."""
    usable: list[Measure] = []
    share = DEFINED_SHARE_OF_CONTRAST if isinstance(metric, ContrastMetric) else DEFINED_SHARE
    for measure in metric.measures:
        known = _defined(reference.column(measure.name))
        if len(known) and np.percentile(known, 95) < measure.least:
            return f"95 % of the reference have {measure.name} under {measure.least:g}"
        if len(known) >= max(1.0, share * len(reference)):
            usable.append(measure)
    if not usable:
        return f"under {share:.0%} of the reference have any of its measures"
    if not isinstance(metric, ContrastMetric):
        scales = {measure.name: _scale(_defined(reference.column(measure.name)), measure) for measure in usable}
        found = Calibration(scales, {})
    elif len(nulls) < FEWEST_NULLS:
        return f"fewer than {FEWEST_NULLS} null samples"
    else:
        found = _discriminant(metric.name, [measure.name for measure in usable], reference, nulls)
    raw = [raw_distance(metric, found, values) for values in reference.rows()]
    return replace(found, unit=max(_LEAST_UNIT, float(np.nanpercentile(raw, 90))))


def distance(metric: Metric, calibration: Calibration, values: Values) -> float:
    """How far a sample is from the reference: 1.28 for one in ten of the reference itself; NaN where undefined."""
    return Q90 * raw_distance(metric, calibration, values) / calibration.unit


def raw_distance(metric: Metric, calibration: Calibration, values: Values) -> float:
    """The mean |z| of all measures that the reference has: what several of them agree on counts, one oddity less.

    Of a discriminant a missing measure counts as chance; NaN where all are missing.
    """
    if calibration.direction:
        measured = {name: number(values.get(name)) for name in calibration.direction}
        if all(map(math.isnan, measured.values())):
            return math.nan
        return _z(_projection(calibration.direction, measured), calibration.scales[metric.name], "low")
    total = 0.0
    for measure in metric.measures:
        if (scale := calibration.scales.get(measure.name)) is not None:
            total += _z(_compared(number(values.get(measure.name)), measure), scale, measure.side)
    return total / len(calibration.scales)


def _defined(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _compared(value: float, measure: Measure) -> float:
    return math.log(max(value, _TINY)) if measure.log and not math.isnan(value) else value


def _scale(values: Floats, measure: Measure) -> MeasureScale:
    values = np.log(np.maximum(values, _TINY)) if measure.log else values
    low, centre, high = np.percentile(values, (5, 50, 95)).tolist()
    return MeasureScale(centre, max(measure.floor, (centre - low) / Q95), max(measure.floor, (high - centre) / Q95))


def _z(value: float, scale: MeasureScale, side: str) -> float:
    if math.isnan(value):
        return MISSING_Z
    away = value - scale.centre
    if side == ("low" if away > 0 else "high"):
        return 0.0
    return min(HIGHEST_Z, away / scale.above if away > 0 else -away / scale.below)


def _discriminant(name: str, measures: Sequence[str], reference: Table, nulls: Table) -> Calibration:
    """Fisher's linear discriminant of the reference from its nulls, w = S^-1 (mean - null mean).

    S is the mean of their covariances, a fifth of the way to its diagonal; what is undefined counts as chance, 0.
    """
    real, null = (np.nan_to_num(np.stack([table.column(m) for m in measures], axis=1)) for table in (reference, nulls))
    spread = (np.cov(real.T) + np.cov(null.T)).reshape(len(measures), -1) / 2
    ridge = _SHRINKAGE * np.diag(spread) + _TINY
    weights = np.linalg.solve((1 - _SHRINKAGE) * spread + np.diag(ridge), real.mean(axis=0) - null.mean(axis=0))
    direction: dict[str, float] = dict(zip(measures, weights.tolist(), strict=True))
    projections = [_projection(direction, dict(zip(measures, row, strict=True))) for row in real.tolist()]
    low, centre = np.percentile(projections, (5, 50)).tolist()
    below = max(1e-3, (centre - low) / Q95)
    return Calibration({name: MeasureScale(centre, below, below)}, direction)


def _projection(direction: Mapping[str, float], measured: Mapping[str, float]) -> float:
    return sum(weight * measured[name] for name, weight in direction.items() if not math.isnan(measured[name]))
