"""A run as a small SVG: the metric in which an anomaly was seen, where the fault began, and when it was told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from statistics import fmean

from benchmarks.injection.scoring import Alarm
from benchmarks.injection.trace import Trace

_WIDTH, _HEIGHT = 560, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 34, 24
_POINTS = 300
_DECADE = 1.3  # from which ratio of largest and smallest, in powers of ten, the axis is logarithmic
_STYLE = (
    "<style>text{font:12px sans-serif;fill:#333}.t{font-weight:600}.l{fill:none;stroke:#2563a8;stroke-width:1.2}"
    ".o{stroke:#888;stroke-dasharray:4 3}.a{fill:#c0392b}.b{stroke:#ccc}</style>"
)


def draw(trace: Trace, alarm: Alarm, title: str) -> str:
    """The SVG of a run; values that are not finite are gaps."""
    points = _points(trace, alarm.metric)
    finite = [value for _, value in points if math.isfinite(value)]
    scale = _Scale(max(step for step, _ in points), finite)
    lines = "".join(f'<path class="l" d="{_path(stretch, scale)}"/>' for stretch in _stretches(_thin(points)))
    onset = ""
    if trace.truth.onset:
        x = scale.x(trace.truth.onset)
        onset = f'<line class="o" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
    told = scale.x(alarm.step)
    mark = f'<path class="a" d="M{told:.1f} {_TOP}l5 -9h-10z"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">{_STYLE}'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/><text class="t" x="8" y="16">{escape(title)}</text>'
        f"{_axes(alarm.metric, scale)}{onset}{lines}{mark}</svg>\n"
    )


def _points(trace: Trace, metric: str) -> list[tuple[int, float]]:
    """Steps and values of a metric; the mean where there are several to a step."""
    by_step: dict[int, list[float]] = {}
    for record in trace.records:
        if metric in record.scalars:
            by_step.setdefault(record.step, []).append(record.scalars[metric])
    return [(step, fmean(values)) for step, values in by_step.items()]


class _Scale:
    """Where a step and a value lie."""

    def __init__(self, steps: int, values: Sequence[float]) -> None:
        self.steps = steps
        low, high = min(values), max(values)
        self.logarithmic = low > 0 and math.log10(high / low) > _DECADE
        self.low, self.high = low, high if high > low else low + 1.0

    def x(self, step: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * step / self.steps

    def y(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (at - low) / (high - low)


def _axes(metric: str, scale: _Scale) -> str:
    bottom = _HEIGHT - _BOTTOM
    name = f"{metric}{', log' if scale.logarithmic else ''}"
    return (
        f'<path class="b" fill="none" d="M{_LEFT} {_TOP}V{bottom}H{_WIDTH - _RIGHT}"/>'
        f'<text x="{_LEFT - 6}" y="{_TOP + 10}" text-anchor="end">{scale.high:.3g}</text>'
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">{scale.low:.3g}</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">{escape(name)}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}" text-anchor="end">step {scale.steps}</text>'
    )


def _thin(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most 300 points: of each stretch the one farthest from the value before it, so that no spike is lost."""
    width = max(1, math.ceil(len(points) / _POINTS))
    kept: list[tuple[int, float]] = []
    for at in range(0, len(points), width):
        before = kept[-1][1] if kept else points[0][1]
        kept.append(max(points[at : at + width], key=lambda point: _distance(point[1], before)))
    return kept


def _distance(value: float, other: float) -> float:
    return abs(value - other) if math.isfinite(value) and math.isfinite(other) else math.inf


def _stretches(points: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """The points between those that are not finite."""
    broken = [-1, *(at for at, (_, value) in enumerate(points) if not math.isfinite(value)), len(points)]
    return [list(points[a + 1 : b]) for a, b in pairwise(broken) if b - a > 1]


def _path(points: Sequence[tuple[int, float]], scale: _Scale) -> str:
    return "M" + "L".join(f"{scale.x(step):.1f} {scale.y(value):.1f}" for step, value in points)
