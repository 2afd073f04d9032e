"""Curves as SVG that a browser shows without a script: raw values faint, a smoothed line above, alerts as marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

from aurl.show.downsample import min_max
from aurl.show.smoothing import debiased_average

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 420, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 10, 24
_POINTS = 600
_SMOOTHED_FROM = 100  # points; a shorter curve is read as it is
_WINDOW = 40  # the smoothed line looks back over about one fortieth of the curve
_HEAVIEST = 0.99
_LOG_FROM = 200.0  # a positive curve that spans this factor is drawn on a logarithmic axis
_TICKS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One curve.

    Attributes:
        label: in the legend.
        x: steps, ascending [N].
        y: values [N], not all finite.
        tone: which of the page's colours, 0 to 5.
    """

    label: str
    x: Floats
    y: Floats
    tone: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Curves that share their axes.

    Attributes:
        title: with the unit.
        lines: the curves.
        band: a range of values to shade, such as that of real music, or None.
        marks: step, severity and text of alerts that concern these curves.
    """

    title: str
    lines: Sequence[Line]
    band: tuple[float, float] | None = None
    marks: Sequence[tuple[int, str, str]] = field(default_factory=tuple)


def draw(chart: Chart) -> str:
    """The chart as a `<figure>`; empty where no curve has a finite value."""
    finite = [(line, np.isfinite(line.y)) for line in chart.lines]
    if not any(known.any() for _, known in finite):
        return ""
    values = np.concatenate([line.y[known] for line, known in finite])
    steps = np.concatenate([line.x for line in chart.lines])
    y = _Axis.of(values, chart.band, HEIGHT - _BOTTOM, _TOP)
    x = _Axis(float(steps.min()), float(max(steps.max(), steps.min() + 1)), False, _LEFT, WIDTH - _RIGHT)
    parts = [_grid(x, y), _band(chart.band, y)]
    parts += [_curve(line, known, x, y) for line, known in finite]
    parts += [_mark(mark, x) for mark in chart.marks]
    legend = "".join(f'<li class="t{line.tone}">{escape(line.label)}</li>' for line in chart.lines)
    scale = '<li class="scale">log scale</li>' if y.log else ""
    shown = f'<ul class="legend">{legend}{scale}</ul>' if len(chart.lines) > 1 or y.log else ""
    label = escape(f"{chart.title}, {', '.join(line.label for line in chart.lines)}", quote=True)
    return (
        f'<figure class="chart"><figcaption>{escape(chart.title)}{shown}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg></figure>'
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values on a stretch of pixels.

    Attributes:
        low, high: values at its ends, their logarithms where `log`.
        start, end: pixels.
    """

    low: float
    high: float
    log: bool
    start: float
    end: float

    @classmethod
    def of(cls, values: Floats, band: tuple[float, float] | None, start: float, end: float) -> _Axis:
        log = bool(band is None and values.min() > 0 and values.max() > _LOG_FROM * values.min())
        shown = np.log10(values) if log else values
        low, high = float(shown.min()), float(shown.max())
        if band is not None:
            low, high = min(low, band[0]), max(high, band[1])
        pad = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
        return cls(low - pad, high + pad, log, start, end)

    def at(self, values: Floats) -> Floats:
        shown = np.log10(values) if self.log else values
        return np.asarray(self.start + (shown - self.low) / (self.high - self.low) * (self.end - self.start))

    def ticks(self) -> list[float]:
        if self.log:
            exponents = range(math.ceil(self.low), math.floor(self.high) + 1)
            return [10.0**exponent for exponent in list(exponents)[:: max(1, len(exponents) // _TICKS)]]
        raw = (self.high - self.low) / _TICKS
        base = 10.0 ** math.floor(math.log10(raw))
        step = next(base * factor for factor in (1, 2, 5, 10) if base * factor >= raw)
        first = math.ceil(self.low / step)
        return [step * number for number in range(first, math.floor(self.high / step) + 1)]

    def label(self, tick: float) -> str:
        """As many digits as tell one tick from the next."""
        if self.log or abs(tick) >= 1e4:
            return _short(tick)
        distance = (self.high - self.low) / _TICKS
        return f"{round(tick, 1 - math.floor(math.log10(distance))) + 0.0:.10g}"


def _grid(x: _Axis, y: _Axis) -> str:
    parts = []
    for tick in y.ticks():
        at = float(y.at(np.array(tick)))
        parts.append(f'<path class="g" d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 3.5:.1f}" text-anchor="end">{y.label(tick)}</text>')
    for tick in x.ticks():
        at = float(x.at(np.array(tick)))
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{x.label(tick)}</text>')
    return "".join(parts)


def _short(value: float) -> str:
    size = abs(value)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):g}{unit}"
    return f"{value:.4g}"


def _band(band: tuple[float, float] | None, y: _Axis) -> str:
    if band is None:
        return ""
    top, bottom = y.at(np.array(band[1])), y.at(np.array(band[0]))
    return (
        f'<rect class="band" x="{_LEFT}" y="{top:.1f}" width="{WIDTH - _LEFT - _RIGHT}" height="{bottom - top:.1f}"/>'
    )


def _curve(line: Line, known: NDArray[np.bool_], x: _Axis, y: _Axis) -> str:
    if not known.any():
        return ""
    steps, values = line.x[known], line.y[known]
    smoothed = len(values) >= _SMOOTHED_FROM
    parts = [_path(steps, values, x, y, f"t{line.tone}{' raw' if smoothed else ''}")]
    if smoothed:
        parts.append(
            _path(steps, debiased_average(values, min(_HEAVIEST, 1 - _WINDOW / len(values))), x, y, f"t{line.tone}")
        )
    missing = line.x[~known]
    if len(missing):  # NaN and infinities have no height: they stand as crosses at the top
        crosses = "".join(f"M{at:.1f} {_TOP}l4 4m0-4l-4 4" for at in x.at(missing[:: max(1, len(missing) // 200)]))
        parts.append(f'<path class="nan" d="{crosses}"><title>not a number</title></path>')
    return "".join(parts)


def _path(steps: Floats, values: Floats, x: _Axis, y: _Axis, style: str) -> str:
    kept = min_max(steps, values, _POINTS)
    points = [f"{a:.1f} {b:.1f}" for a, b in zip(x.at(steps[kept]), y.at(values[kept]), strict=True)]
    if len(points) == 1:
        left, top = points[0].split()
        return f'<circle class="{style}" cx="{left}" cy="{top}" r="2.5"/>'
    return f'<path class="{style}" d="M{"L".join(points)}"/>'


def _mark(mark: tuple[int, str, str], x: _Axis) -> str:
    step, severity, text = mark
    at = float(x.at(np.array(float(step))))
    return (
        f'<g class="{escape(severity, quote=True)}"><path class="mark" d="M{at:.1f} {_TOP}V{HEIGHT - _BOTTOM}"/>'
        f'<path class="flag" d="M{at - 4:.1f} {_TOP - 8}h8l-4 7z"/><title>{escape(text)}</title></g>'
    )
