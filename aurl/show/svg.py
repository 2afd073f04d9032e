"""Small pictures as SVG text: scales, axes and marks. All text is escaped here; colours are the style sheet's.

Every picture of the reports, of the comparison and of `aurl quality --picture` is written with these, so that the same
values get the same ticks everywhere. A picture is `WIDTH` units wide; one unit is a CSS pixel on a wide screen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aurl.show.markup import escaped
from aurl.show.numbers import tick_texts

WIDTH = 520
COLOURS = 8
_MOST_TICKS = 6
_MOST = 1e307
_SMALLEST = 1e-290  # below it, ticks could not be counted through
_LARGEST = 1e300  # a diverged run's values beyond it would make the room beside them infinite


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

    def labels(self) -> list[tuple[float, str]]:
        """The place of each tick in the picture and its text, with as many digits as tell it from the next."""
        ticks = self.ticks()
        return [(self(tick), words) for tick, words in zip(ticks, tick_texts(ticks), strict=True)]

    def _even_ticks(self) -> list[float]:
        rough = (self.high - self.low) / (_MOST_TICKS - 1)
        power = 10 ** math.floor(math.log10(rough))
        step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [at * step for at in range(first, last + 1)]

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
    low, high = (max(-_LARGEST, min(_LARGEST, end)) for end in (low, high))
    if log:
        low = max(low, 1 / _LARGEST)
        high = max(high, low)
        room = math.exp(pad * (math.log(high) - math.log(low))) if high > low else 2.0
        return Scale(max(low / room, 1 / _MOST), min(high * room, _MOST), start, end, log=True)
    # Values that differ in their last binary digits alone are one value to a reader.
    apart = high - low > max(_SMALLEST, 1e-12 * max(abs(low), abs(high)))
    alone = abs(high) * 0.05 if abs(high) > _SMALLEST else 0.5
    room = pad * (high - low) if apart else alone
    return Scale(low - room, high + room, start, end)


def picture(height: float, parts: Iterable[str], *, title: str, width: float = WIDTH) -> str:
    """The picture; `title` is what a screen reader says."""
    opening = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escaped(title)}">'
    return f"{opening}{''.join(parts)}</svg>"


def file(height: float, parts: Iterable[str], *, title: str, style: str, width: float = WIDTH) -> str:
    """The picture as a file of its own, on white, with the style sheet that it needs."""
    inside = [f"<style>{style}</style>", f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>', *parts]
    drawn = picture(height, inside, title=title, width=width)
    return drawn.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" ', 1) + "\n"


def text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "start", most: int = 60) -> str:
    """Words at a place; longer ones are cut, the whole in a tooltip."""
    shown = words if len(words) <= most else f"{words[: most - 1]}…"
    tip = f"<title>{escaped(words)}</title>" if shown != words else ""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escaped(shown)}{tip}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, *, kind: str, tip: str = "") -> str:
    """A rectangle with rounded corners."""
    inside = f"><title>{escaped(tip)}</title></rect>" if tip else "/>"
    return f'<rect x="{x:g}" y="{y:g}" width="{max(0.5, width):g}" height="{height:g}" rx="2" class="{kind}"{inside}'


def dot(x: float, y: float, kind: str, *, radius: float = 3.5, tip: str = "") -> str:
    """A circle."""
    inside = f"><title>{escaped(tip)}</title></circle>" if tip else "/>"
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" class="{kind}"{inside}'


def path(points: Sequence[tuple[float, float]], kind: str, tip: str = "", *, closed: bool = False) -> str:
    """A line through points, or the area that they enclose."""
    if not points:
        return ""
    steps = "L".join(f"{x:g} {y:g}" for x, y in points)
    inside = f"><title>{escaped(tip)}</title></path>" if tip else "/>"
    return f'<path d="M{steps}{"Z" * closed}" class="{kind}"{inside}'


def crosses(places: Sequence[float], y: float, kind: str, tip: str) -> str:
    """Small crosses side by side, hanging from `y`."""
    if not places:
        return ""
    drawn = "".join(f"M{x - 2:g} {y:g}l4 4m0-4l-4 4" for x in places)
    return f'<path d="{drawn}" class="{kind}"><title>{escaped(tip)}</title></path>'


def flag(x: float, top: float, bottom: float, kind: str, tip: str) -> str:
    """An upright dashed line with a small flag at its top."""
    cloth = f'<path class="flag" d="M{x - 4:g} {top - 8:g}h8l-4 7z"/>'
    return f'<g class="{escaped(kind)}">{line(x, top, x, bottom, "mark")}{cloth}<title>{escaped(tip)}</title></g>'


def beyond(x: float, y: float, right: bool, tip: str) -> str:
    """A triangle at the end of a horizontal axis that points to where a value lies outside."""
    way = 6 if right else -6
    corners = [(x - way, y - 5), (x, y), (x - way, y + 5)]
    return path(corners, "run", tip, closed=True)


def of_tone(at: int, parts: Iterable[str]) -> str:
    """Marks in the page's colour of this number."""
    return f'<g class="c{colour(at)}">{"".join(parts)}</g>'


def of_group(at: int, parts: Iterable[str]) -> str:
    """What belongs to the group at this place: in its colour, and lit up with all else of the group."""
    return f'<g class="group c{colour(at)}" data-group="{at}">{"".join(parts)}</g>'


def html_of_group(at: int, content: str) -> str:
    """The same for a piece of HTML, such as a sample."""
    return f'<div class="group c{colour(at)}" data-group="{at}">{content}</div>'


def colour(at: int) -> int | str:
    """The colour's number of the group at a place; groups far down share a grey."""
    return at if at < COLOURS else "x"


def below(axis: Scale, top: float, bottom: float, name: str = "") -> str:
    """A horizontal axis with grid lines, its name at the right end."""
    labels = axis.labels()
    parts = [line(at, top, at, bottom, "grid") for at, _ in labels]
    parts += [text(at, bottom + 16, words, kind="tick", anchor="middle") for at, words in labels]
    parts += [text(max(axis.start, axis.end), bottom + 32, name, kind="name", anchor="end", most=80)] if name else []
    return "".join(parts)


def beside(axis: Scale, left: float, right: float, name: str = "") -> str:
    """A vertical axis with grid lines, its name above."""
    labels = axis.labels()
    parts = [line(left, at, right, at, "grid") for at, _ in labels]
    parts += [text(left - 6, at + 4, words, kind="tick", anchor="end") for at, words in labels]
    parts += [text(4, min(axis.start, axis.end) - 10, name, kind="name", most=80)] if name else []
    return "".join(parts)


def legend(entries: Iterable[tuple[int, str]]) -> str:
    """Names of groups by their places, in their colours; pointing at one lights it up in every picture."""
    items = (
        f'<li class="group c{colour(at)}" data-group="{at}" tabindex="0"><i></i>{escaped(name)}</li>'
        for at, name in entries
    )
    return f'<ul class="legend">{"".join(items)}</ul>'
