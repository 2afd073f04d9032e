"""The pictures of settings: how much each matters, how the metric moves with it, and all of them beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aurl.compare.grouping import listed_values
from aurl.compare.insights.insight import label, named, number, percent, rounded
from aurl.compare.model import Comparison
from aurl.compare.search_space import is_number, spell
from aurl.record import Json
from aurl.show import svg
from aurl.show.naming import show_value

_LEFT, _ROW, _MOST = 14, 42, 15
_SMALL, _SMALL_HEIGHT = 330, 210
_MAP_LEFT, _MAP_TOP, _MAP_WIDTH, _MAP_HEIGHT = 78, 26, 236, 200
_MOST_AXES, _MOST_LINES = 9, 400


def importance(comparison: Comparison) -> str:
    """A bar for each setting with its 95 % interval, and a mark at the cross-check's; empty without evidence."""
    rows = comparison.impact.rows[:_MOST]
    if not rows:
        return ""
    x = svg.Scale(0.0, 1.0, _LEFT, svg.WIDTH - 56)
    bottom = 16 + _ROW * len(rows)
    parts = [svg.below(x, 8, bottom, f"share of the variance of {label(comparison.metric)}")]
    for at, row in enumerate(rows):
        parts += _bar(row, comparison.impact.cross.get(str(row["param"])), x, 8 + _ROW * (at + 0.68))
    return svg.picture(bottom + 40, parts, title="Importance of the settings")


def effect(comparison: Comparison, name: str) -> str:
    """How the metric moves with one setting: the mean over the others with its 95 % band, and the runs themselves."""
    found = comparison.impact.effects[name]
    x_values, y_values, low, high = (listed_values(found[key]) for key in ("x", "y", "low", "high"))
    numeric = all(map(is_number, x_values)) and len(x_values) > 2
    y = svg.scale([*low, *high], _SMALL_HEIGHT - 44, 34)
    parts = [svg.beside(y, 52, _SMALL - 8, "")]
    parts.append(svg.text(4, 14, name, kind="name", most=48))
    if numeric:
        x = svg.scale(x_values, 52, _SMALL - 12, log=bool(found["log"]), pad=0.02)
        parts.append(svg.below(x, 34, _SMALL_HEIGHT - 44, ""))
        upper = [(x(u), y(v)) for u, v in zip(x_values, high, strict=True)]
        lower = [(x(u), y(v)) for u, v in zip(x_values, low, strict=True)]
        parts.append(svg.path([*upper, *reversed(lower)], "band", closed=True))
        parts.append(svg.path([(x(u), y(v)) for u, v in zip(x_values, y_values, strict=True)], "curve"))
    else:
        parts += _levels(x_values, y_values, low, high, y)
    return svg.picture(_SMALL_HEIGHT, [svg.of_group(0, parts)], title=f"{comparison.metric} over {name}", width=_SMALL)


def surface(comparison: Comparison, pair: Mapping[str, Json]) -> str:
    """The metric over two settings that act together, as a map."""
    x_values, y_values, rows = (listed_values(pair[key]) for key in ("x", "y", "z"))
    names = [str(name) for name in listed_values(pair["params"])]
    flat = [value for row in rows for value in row]
    low, high = min(flat), max(flat)
    wide, tall = _MAP_WIDTH / len(x_values), min(34.0, _MAP_HEIGHT / len(y_values))
    parts = [svg.text(4, 14, f"{names[0]} (across) and {names[1]} (up)", kind="name", most=52)]
    for up, row in enumerate(reversed(rows)):
        for across, value in enumerate(row):
            shade = round(9 * (value - low) / (high - low)) if high > low else 0
            setting = f"{names[0]}={_short(x_values[across])}, {names[1]}={_short(y_values[len(rows) - 1 - up])}"
            x, y = _MAP_LEFT + across * wide, _MAP_TOP + up * tall
            parts.append(svg.box(x, y, wide - 1, tall - 1, kind=f"h{shade}", tip=f"{setting}: {number(value)}"))
    bottom = _MAP_TOP + len(rows) * tall
    for at in _few(len(x_values)):
        x = _MAP_LEFT + (at + 0.5) * wide
        parts.append(svg.text(x, bottom + 14, _short(x_values[at]), kind="tick", anchor="middle", most=12))
    for at in _few(len(y_values)):
        y = bottom - (at + 0.5) * tall + 4
        parts.append(svg.text(_MAP_LEFT - 6, y, _short(y_values[at]), kind="tick", anchor="end", most=12))
    told = f"from {number(low)} (faint) to {number(high)} (full)"
    parts.append(svg.text(_MAP_LEFT, bottom + 32, told, kind="tick"))
    return svg.picture(bottom + 42, parts, title=f"{comparison.metric} over {names[0]} and {names[1]}", width=_SMALL)


def _few(count: int) -> list[int]:
    """All places where there are few, otherwise the first and the last."""
    return list(range(count)) if count <= 5 else [0, count - 1]


