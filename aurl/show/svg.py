"""Small pictures as SVG text: scales, axes and marks. All text is escaped here; colours are the style sheet's.

A picture is `WIDTH` units wide; one unit is a CSS pixel on a screen that is wide enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from aurl.record import Json
from aurl.show.naming import show_value

WIDTH = 520
COLOURS = 8
_MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places in the picture.

    Attributes:
        low, high: values at the ends, low < high.
        start, end: places of the ends; `end` may be the smaller one, as on a vertical axis.
        log: whether the axis is logarithmic (low > 0).
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value, kept within the picture."""
        low, high, at = (math.log(max(v, 1e-300)) if self.log else v for v in (self.low, self.high, value))
        share = (at - low) / (high - low)
        return round(self.start + min(1.0, max(0.0, share)) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round values within the ends, six at most."""
        return self._log_ticks() if self.log else self._even_ticks()

    def _even_ticks(self) -> list[float]:
        rough = (self.high - self.low) / (_MOST_TICKS - 1)
        power = 10 ** math.floor(math.log10(rough))
        step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(at * step, 12) for at in range(first, last + 1)]

    def _log_ticks(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low)) - 1, math.ceil(math.log10(self.high)) + 1)
        inside = [10.0**power for power in powers if self.low * 0.999 <= 10.0**power <= self.high * 1.001]
        if len(inside) >= 2:
            return inside[:: 1 + len(inside) // _MOST_TICKS]
        finer = [size * 10.0**power for power in powers for size in (1, 2, 5)]
        return [value for value in finer if self.low <= value <= self.high] or [self.low, self.high]


def scale(values: Iterable[float], start: float, end: float, *, log: bool = False, pad: float = 0.05) -> Scale:
    """A scale that holds the finite values with a little room; a single value gets room on both sides."""
    known = [value for value in values if math.isfinite(value) and not (log and value <= 0)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if log:
        room = (high / low) ** pad if high > low else 2.0
        return Scale(low / room, high * room, start, end, log=True)
    room = pad * (high - low) if high > low else abs(high) * 0.05 or 0.5
    return Scale(low - room, high + room, start, end)


def picture(height: float, parts: Iterable[str], *, title: str, width: float = WIDTH) -> str:
    """The picture; `title` is what a screen reader says."""
    opening = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
    return f"{opening}{''.join(parts)}</svg>"


def text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "start", most: int = 60) -> str:
    """Words at a place; longer ones are cut, the whole in a tooltip."""
    shown = words if len(words) <= most else f"{words[: most - 1]}…"
    tip = f"<title>{escape(words)}</title>" if shown != words else ""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(shown)}{tip}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, *, kind: str, tip: str = "") -> str:
    """A rectangle with rounded corners."""
    inside = f"><title>{escape(tip)}</title></rect>" if tip else "/>"
    return f'<rect x="{x:g}" y="{y:g}" width="{max(0.5, width):g}" height="{height:g}" rx="2" class="{kind}"{inside}'


def dot(x: float, y: float, kind: str, *, radius: float = 3.5, tip: str = "") -> str:
    """A circle."""
    inside = f"><title>{escape(tip)}</title></circle>" if tip else "/>"
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" class="{kind}"{inside}'


def path(points: Sequence[tuple[float, float]], kind: str, tip: str = "", *, closed: bool = False) -> str:
    """A line through points, or the area that they enclose."""
    if not points:
        return ""
    steps = "L".join(f"{x:g} {y:g}" for x, y in points)
    inside = f"><title>{escape(tip)}</title></path>" if tip else "/>"
    return f'<path d="M{steps}{"Z" * closed}" class="{kind}"{inside}'


def of_group(at: int, parts: Iterable[str]) -> str:
    """What belongs to the group at this place: in its colour, and lit up with all else of the group."""
    return f'<g class="group c{colour(at)}" data-group="{at}">{"".join(parts)}</g>'


def colour(at: int) -> int | str:
    """The colour's number of the group at a place; groups far down share a grey."""
    return at if at < COLOURS else "x"


def below(axis: Scale, top: float, bottom: float, name: str) -> str:
    """A horizontal axis with grid lines, its name at the right end."""
    parts = [line(axis(tick), top, axis(tick), bottom, "grid") for tick in axis.ticks()]
    parts += [text(axis(tick), bottom + 16, tick_text(tick), kind="tick", anchor="middle") for tick in axis.ticks()]
    return "".join([*parts, text(max(axis.start, axis.end), bottom + 32, name, kind="name", anchor="end", most=80)])


def beside(axis: Scale, left: float, right: float, name: str) -> str:
    """A vertical axis with grid lines, its name above."""
    parts = [line(left, axis(tick), right, axis(tick), "grid") for tick in axis.ticks()]
    parts += [text(left - 6, axis(tick) + 4, tick_text(tick), kind="tick", anchor="end") for tick in axis.ticks()]
    return "".join([*parts, text(4, min(axis.start, axis.end) - 10, name, kind="name", most=80)])


def tick_text(value: Json) -> str:
    """A value on an axis: a number to four digits, anything else as it is typed."""
    if isinstance(value, float):
        return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e")
    return show_value(value)
