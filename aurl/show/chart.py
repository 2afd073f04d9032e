"""Curves as SVG that a browser shows without a script: raw values faint, a smoothed line above, alerts as marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aurl.show import svg
from aurl.show.arrays import Floats
from aurl.show.downsample import min_max
from aurl.show.markup import escaped
from aurl.show.smoothing import debiased_average

WIDTH, HEIGHT = 420, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 24
_POINTS = 600
_SMOOTHED_FROM = 100  # points; a shorter curve is read as it is
_WINDOW = 40  # the smoothed line looks back over about one fortieth of the curve
_HEAVIEST = 0.99
_LOG_FROM = 200.0  # a positive curve that spans this factor is drawn on a logarithmic axis
_MOST_CROSSES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One curve.

    Attributes:
        label: in the legend.
        x: steps, ascending [N].
        y: values [N], not all finite.
        tone: which of the page's colours, from 0.
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
    y = _heights(np.concatenate([line.y[known] for line, known in finite]), chart.band)
    steps = np.concatenate([line.x for line in chart.lines])
    x = svg.Scale(float(steps.min()), float(max(steps.max(), steps.min() + 1)), _LEFT, WIDTH - _RIGHT)
    parts = [svg.below(x, _TOP, HEIGHT - _BOTTOM), svg.beside(y, _LEFT, WIDTH - _RIGHT), _band(chart.band, y)]
    parts += [_curve(line, known, x, y) for line, known in finite]
    parts += [_mark(mark, x) for mark in chart.marks]
    told = f"{chart.title}, {', '.join(line.label for line in chart.lines)}"
    drawn = svg.picture(HEIGHT, parts, title=told, width=WIDTH)
    return f'<figure class="chart"><figcaption>{escaped(chart.title)}{_legend(chart, y)}</figcaption>{drawn}</figure>'


def _legend(chart: Chart, y: svg.Scale) -> str:
    if len(chart.lines) < 2 and not y.log:
        return ""
    items = [f'<li class="c{svg.colour(line.tone)}"><i></i>{escaped(line.label)}</li>' for line in chart.lines]
    return f'<ul class="legend">{"".join([*items, "<li>log scale</li>" * y.log])}</ul>'


def _heights(values: Floats, band: tuple[float, float] | None) -> svg.Scale:
    low, high = float(values.min()), float(values.max())
    log = band is None and low > 0 and high > _LOG_FROM * low
    return svg.scale([low, high, *(band or ())], HEIGHT - _BOTTOM, _TOP, log=log)


def _band(band: tuple[float, float] | None, y: svg.Scale) -> str:
    if band is None:
        return ""
    top, bottom = y(band[1]), y(band[0])
    return svg.box(_LEFT, top, WIDTH - _LEFT - _RIGHT, bottom - top, kind="range")


def _curve(line: Line, known: NDArray[np.bool_], x: svg.Scale, y: svg.Scale) -> str:
    steps, values = line.x[known], line.y[known]
    smoothed = len(values) >= _SMOOTHED_FROM
    parts = [_path(steps, values, x, y, "curve raw" if smoothed else "curve")]
    if smoothed:
        average = debiased_average(values, min(_HEAVIEST, 1 - _WINDOW / len(values)))
        parts.append(_path(steps, average, x, y, "curve"))
    return svg.of_tone(line.tone, [*parts, _missing(line.x[~known], x)])


def _missing(steps: Floats, x: svg.Scale) -> str:
    """NaN and infinities have no height: they stand as crosses at the top."""
    thinned = steps[:: max(1, len(steps) // _MOST_CROSSES)].tolist()
    return svg.crosses([x(step) for step in thinned], _TOP, "nan", "not a number")


def _path(steps: Floats, values: Floats, x: svg.Scale, y: svg.Scale, kind: str) -> str:
    kept = min_max(steps, values, _POINTS)
    points = [(x(a), y(b)) for a, b in zip(steps[kept].tolist(), values[kept].tolist(), strict=True)]
    if len(points) == 1:
        return svg.dot(*points[0], "point", radius=2.5)
    return svg.path(points, kind)


def _mark(mark: tuple[int, str, str], x: svg.Scale) -> str:
    step, severity, words = mark
    return svg.flag(x(float(step)), _TOP, HEIGHT - _BOTTOM, severity, words)
