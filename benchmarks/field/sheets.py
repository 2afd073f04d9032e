"""Contact sheets of the corpus, to label by: the curves as lint reads them, and nothing that a detector thinks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aurl.anomaly.statistics.roles import Role, role_of
from aurl.errors import DataError
from aurl.lint.opening import open_log
from aurl.record import Record
from benchmarks.field.corpus import Entry

_ACROSS, _DOWN = 4, 3
_POINTS = 3000  # of a curve; a spike of one row stays, because each bin keeps its least and greatest
_ABOVE = {
    Role.LOSS: "black", Role.VAL_LOSS: "tab:orange", Role.LOSS_PART: "silver", Role.VAL_PART: "bisque",
    Role.GENERATOR_LOSS: "tab:blue", Role.DISCRIMINATOR_LOSS: "tab:red", Role.POLICY_LOSS: "tab:purple",
    Role.VALUE_LOSS: "tab:brown", Role.KL: "tab:green",
}  # fmt: skip
_BELOW = {
    Role.REWARD: "tab:green", Role.GRAD_NORM: "tab:red", Role.LR: "tab:blue", Role.VAL_ACCURACY: "tab:orange",
    Role.ACCURACY: "black", Role.STEP_TIME: "grey", Role.THROUGHPUT: "grey", Role.EPISODE_LENGTH: "tab:pink",
    Role.LOSS_SCALE: "tab:cyan", Role.ENTROPY: "tab:olive", Role.APPROX_KL: "tab:purple",
}  # fmt: skip


def draw_sheets(entries: Sequence[Entry], logs: Path, folder: Path) -> Iterable[Path]:
    """Draw twelve logs a sheet; the paths as they are written."""
    mpl.rcParams.update(
        {"font.size": 6, "axes.linewidth": 0.4, "lines.linewidth": 0.6, "axes.formatter.limits": (-3, 5)}
    )
    folder.mkdir(parents=True, exist_ok=True)
    each = _ACROSS * _DOWN
    for start in range(0, len(entries), each):
        figure = Figure(figsize=(16, 11), dpi=100)
        grid = figure.add_gridspec(
            _DOWN, _ACROSS, hspace=0.28, wspace=0.16, left=0.03, right=0.99, top=0.96, bottom=0.03
        )
        for at, entry in enumerate(entries[start : start + each]):
            halves = grid[at // _ACROSS, at % _ACROSS].subgridspec(2, 1, height_ratios=(2.4, 1), hspace=0.02)
            _draw(entry, logs / entry.file, figure.add_subplot(halves[0]), figure.add_subplot(halves[1]))
        path = folder / f"sheet_{start // each + 1:02}.png"
        figure.savefig(path)
        yield path


def _draw(entry: Entry, path: Path, above: Axes, below: Axes) -> None:
    try:
        log = open_log(path, {})
        records = list(log.records())
    except DataError as error:
        above.set_title(f"{entry.id} {entry.repo}: not read", fontsize=6)
        above.text(0, 0.5, str(error)[-300:], wrap=True, transform=above.transAxes)
        return
    series = _series(records)
    losses = any(role_of(name) in _ABOVE for name in series)
    lost = _lines(above, series, _ABOVE if losses else _BELOW)
    _scale(above, [value for name, points in series.items() if role_of(name) in _ABOVE for _, value in points])
    _lines(below, {name: _unit(points) for name, points in series.items()}, _BELOW)
    if not any(role_of(name) in _ABOVE | _BELOW for name in series):
        for name, points in list(series.items())[:8]:
            above.plot(*zip(*points, strict=True), label=name[:24])
    for axes in (above, below):
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=5, loc="upper right", handlelength=1, labelspacing=0.1, framealpha=0.5)
    above.tick_params(labelbottom=False)
    below.set_yticks([])
    if series:
        below.set_xlim(above.get_xlim())
    title = f"{entry.id} {entry.repo[:34]} {entry.path.rsplit('/', 1)[-1][-26:]} [{entry.kind}] {log.rows} rows"
    above.set_title(title + (f", not finite: {lost}" if lost else ""), fontsize=6, pad=2)


def _series(records: Iterable[Record]) -> dict[str, list[tuple[float, float]]]:
    series: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        for name, value in record.scalars.items():
            series.setdefault(name, []).append((record.step, value))
    return series


def _lines(axes: Axes, series: dict[str, list[tuple[float, float]]], colours: dict[Role, str]) -> str:
    """Draw what has one of these roles, the parts first; where values are not finite, a red line, and in words."""
    lost = []
    shown = [name for name in series if role_of(name) in colours]
    for name in sorted(shown, key=lambda name: role_of(name) not in {Role.LOSS_PART, Role.VAL_PART}):
        points = _thinned(series[name])
        few = len(points) < 60
        style: dict[str, Any] = {
            "color": colours[role_of(name)],
            "label": name[-22:],
            "ms": 2,
            "marker": "." if few else None,
        }
        axes.plot(*zip(*points, strict=True), **style)
        bad = [at for at, value in series[name] if not math.isfinite(value)]
        if bad:
            lost.append(f"{name} {len(bad)} from {bad[0]:g}")
            axes.axvline(bad[0], color="red", lw=0.4, ls=":")
    return "; ".join(lost)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= _POINTS:
        return list(points)
    width = -(-len(points) // (_POINTS // 2))
    kept = []
    for start in range(0, len(points), width):
        part = points[start : start + width]
        kept += sorted({min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])})
    return kept


def _scale(axes: Axes, values: Sequence[float]) -> None:
    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) > 8 * min(finite):
        axes.set_yscale("log")
    elif finite and max(map(abs, finite)) > 1e3 * (sorted(map(abs, finite))[len(finite) // 2] or 1):
        axes.set_yscale("symlog")


def _unit(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    finite = [value for _, value in points if math.isfinite(value)]
    if not finite:
        return list(points)
    least, most = min(finite), max(finite)
    return [(at, (value - least) / (most - least or 1.0)) for at, value in points]
