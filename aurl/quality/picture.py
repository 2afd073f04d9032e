"""The scores of a set of samples beside those of real music, as an SVG picture of some kilobytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

_LEFT, _PLOT, _RIGHT = 190, 500, 70
_TOP, _ROW, _BOTTOM = 78, 30, 34
_DOTS = 400  # a metric; more are thinned out evenly
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.h{font-size:15px;font-weight:600}.s{fill:#666}"
    ".b{fill:#9db8d9}.m{stroke:#1f4e8c;stroke-width:2}.d{fill:#c4511a;fill-opacity:.35}.x{stroke:#c4511a;stroke-width:2}"
    ".g{stroke:#ddd}"
)


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
    rows = [_row(name, [s[name] for s in samples if name in s], band[name], i) for i, name in enumerate(band)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
            f"<style>{_STYLE}</style>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            f'<text class="h" x="14" y="24">{escape(f"{len(samples)} samples against {profile_name}")}</text>',
            *_legend(),
            *_axis(height),
            *rows,
            "</svg>",
            "",
        ]
    )


def _legend() -> list[str]:
    """What is drawn, each beside its sign, and the heading of the column of numbers."""
    y = 44
    return [
        f'<rect class="b" x="14" y="{y - 11}" width="26" height="14" rx="3"/>',
        f'<line class="m" x1="31" x2="31" y1="{y - 11}" y2="{y + 3}"/>',
        f'<text class="s" x="47" y="{y}">real music: 5th to 95th percentile, median</text>',
        f'<circle class="d" cx="326" cy="{y - 4}" r="2.6"/><circle class="d" cx="333" cy="{y - 2}" r="2.6"/>',
        f'<text class="s" x="344" y="{y}">a sample</text>',
        f'<line class="x" x1="424" x2="424" y1="{y - 13}" y2="{y + 5}"/>',
        f'<text class="s" x="432" y="{y}">mean of the samples</text>',
        f'<text class="s" x="{_LEFT + _PLOT + 14}" y="{_TOP - 6}">mean</text>',
    ]


def _axis(height: int) -> list[str]:
    bottom = height - _BOTTOM
    lines = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _x(tick)
        lines.append(f'<line class="g" x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{bottom}"/>')
        lines.append(f'<text class="s" x="{x}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>')
    return lines


def _row(name: str, values: Sequence[float], band: tuple[float, float, float], index: int) -> str:
    middle = _TOP + _ROW * index + _ROW // 2
    known = [value for value in values if not math.isnan(value)]
    strong = ' style="font-weight:600"' if name == "overall_quality" else ""
    label = escape(name.replace("_", " "))
    parts = [f'<text x="{_LEFT - 14}" y="{middle + 4}" text-anchor="end"{strong}>{label}</text>']
    if not math.isnan(band[0]):
        low, median, high = (_x(value) for value in band)
        parts.append(
            f'<rect class="b" x="{low}" y="{middle - 7}" width="{max(1.0, high - low):.1f}" height="14" rx="3"/>'
        )
        parts.append(f'<line class="m" x1="{median}" x2="{median}" y1="{middle - 7}" y2="{middle + 7}"/>')
    for place, value in enumerate(known[:: max(1, len(known) // _DOTS)]):
        offset = (place * 7 % 13) - 6  # spread over the row, the same in every drawing
        parts.append(f'<circle class="d" cx="{_x(value)}" cy="{middle + offset}" r="2.6"/>')
    if known:
        mean = sum(known) / len(known)
        parts.append(f'<line class="x" x1="{_x(mean)}" x2="{_x(mean)}" y1="{middle - 10}" y2="{middle + 10}"/>')
        parts.append(f'<text x="{_LEFT + _PLOT + 14}" y="{middle + 4}"{strong}>{mean:.2f}</text>')
    else:
        parts.append(f'<text class="s" x="{_LEFT + _PLOT + 14}" y="{middle + 4}">n/a</text>')
    return "".join(parts)


def _x(value: float) -> float:
    return round(_LEFT + _PLOT * value, 1)
