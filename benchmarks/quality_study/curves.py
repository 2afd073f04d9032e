"""How overall quality falls as music is spoilt: one small plot for each corruption, as an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.quality_study.corruptions import LEVELS, TEN
from benchmarks.quality_study.scores import Study, monotony

_WIDE, _HIGH, _GAP, _COLUMNS = 150, 100, 34, 5
_LEFT, _TOP = 48, 82
_COLOURS = ("#1f4e8c", "#c4511a", "#3a7d44", "#7b5ea7", "#8a6d1f", "#4a4a4a", "#c2185b", "#00838f")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.h{font-size:15px;font-weight:600}.s{fill:#666;font-size:11px}"
    ".g{stroke:#ddd}"
)


def draw(studies: Sequence[Study], bars: int) -> str:
    """Mean overall quality over the level, a line for each corpus, each against its own profile."""
    rows = -(-len(TEN) // _COLUMNS)
    width = _LEFT + _COLUMNS * (_WIDE + _GAP)
    height = _TOP + rows * (_HIGH + 2 * _GAP)
    parts = [_plot(name, index, studies) for index, name in enumerate(TEN)]
    title = f"Mean overall quality of held-out windows of {bars} bars against their own corpus, by the share spoilt"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
            f"<style>{_STYLE}</style>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            f'<text class="h" x="14" y="24">{escape(title)}</text>',
            *_legend(studies),
            *parts,
            "</svg>",
            "",
        ]
    )


def _legend(studies: Sequence[Study]) -> list[str]:
    parts = []
    for index, study in enumerate(studies):
        x, colour = 14 + 115 * index, _COLOURS[index % len(_COLOURS)]
        parts.append(f'<line x1="{x}" x2="{x + 20}" y1="44" y2="44" stroke="{colour}" stroke-width="2.5"/>')
        parts.append(f'<text x="{x + 26}" y="48">{escape(study.corpus)}</text>')
    return parts


def _plot(name: str, index: int, studies: Sequence[Study]) -> str:
    left = _LEFT + index % _COLUMNS * (_WIDE + _GAP)
    top = _TOP + index // _COLUMNS * (_HIGH + 2 * _GAP)
    parts = [f'<text x="{left}" y="{top - 8}">{escape(name)}</text>']
    for tick, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        y, x = top + _HIGH * (1 - tick), left + _WIDE * tick
        parts.append(f'<line class="g" x1="{left}" x2="{left + _WIDE}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="s" x="{x}" y="{top + _HIGH + 15}" text-anchor="{anchor}">{tick:.0%}</text>')
        if index % _COLUMNS == 0:
            parts.append(f'<text class="s" x="{left - 8}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    for place, study in enumerate(studies):
        means = monotony(study, name)[1]
        points = " ".join(
            f"{left + _WIDE * level:.1f},{top + _HIGH * (1 - mean):.1f}"
            for level, mean in zip((0.0, *LEVELS), means, strict=True)
        )
        colour = _COLOURS[place % len(_COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "".join(parts)
