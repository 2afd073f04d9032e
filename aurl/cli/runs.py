"""`aurl runs DIR`: the table of runs, read from their `run.json` files."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurl.errors import DONE
from aurl.runs.listing import STATUSES, RunSummary, find_runs
from aurl.scalars import describe
from aurl.show.wording import duration, finite, printable, whole

if TYPE_CHECKING:
    from rich.table import Table

MAIN_LOSSES = ("val/loss/total", "loss/total")
_COLOURS = {"running": "cyan", "done": "green", "failed": "red", "crashed": "red", "unreadable": "red"}
_Row = dict[str, Any]
_SORT_KEYS: Mapping[str, tuple[Callable[[_Row], Any], bool]] = {
    "started": (lambda row: row["started"], True),
    "name": (lambda row: row["name"], False),
    "status": (lambda row: row["status"], False),
    "step": (lambda row: row["step"], True),
    "loss": (lambda row: row["loss"]["best"], False),
    "alerts": (lambda row: sum(row["alerts"].values()), True),
    "duration": (lambda row: row["duration"], True),
}


def run(args: list[str]) -> int:
    """Print the table, or with `--json` one array with an object for each run.

    Raises:
        RunError: there is no such directory.
    """
    options = _parser().parse_args(args)
    now = time.time()
    found = find_runs(options.directory, stale_after=options.stale)
    rows = [row_of(run, now) for run in found if options.status in (None, run.status)]
    rows = sort_rows(rows, options.sort)[: options.limit]
    if options.json:
        print(json.dumps(rows, allow_nan=False))
        return DONE
    _show(options.directory, rows, len(found), now)
    return DONE


def row_of(run: RunSummary, now: float) -> _Row:
    """What is told of one run, as JSON values; `loss` is the first of `MAIN_LOSSES` that the run has."""
    metric = next((name for name in MAIN_LOSSES if name in run.summary), None)
    loss = run.summary.get(metric or "", {})
    alerts = run.document.get("alerts")
    counts = alerts if isinstance(alerts, Mapping) else {}
    return {
        "id": run.id,
        "name": run.name,
        "path": str(run.path),
        "status": run.status,
        "error": run.error,
        "tags": run.document.get("tags") or [],
        "seed": run.document.get("seed"),
        "step": run.step,
        "steps": whole(run.document.get("steps")),
        "epoch": run.document.get("epoch"),
        "loss": {"metric": metric} | {key: finite(loss.get(key)) for key in ("last", "best", "best_step")},
        "alerts": {severity: count for severity, count in counts.items() if whole(count) is not None},
        "samples": run.document.get("samples") or 0,
        "started": run.started,
        "ended": run.ended,
        "duration": run.duration(now),
        "resumes": len(run.document.get("resumes") or []),
        "summary": run.summary,
    }


def sort_rows(rows: Sequence[_Row], key: str) -> list[_Row]:
    """The rows by this key: losses, names and statuses ascending, the others with the largest first."""
    value, descending = _SORT_KEYS[key]
    known = sorted((row for row in rows if value(row) is not None), key=value, reverse=descending)
    return known + [row for row in rows if value(row) is None]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("aurl runs", description="List the runs under a directory.")
    parser.add_argument(
        "directory", nargs="?", type=Path, default=Path("outputs"), help="where to look; outputs by default"
    )
    parser.add_argument("--status", choices=STATUSES, help="only runs of this status")
    parser.add_argument("--sort", choices=list(_SORT_KEYS), default="started", help="by what; started by default")
    parser.add_argument("--limit", type=_positive, help="no more than this many, after sorting")
    parser.add_argument(
        "--stale",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="without a sign of life for so long, a run on another host counts as crashed; 120 by default",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array instead of a table")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _show(directory: Path, rows: Sequence[_Row], found: int, now: float) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 200  # into a file or a pipe nothing is cut
    if not rows:
        print(f"no runs under {directory}" if not found else f"none of the {found} runs under {directory} is that")
        return
    console.print(_table(rows, now))
    for row in rows:
        if row["error"]:
            console.print(f"{row['path']}: {row['error']}", soft_wrap=True)
    if len(rows) < found:
        console.print(f"{len(rows)} of {found} runs")


def _table(rows: Sequence[_Row], now: float) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for title, least in (("name", 6), ("run", 12), ("status", 10)):  # a narrow terminal folds these, not the numbers
        table.add_column(title, min_width=least, overflow="fold")
    for title in ("step", "loss", "best"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("alerts", min_width=6)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("started", no_wrap=True)
    for row in rows:
        status = Text(row["status"], style=_COLOURS.get(row["status"], "yellow"))
        table.add_row(printable(row["name"]), printable(row["id"]), status, *_cells(row, now))
    return table


def _cells(row: _Row, now: float) -> list[str]:
    loss, alerts = row["loss"], {key: count for key, count in row["alerts"].items() if count}
    return [
        f"{row['step']}/{row['steps']}" if row["steps"] else str(row["step"]),
        _value(loss["metric"], loss["last"]),
        _value(loss["metric"], loss["best"]),
        ", ".join(f"{count} {key}" for key, count in alerts.items()),
        "" if row["duration"] is None else duration(row["duration"]),
        "" if row["started"] is None else _date(row["started"], now),
    ]


def _value(metric: str | None, value: float | None) -> str:
    return "" if metric is None or value is None else format(value, describe(metric).format)


def _date(moment: float, now: float) -> str:
    """The local date, or the time where that is today: on a narrow terminal there is no room for both."""
    when = datetime.fromtimestamp(moment)
    today = when.date() == datetime.fromtimestamp(now).date()
    return when.strftime("today %H:%M" if today else "%Y-%m-%d")
