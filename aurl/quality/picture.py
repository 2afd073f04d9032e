"""The scores of a set of samples beside those of real music, as an SVG picture of some kilobytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from aurl.show import svg

_LEFT, _PLOT, _RIGHT = 190, 500, 70
_TOP, _ROW, _BOTTOM = 78, 30, 34
_DOTS = 400  # a metric; more are thinned out evenly
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.title{font-size:15px;font-weight:600}.strong{font-weight:600}"
    ".soft,.tick{fill:#666}.real{fill:#9db8d9}.median{stroke:#1f4e8c;stroke-width:2}.run{fill:#c4511a;fill-opacity:.35}"
    ".mean{stroke:#c4511a;stroke-width:2}.grid{stroke:#ddd}"
)
_ACROSS = svg.Scale(0.0, 1.0, _LEFT, _LEFT + _PLOT)
_NUMBERS = _LEFT + _PLOT + 14


def draw_scores(
    samples: Sequence[Mapping[str, float]], band: Mapping[str, tuple[float, float, float]], profile_name: str
) -> str:
    """One line for each metric: real music's 5th to 95th percentile as a bar, the samples as dots.

    Args:
        samples: scores by metric, 0..1; NaN is left out.
        band: 5th percentile, median and 95th percentile of real music's scores, by metric.
        profile_name: what the scores compare with.
    """
    width, height = _LEFT + _PLOT + _RIGHT, _TOP + _ROW * len(band) + _BOTTOM
    title = f"{len(samples)} samples against {profile_name}"
    parts = [svg.text(14, 24, title, kind="title", most=100), *_legend()]
    parts.append(svg.below(_ACROSS, _TOP - 6, height - _BOTTOM))
    for at, name in enumerate(band):
        known = [value for sample in samples if not math.isnan(value := sample.get(name, math.nan))]
        parts += _row(name, known, band[name], _TOP + _ROW * at + _ROW // 2)
    return svg.file(height, parts, title=title, style=_STYLE, width=width)


def _legend() -> list[str]:
    """What is drawn, each beside its sign, and the heading of the column of numbers."""
    y = 44
    return [
        svg.box(14, y - 11, 26, 14, kind="real"),
        svg.line(31, y - 11, 31, y + 3, "median"),
        svg.text(47, y, "real music: 5th to 95th percentile, median", kind="soft"),
        svg.dot(326, y - 4, "run", radius=2.6),
        svg.dot(333, y - 2, "run", radius=2.6),
        svg.text(344, y, "a sample", kind="soft"),
        svg.line(424, y - 13, 424, y + 5, "mean"),
        svg.text(432, y, "mean of the samples", kind="soft"),
        svg.text(_NUMBERS, _TOP - 10, "mean", kind="soft"),
    ]


def _row(name: str, known: Sequence[float], band: tuple[float, float, float], middle: int) -> list[str]:
    strong = "strong" if name == "overall_quality" else ""
    parts = [svg.text(_LEFT - 14, middle + 4, name.replace("_", " "), kind=strong, anchor="end")]
    if not math.isnan(band[0]):
        low, median, high = (_ACROSS(value) for value in band)
        parts.append(svg.box(low, middle - 7, max(1.0, high - low), 14, kind="real"))
        parts.append(svg.line(median, middle - 7, median, middle + 7, "median"))
    for place, value in enumerate(known[:: max(1, len(known) // _DOTS)]):
        offset = (place * 7 % 13) - 6  # spread over the row, the same in every drawing
        parts.append(svg.dot(_ACROSS(value), middle + offset, "run", radius=2.6))
    if not known:
        return [*parts, svg.text(_NUMBERS, middle + 4, "n/a", kind="soft")]
    mean = sum(known) / len(known)
    parts.append(svg.line(_ACROSS(mean), middle - 10, _ACROSS(mean), middle + 10, "mean"))
    return [*parts, svg.text(_NUMBERS, middle + 4, f"{mean:.2f}", kind=strong)]
