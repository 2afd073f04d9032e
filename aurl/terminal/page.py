"""The whole page for one moment: head, progress, charts, alerts, the newest event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from aurl.record import Record
from aurl.runs.listing import RunSummary
from aurl.scalars import describe
from aurl.show.wording import duration, eta_spread, finite, memory, printable
from aurl.terminal.panels import SEVERITY_COLOURS, choose, columns, render
from aurl.terminal.state import State

_STATUS_COLOURS = {"running": "cyan", "done": "green", "failed": "red", "crashed": "red", "unreadable": "red"}
_BAR = 28
_LOWEST_PANEL = 6


@dataclass(frozen=True, slots=True)
class View:
    """What the person chose.

    Attributes:
        names: scalars to show; the important ones where empty.
        log: logarithmic values.
        page: which screenful of charts, from 0.
    """

    names: tuple[str, ...] = ()
    log: bool = False
    page: int = 0


def compose(run: RunSummary, state: State, view: View, size: tuple[int, int], now: float) -> list[Text]:
    """The page as lines, at most as wide and as many as `size` (columns, rows) allows."""
    width, height = size
    head = [_title(run, state, now), *_progress(run, state), Text()]
    foot = _foot(state, width, max(1, height // 4))
    lines = [*head, *_charts(state, view, width, height - len(head) - len(foot)), *foot]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines[:height]


def _title(run: RunSummary, state: State, now: float) -> Text:
    text = Text()
    text.append(printable(run.name), "bold")
    if run.id != run.name:
        text.append(f"  {printable(run.id)}", "bright_black")
    text.append(f"  {run.status}", _STATUS_COLOURS.get(run.status, "yellow"))
    spent = run.duration(now)
    facts = [] if spent is None else [duration(spent)]
    facts += [str(state.start[key]) for key in ("model", "device", "precision") if state.start.get(key)]
    text.append("".join(f"  {printable(fact)}" for fact in facts), "bright_black")
    return text


def _progress(run: RunSummary, state: State) -> list[Text]:
    text = Text()
    if state.share is not None:
        full = round(state.share * _BAR)
        text.append("━" * full, "cyan").append("━" * (_BAR - full), "bright_black")
        text.append(f" {state.share:.0%}  ")
    text.append(f"step {state.step}" + (f"/{state.steps}" if state.steps else ""))
    epoch, epochs = state.position.get("epoch"), state.position.get("epochs")
    if epoch is not None:
        text.append(f"  epoch {printable(str(epoch))}" + (f"/{printable(str(epochs))}" if epochs else ""))
    remaining = eta_spread(state.position) if run.status == "running" else ""
    if remaining:
        text.append("  ETA ").append(remaining, "bold")
    speed = next((name for name in ("throughput/tokens", "throughput/samples") if name in state.scalars), None)
    if speed is not None and finite(state.scalars[speed]) is not None:
        text.append(f"  {describe(speed).show(state.scalars[speed])}")
    if used := memory(state.scalars):
        text.append(f"  {used}")
    return [text]


def _charts(state: State, view: View, width: int, height: int) -> list[Text]:
    panels = choose(state.curves, view.names)
    if not panels or height < _LOWEST_PANEL:
        wanted = f"no scalar of these yet: {', '.join(view.names)}" if view.names else "no scalars yet"
        return [] if panels else [Text(printable(wanted), "bright_black"), Text()]
    across = min(columns(width), len(panels))
    down = max(1, min(height // _LOWEST_PANEL, -(-len(panels) // across)))
    pages = -(-len(panels) // (across * down))
    first = view.page % pages * across * down
    wide, high = (width - 2 * (across - 1)) // across, min(height // down, 14)
    lines: list[Text] = []
    for row in range(down):
        chosen = panels[first + row * across : min(first + (row + 1) * across, first + across * down)]
        drawn = [render(panel, state.curves, state.alerts, wide, high, log=view.log) for panel in chosen]
        lines += [_beside(parts, wide) for parts in zip(*drawn, strict=True)]
    return lines


def _beside(parts: Sequence[Text], width: int) -> Text:
    line = Text()
    for number, part in enumerate(parts):
        line.append("  " if number else "")
        part.align("left", width)
        line.append_text(part)
    return line


def _foot(state: State, width: int, height: int) -> list[Text]:
    lines: list[Text] = []
    for alert in reversed(state.alerts):
        lines += _alert(alert, width)
        if len(lines) >= height:
            break
    hidden = len(state.alerts) - sum(1 for line in lines if line.plain.startswith("▲"))
    if not state.alerts:
        lines = [Text("no alerts", "bright_black")]
    elif hidden > 0:
        lines.append(Text(f"  and {hidden} earlier", "bright_black"))
    if state.last:
        lines.append(Text(state.last, "bright_black"))
    return lines


def _alert(alert: Record, width: int) -> list[Text]:
    fields = alert.fields
    text = Text("▲ ", SEVERITY_COLOURS.get(str(fields.get("severity")), "yellow"))
    text.append(f"{printable(str(fields.get('severity', 'alert')))} at step {alert.step}  ")
    text.append(printable(f"{fields.get('type', '')}: {fields.get('message', '')}"), "default")
    lines = [text]
    suggestions = fields.get("suggestions")
    if isinstance(suggestions, (list, tuple)) and suggestions:
        advice = Text(printable(f"  try: {'; '.join(str(item) for item in suggestions)}"), "bright_black")
        lines.append(advice)
    return lines
