"""The panels of the page: a box with a curve, its newest value, its range, and marks where alerts were raised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from aurl.record import Record
from aurl.scalars import describe
from aurl.show.braille import AxisRange, Span, draw
from aurl.show.wording import printable
from aurl.terminal.curve import MergedCurve

COLOURS = ("bright_blue", "bright_yellow")
SEVERITY_COLOURS = {"info": "cyan", "warning": "yellow", "critical": "red", "fatal": "bold red"}
_RANKS = list(SEVERITY_COLOURS)
FIRST = (
    "loss/total", "loss/recon", "loss/kl", "loss/adv", "loss/disc", "grad/norm", "quality/mean/overall", "lr",
    "throughput/tokens", "throughput/samples", "val/accuracy", "system/gpu_used_gb", "system/ram_gb",
)  # fmt: skip
_NARROWEST = 30
_FAR = 1e300


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: a scalar, and its validation counterpart where there is one."""

    names: tuple[str, ...]


def choose(curves: Mapping[str, MergedCurve], wanted: Sequence[str] = ()) -> list[Panel]:
    """The charts in the order in which they are shown: those wanted, or the losses first."""
    if wanted:
        return [Panel((name,)) for name in wanted if name in curves]
    first = [name for name in FIRST if name in curves]
    others = [name for name in curves if name not in FIRST and not name.startswith(("val/loss/", "quality/"))]
    return [Panel((name, f"val/{name}") if f"val/{name}" in curves else (name,)) for name in [*first, *sorted(others)]]


def render(
    panel: Panel,
    curves: Mapping[str, MergedCurve],
    alerts: Sequence[Record],
    width: int,
    height: int,
    *,
    log: bool = False,
) -> list[Text]:
    """The panel as `height` lines of `width` columns: a title, the drawing, a line of marks.

    Args:
        alerts: all of the run; those whose metric is shown are marked.
        log: draw decimal logarithms.
    """
    shown = [curves[name] for name in panel.names]
    spans = [curve.spans(log=log) for curve in shown]
    xs, ys = _ranges(spans)
    labels = [_tick(ys.high, log), _tick(ys.low, log)]
    margin = max(map(len, labels)) + 1
    inner = max(1, width - margin)
    rows = draw(spans, xs, ys, inner, height - 2)
    lines = [_title(panel, shown, width)]
    for number, row in enumerate(rows):
        label = labels[0] if number == 0 else labels[1] if number == len(rows) - 1 else ""
        line = Text(f"{label:>{margin - 1}} ", style="bright_black")
        for sign, owner in row:
            line.append(sign, COLOURS[owner % len(COLOURS)] if owner >= 0 else "bright_black")
        lines.append(line)
    lines.append(Text(" " * margin).append_text(_marks(panel, shown, alerts, xs, inner)))
    return lines


def columns(width: int) -> int:
    """How many panels lie beside one another."""
    return max(1, min(3, width // (_NARROWEST + 8)))


def _title(panel: Panel, curves: Sequence[MergedCurve], width: int) -> Text:
    text = Text()
    for number, (name, curve) in enumerate(zip(panel.names, curves, strict=True)):
        known = describe(name)
        value = "" if curve.last is None else known.show(curve.last)
        text.append("  " if number else "")
        text.append("• " if len(panel.names) > 1 else "", COLOURS[number])
        text.append(f"{printable(name)} ", "bold")
        text.append(value)
    text.truncate(width, overflow="ellipsis")
    return text


def _ranges(spans: Sequence[Sequence[Span]]) -> tuple[AxisRange, AxisRange]:
    every = [span for curve in spans for span in curve]
    if not every:
        return AxisRange(0.0, 1.0), AxisRange(0.0, 1.0)
    steps = [span.step for span in every]
    return _room(min(steps), max(steps)), _room(min(span.low for span in every), max(span.high for span in every))


def _room(low: float, high: float) -> AxisRange:
    """The interval, made wider where it is a point, and kept where differences do not overflow."""
    half = 0.0 if high > low else max(abs(low) * 0.05, 1e-6)
    return AxisRange(max(low - half, -_FAR), min(high + half, _FAR))


def _tick(value: float, log: bool) -> str:
    if log:
        value = 10.0 ** min(300.0, max(-300.0, value))
    return format(value, ".3g")


def _marks(panel: Panel, curves: Sequence[MergedCurve], alerts: Sequence[Record], xs: AxisRange, inner: int) -> Text:
    """A triangle under each alert on these metrics, in the colour of the worst; an x where a value was not finite."""
    worst: dict[int, int] = {}
    for alert in alerts:
        if alert.fields.get("metric") in panel.names:
            severity = str(alert.fields.get("severity"))
            rank = _RANKS.index(severity) if severity in _RANKS else 1
            column = xs.place(alert.step, inner)
            worst[column] = max(rank, worst.get(column, 0))
    missing = {xs.place(step, inner) for curve in curves for step in curve.nonfinite}
    line = Text()
    for column in range(inner):
        if column in worst:
            line.append("▲", SEVERITY_COLOURS[_RANKS[worst[column]]])
        else:
            line.append("x" if column in missing else " ", "bold red")
    return line