def parallel(comparison: Comparison) -> str:
    """A line for each counted run across its settings to the metric; empty with fewer than two varying settings."""
    order = [str(row["param"]) for row in comparison.impact.rows]
    keys = sorted(comparison.differences, key=lambda key: order.index(key) if key in order else len(order))
    keys = keys[: _MOST_AXES - 1]
    lines = [(at, group, value) for at, group in enumerate(comparison.groups) for value in group.values.values()]
    if len(keys) < 2 or not lines:
        return ""
    gap = (svg.WIDTH - 110) / len(keys)
    places = {key: 55 + gap * at for at, key in enumerate(keys)}
    axes = {key: _axis([group.config.get(key) for _, group, _ in lines]) for key in keys}
    y = svg.scale([value for _, _, value in lines], 250, 40, pad=0.0)
    parts = []
    for at, group, value in reversed(lines[:_MOST_LINES]):
        points = [(places[key], axes[key][spell(group.config.get(key))]) for key in keys] + [(svg.WIDTH - 55, y(value))]
        parts.append(svg.of_group(at, [svg.path(points, "thread", f"{named(group)}: {number(value)}")]))
    for side, key in enumerate(keys):
        levels = [group.config.get(key) for _, group, _ in lines]
        parts += _axis_marks(key, places[key], axes[key], levels, raised=side % 2 == 1)
    parts += _metric_axis(comparison.metric, y)
    return svg.picture(286, parts, title="Settings and metric of every counted run")


def _bar(row: Mapping[str, Json], cross: float | None, x: svg.Scale, y: float) -> list[str]:
    share, name = float(str(row["importance"])), str(row["param"])
    low, high = listed_values(row["ci"])
    tip = f"{name}: {percent(share, 1)}, 95 % CI {percent(low, 1)} to {percent(high, 1)}; {row['method']}"
    parts = [
        svg.text(4, y - 13, name, most=70),
        svg.box(x(0.0), y - 8, x(share) - x(0.0), 16, kind="bar", tip=tip),
        svg.line(x(low), y, x(high), y, "whisker"),
        svg.text(svg.WIDTH - 46, y + 4, percent(share), kind="tick"),
    ]
    if cross is not None:
        parts.append(svg.line(x(cross), y - 11, x(cross), y + 11, "cross"))
    return parts


def _levels(
    names: Sequence[Json], means: Sequence[float], low: Sequence[float], high: Sequence[float], y: svg.Scale
) -> list[str]:
    gap = (_SMALL - 64) / len(names)
    parts: list[str] = []
    for at, name in enumerate(names):
        x = 52 + gap * (at + 0.5)
        parts.append(svg.line(x, y(low[at]), x, y(high[at]), "whisker"))
        parts.append(svg.dot(x, y(means[at]), "run", radius=5, tip=f"{_short(name)}: {number(means[at])}"))
        parts.append(
            svg.text(x, _SMALL_HEIGHT - 28, _short(name), kind="tick", anchor="middle", most=max(3, int(gap / 7)))
        )
    return parts


def _axis(levels: Sequence[Json]) -> dict[str, float]:
    """Where each level lies: a number by its size, anything else evenly."""
    spelled = {spell(level): level for level in levels}
    if all(map(is_number, spelled.values())) and len(spelled) > 1:
        sizes = [float(str(level)) for level in spelled.values()]
        log = min(sizes) > 0 and max(sizes) >= 8 * min(sizes)
        ruler = svg.scale(sizes, 250, 40, log=log, pad=0.0)
        return {key: ruler(size) for key, size in zip(spelled, sizes, strict=True)}
    gap = 210 / max(1, len(spelled) - 1)
    return {key: 250 - gap * at if len(spelled) > 1 else 145 for at, key in enumerate(sorted(spelled))}


def _axis_marks(key: str, x: float, places: Mapping[str, float], levels: Sequence[Json], *, raised: bool) -> list[str]:
    spelled = {spell(level): level for level in levels}
    shown = sorted(spelled, key=lambda level: places[level])
    shown = shown if len(shown) <= 6 else [shown[0], shown[-1]]
    tail = key if len(key) <= 18 else f"…{key[-17:]}"
    parts = [svg.line(x, 40, x, 250, "axis"), svg.text(x, 12 if raised else 28, tail, kind="name", anchor="middle")]
    parts += [svg.text(x + 5, places[level] + 4, _short(spelled[level]), kind="tick halo", most=12) for level in shown]
    return parts


def _metric_axis(metric: str, y: svg.Scale) -> list[str]:
    x = svg.WIDTH - 55
    parts = [svg.line(x, 40, x, 250, "axis"), svg.text(svg.WIDTH - 4, 28, metric, kind="name", anchor="end", most=22)]
    return parts + [svg.text(x + 5, at + 4, words, kind="tick halo") for at, words in y.labels()]


def _short(value: Json) -> str:
    """A setting as it is typed, to three digits."""
    return show_value(rounded(value))
