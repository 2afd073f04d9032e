"""The table of runs in a terminal: what tells them apart first, no id broken, no wider than the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aurl.library.differing import short_names, telling
from aurl.library.filters import look_up
from aurl.library.logged import LoggedRun
from aurl.library.runs import row_of
from aurl.scalars import describe
from aurl.show.naming import show_value
from aurl.show.wording import duration, local_time, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_COLOURS = {"running": "cyan", "done": "green", "failed": "red", "crashed": "red", "unreadable": "red"}
_GAP, _LONGEST, _MOST_SETTINGS = 2, 28, 6
_PIPED = 200  # letters a line into a file or a pipe
# What goes first where a window is too narrow for all; the run, its status and its best loss stay.
_SPARE = ("tags", "started", "time", "alerts", "loss", "step", "name")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show beside the runs themselves.

    Attributes:
        columns: settings and scalars; None chooses those that tell the runs apart.
        found: how many runs there are, listed or not.
        archived: how many of the archived are not listed.
    """

    columns: Sequence[str] | None = None
    found: int = 0
    archived: int = 0


@dataclass(frozen=True, slots=True)
class _Column:
    key: str
    title: str
    cells: Sequence[str]
    right: bool = False

    @property
    def width(self) -> int:
        from rich.cells import cell_len

        return max(map(cell_len, [self.title, *self.cells]))


def screen(runs: Sequence[LoggedRun], wanted: Wanted, now: float) -> None:
    """Print the table, and below it what it leaves out."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    width = console.width if console.is_terminal else _PIPED
    columns = [column for column in _columns(runs, wanted, now) if any(column.cells)]
    shown = _fitting(columns, width, keep=wanted.columns or ())
    statuses = [run.status for run in runs]
    for line in _lines(shown, statuses):
        console.print(line, soft_wrap=True)
    for run in runs:
        if run.facts["error"]:
            console.print(f"{run.path}: {printable(run.facts['error'])}", soft_wrap=True)
    _tell_rest(console, columns, shown, len(runs), wanted)


def _tell_rest(
    console: Console, columns: Sequence[_Column], shown: Sequence[_Column], listed: int, wanted: Wanted
) -> None:
    left = [column.title for column in columns if column not in shown]
    if left:
        console.print(f"No room here for {', '.join(left)}: a wider window shows them, or --columns.", soft_wrap=True)
    if wanted.archived:
        console.print(f"{wanted.archived} archived: --archived lists them too", soft_wrap=True)
    if listed < wanted.found:
        console.print(f"{listed} of {wanted.found} runs")


def _columns(runs: Sequence[LoggedRun], wanted: Wanted, now: float) -> list[_Column]:
    facts = [run.facts for run in runs]
    keys = list(wanted.columns or telling([run.settings for run in runs], _MOST_SETTINGS))
    settings = [_setting(key, title, runs) for key, title in zip(keys, short_names(keys), strict=True)]
    alike = len({each["name"] for each in facts}) == 1 and len(facts) > 1
    own = all(each["name"] == each["id"] for each in facts)

    def column(key: str, cell: Callable[[Mapping[str, Any]], str], *, right: bool = False, title: str = "") -> _Column:
        return _Column(key, title or key, [cell(each) for each in facts], right)

    name = [] if alike or own else [column("name", lambda each: _star(each) + _cut(printable(each["name"])))]
    run_id = column("run", lambda each: (_star(each) if not name else "") + printable(each["id"]))
    return [
        *name,
        run_id,
        column("status", lambda each: each["status"]),
        column("step", _step, right=True),
        column("loss", lambda each: _value(each["loss"], "last"), right=True),
        column("best", lambda each: _value(each["loss"], "best"), right=True),
        *settings,
        column("alerts", _alerts),
        column("time", lambda each: "" if each["duration"] is None else duration(each["duration"]), right=True),
        column("started", lambda each: "" if each["started"] is None else _date(each["started"], now)),
        column("tags", lambda each: _cut(printable(", ".join(each["tags"])))),
    ]


def _setting(key: str, title: str, runs: Sequence[LoggedRun]) -> _Column:
    values = [next(iter(look_up(row_of(run), key)), None) for run in runs]
    number = all(value is None or isinstance(value, (int, float)) for value in values)
    cells = ["" if value is None else _cut(printable(show_value(_brief(value)))) for value in values]
    return _Column(key, title, cells, right=number)


def _fitting(columns: Sequence[_Column], width: int, keep: Sequence[str]) -> list[_Column]:
    """As many columns as fit, the spare ones and then settings from the right left out first."""
    shown = list(columns)
    fixed = {"run", "status", "best", *_SPARE, *keep}
    order = [*_SPARE, *(column.key for column in reversed(columns) if column.key not in fixed), "best"]
    for key in order:
        if sum(column.width + _GAP for column in shown) - _GAP <= width:
            break
        shown = [column for column in shown if column.key != key]
    return shown


def _lines(columns: Sequence[_Column], statuses: Sequence[str]) -> list[Text]:
    from rich.cells import cell_len
    from rich.text import Text

    def line(cells: Sequence[str], style: str, status: str = "") -> Text:
        text = Text()
        for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            pad = " " * (column.width - cell_len(cell))
            text.append(
                pad + cell if column.right else cell,
                _COLOURS.get(status, "yellow") if column.key == "status" and status else style,
            )
            text.append("" if place == len(columns) - 1 else (" " * _GAP if column.right else pad + " " * _GAP))
        return text

    rows = zip(*(column.cells for column in columns), strict=True)
    return [
        line([column.title for column in columns], "bold"),
        *(line(cells, "", status) for cells, status in zip(rows, statuses, strict=True)),
    ]


def _brief(value: Any) -> Any:
    """A setting to six digits, which is more than anybody types."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _star(facts: Mapping[str, Any]) -> str:
    return "* " if facts["star"] else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _step(facts: Mapping[str, Any]) -> str:
    return f"{facts['step']}/{facts['steps']}" if facts["steps"] else str(facts["step"])


def _alerts(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {severity}" for severity, count in facts["alerts"].items() if count)


def _value(loss: Mapping[str, Any], which: str) -> str:
    value = loss[which]
    return "" if loss["metric"] is None or value is None else format(value, describe(loss["metric"]).format)


def _date(moment: float, now: float) -> str:
    """The local date, or the time where that is today."""
    when = local_time(moment)
    if when is None:
        return "?"
    today = when.date() == datetime.fromtimestamp(now).date()
    return when.strftime("today %H:%M" if today else "%Y-%m-%d")
