"""The pictures of the metric against each other objective, and of alerts over the runs' steps."""

from __future__ import annotations

from collections.abc import Sequence

from aurl.compare.insights.insight import named, number
from aurl.compare.model import Comparison
from aurl.compare.run_data import RunData
from aurl.compare.statistics.pareto import Front, Point
from aurl.record import Severity
from aurl.show import svg

_WIDTH, _HEIGHT = 330, 270
MOST_RUNS, _ROW = 30, 30
_LEFT = 14


def tradeoff(comparison: Comparison, found: Front, other: str) -> str:
    """Every configuration at its means of the metric and another objective, with 95 % whiskers; the front is filled."""
    across, up = other, comparison.metric
    x = svg.scale(_ends(found.points, across), 56, _WIDTH - 12)
    y = svg.scale(_ends(found.points, up), _HEIGHT - 50, 34)
    wanted = {name: "lower" if mode == "min" else "higher" for name, mode in found.objectives.items()}
    parts = [
        svg.below(x, 34, _HEIGHT - 50, f"{across}, {wanted[across]} wanted"),
        svg.beside(y, 56, _WIDTH - 12, f"{up}, {wanted[up]} wanted"),
    ]
    places = {group.id: at for at, group in enumerate(comparison.groups)}
    parts += [
        svg.of_group(places[point.group], _point(comparison, found, point, (across, x), (up, y)))
        for point in reversed(found.points)
    ]
    return svg.picture(_HEIGHT, parts, title=f"{up} against {across}", width=_WIDTH)


def timeline(comparison: Comparison) -> str:
    """A row for each run that had alerts: its length as a line, each alert as a mark where it began."""
    runs = timeline_runs(comparison)
    if not runs:
        return ""
    x = svg.scale([0.0, *(float(run.step) for run in runs)], _LEFT, svg.WIDTH - 14, pad=0.0)
    bottom = 16 + _ROW * len(runs)
    parts = [svg.below(x, 8, bottom, "step")]
    for at, run in enumerate(runs):
        y = 8 + _ROW * (at + 0.7)
        parts.append(svg.text(4, y - 9, run.id, kind="tick", most=80))
        parts.append(svg.line(x(0.0), y, x(float(run.step)), y, f"life {run.fate.replace(' ', '-')}"))
        parts += [_alert(alert, x, y) for alert in run.alerts]
    return svg.picture(bottom + 40, parts, title="Alerts over the steps of each run")


def timeline_runs(comparison: Comparison) -> list[RunData]:
    """The runs that the picture shows: failed ones first, then those with the gravest alerts, 30 at most."""
    hit = [run for run in comparison.runs if run.alerts]
    worst = {run.id: max(Severity.rank_of(alert.get("severity")) for alert in run.alerts) for run in hit}
    return sorted(hit, key=lambda run: (run.fate != "failed", -worst[run.id]))[:MOST_RUNS]


def _point(
    comparison: Comparison, found: Front, point: Point, across: tuple[str, svg.Scale], up: tuple[str, svg.Scale]
) -> list[str]:
    (name_x, x), (name_y, y) = across, up
    at_x, at_y = x(point.means[name_x]), y(point.means[name_y])
    wide, high = point.cis[name_x], point.cis[name_y]
    whiskers = [svg.line(x(wide[0]), at_y, x(wide[1]), at_y, "whisker")] if wide is not None else []
    whiskers += [svg.line(at_x, y(high[0]), at_x, y(high[1]), "whisker")] if high is not None else []
    kind = "front" if point.dominated_by is None else "dominated"
    tip = f"{named(comparison.group(point.group))}: {name_y} {number(point.means[name_y])}, "
    tip += f"{name_x} {number(point.means[name_x])}"
    if point.dominated_by is not None:
        tip += f"; beaten by {named(comparison.group(point.dominated_by))}"
    knee = [svg.dot(at_x, at_y, "knee", radius=10)] if point.group == found.knee else []
    return [*whiskers, *knee, svg.dot(at_x, at_y, kind, radius=5.5, tip=tip)]


def _ends(points: Sequence[Point], name: str) -> list[float]:
    intervals = [ci for point in points if (ci := point.cis[name]) is not None]
    return [*(point.means[name] for point in points), *(end for ci in intervals for end in ci)]


def _alert(alert: object, x: svg.Scale, y: float) -> str:
    assert isinstance(alert, dict)
    step = alert.get("onset_step", alert.get("step"))
    at = x(float(step)) if isinstance(step, (int, float)) else x(0.0)
    severity = str(alert.get("severity"))
    kind = severity if severity in set(Severity) else "info"
    return svg.dot(at, y, f"alert {kind}", radius=5, tip=f"{alert.get('type')} at step {step}: {alert.get('message')}")
