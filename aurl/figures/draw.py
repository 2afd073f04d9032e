"""One chart for each scalar, a line for each run or a band for each group of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np

from aurl.figures.curves import Axis, CurveGroup, Curves, group, smooth
from aurl.figures.palette import RC, SEVERITY_COLOURS, look
from aurl.scalars import describe
from aurl.show.arrays import Floats
from aurl.show.wording import local_time, printable

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AXIS_LABELS = {"step": "step", "epoch": "epoch", "time": "time (UTC)", "relative": "hours since the start"}
_PANEL_RATIO = 0.62


@dataclass(frozen=True, slots=True)
class Style:
    """How charts are drawn.

    Attributes:
        axis: what is to the right.
        smoothing: weight of the moving average, 0 to below 1; the raw line stays faintly beneath.
        log: logarithmic values.
        bands: mean and range over seeds instead of a line for each run.
        marks: alerts as triangles on their curves.
        width: of the whole figure, inches.
    """

    axis: Axis = "step"
    smoothing: float = 0.0
    log: bool = False
    bands: bool = True
    marks: bool = True
    width: float = 6.9


def draw(runs: Sequence[Curves], names: Sequence[str], style: Style) -> Figure:
    """A figure with one chart for each name, see `save`."""
    import matplotlib as mpl

    with mpl.rc_context(RC):
        from matplotlib.figure import Figure

        across = min(len(names), 3 if style.width > 5 else 1)
        down = -(-len(names) // across)
        figure = Figure((style.width, style.width / across * _PANEL_RATIO * down + 0.35), layout="constrained")
        charts: list[Axes] = list(figure.subplots(down, across, squeeze=False).ravel())
        groups = group(runs) if style.bands else [CurveGroup(_name(curves, runs), [curves]) for curves in runs]
        for chart, name in zip(charts, names, strict=False):
            _chart(chart, name, groups, style)
        for chart in charts[len(names) :]:
            chart.remove()
        _legend(figure, charts[: len(names)], groups)
        return figure


def save(figure: Figure, target: Path) -> None:
    """Write the figure in the format of the file's suffix.

    Raises:
        OSError: it cannot be written there.
    """
    import matplotlib as mpl

    with mpl.rc_context(RC):
        figure.savefig(target)


def _clock(seconds: float, _place: object = None) -> str:
    when = local_time(seconds)
    return "" if when is None else f"{when.astimezone(UTC):%H:%M}"


def _chart(chart: Axes, name: str, groups: Sequence[CurveGroup], style: Style) -> None:
    known = describe(name)
    chart.set_title(printable(known.label), pad=4)
    chart.set_xlabel(_AXIS_LABELS[style.axis])
    chart.set_ylabel(printable(known.unit))
    for number, each in enumerate(groups):
        _lines(chart, name, each, number, style)
    if style.log:
        chart.set_yscale("log", nonpositive="mask")
    if style.axis == "time":
        chart.xaxis.set_major_formatter(_clock)
        chart.tick_params(axis="x", rotation=30)
    if known.format.endswith("%"):
        chart.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")


def _lines(chart: Axes, name: str, each: CurveGroup, number: int, style: Style) -> None:
    colour, dash = look(number)
    label = printable(each.label)
    if len(each.members) > 1:
        at, mean, low, high = each.band(name, style.axis, style.smoothing)
        chart.fill_between(at, low, high, color=colour, alpha=0.18, linewidth=0)
        chart.plot(at, mean, color=colour, linestyle=dash, label=label, marker="." if len(at) < 3 else "")
        return
    [curves] = each.members
    at, values = curves.points(name, style.axis)
    shown = np.where(np.isfinite(values), values, np.nan)
    if style.smoothing:
        chart.plot(at, shown, color=colour, alpha=0.25, linewidth=0.6)
        shown = smooth(shown, style.smoothing)
    chart.plot(at, shown, color=colour, linestyle=dash, label=label, marker="." if len(at) < 3 else "")
    if style.marks:
        _marks(chart, name, curves, at, shown)


def _marks(chart: Axes, name: str, curves: Curves, at: Floats, shown: Floats) -> None:
    steps, _ = curves.points(name, "step")
    for mark in curves.marks:
        if mark.metric == name and len(steps):
            index = int(np.clip(np.searchsorted(steps, mark.step), 0, len(steps) - 1))
            if np.isfinite(shown[index]):
                colour = SEVERITY_COLOURS.get(mark.severity, "#E69F00")
                chart.plot(at[index], shown[index], "v", color=colour, markersize=4, clip_on=False, zorder=5)


def _legend(figure: Figure, charts: Sequence[Axes], groups: Sequence[CurveGroup]) -> None:
    """One for the whole figure, in the order of the groups; none for a single line."""
    handles = {
        label: handle for chart in charts for handle, label in zip(*chart.get_legend_handles_labels(), strict=True)
    }
    if len(groups) > 1 or any(len(each.members) > 1 for each in groups):
        figure.legend(handles.values(), handles, loc="outside lower left", ncols=min(4, max(1, len(handles))))


def _name(curves: Curves, among: Sequence[Curves]) -> str:
    """The run's name, with its id where another has the same."""
    name = curves.run.name
    return curves.run.id if sum(other.run.name == name for other in among) > 1 else name
