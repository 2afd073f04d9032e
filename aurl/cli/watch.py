"""`aurl watch [RUN]`: a run's curves, alerts and remaining time in the terminal, while it trains."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurl.errors import DONE, RunError, did_you_mean
from aurl.runs.listing import RunSummary, read_run, resolve_run

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from aurl.terminal.page import View
    from aurl.terminal.state import State

_KEYS = "keys: q quit, l logarithmic, n next charts, p previous charts; Ctrl-C quits too"


def run(args: list[str]) -> int:
    """Show the run until it ends or the person quits; with `--once` its present state.

    Raises:
        RunError: there is no such run, or no event log in it.
    """
    options = _parser().parse_intermixed_args(args)
    folder = resolve_run(options.run, options.outputs)
    if options.json:
        return _tell(folder, options)
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if options.width:
        console.width = options.width
    if options.once or not console.is_terminal:
        return _once(folder, options, console)
    return _live(folder, options, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("aurl watch", description="Watch a run in the terminal.", epilog=_KEYS)
    parser.add_argument("run", nargs="?", default="latest", help="a run directory, a run id, or latest (the default)")
    parser.add_argument("names", nargs="*", help="scalars to show, such as loss/kl; the important ones by default")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="where ids and latest are looked up")
    parser.add_argument("--once", action="store_true", help="print the present state and end; so it is without a tty")
    parser.add_argument("--log", action="store_true", help="logarithmic values")
    parser.add_argument("--width", type=_columns, help="columns of a page that is printed once")
    parser.add_argument("--every", type=_seconds, default=1.0, metavar="SECONDS", help="between looks; 1 by default")
    parser.add_argument(
        "--json", action="store_true", help="a JSON line at each change until the run ends; with --once one document"
    )
    return parser


def _columns(text: str) -> int:
    if not text.isdecimal() or not 40 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of columns from 40 to 1000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 3600")
    return value


def _follow(folder: Path) -> Iterator[tuple[RunSummary, State]]:
    """The run and what is known of it, as often as it is asked for; ends after the run did."""
    from aurl.runs.tail import LogReplacedError, LogTail
    from aurl.terminal.state import State

    tail, state = LogTail(folder / "events"), State()
    while True:
        summary = read_run(folder)  # before the log: what an ended run wrote is all there
        try:
            for record in tail.records():
                state.take(record)
        except LogReplacedError:  # what was seen so far may not be true of the log that is there now
            tail, state = LogTail(folder / "events"), State()
            continue
        yield summary, state
        if summary.status != "running":
            return


def _once(folder: Path, options: argparse.Namespace, console: Console) -> int:
    summary, state = next(_follow(folder))
    _check_names(options.names, state)
    _print(console, summary, state, _view(options), height=max(40, console.height))
    return DONE


def _tell(folder: Path, options: argparse.Namespace) -> int:
    before = None
    for summary, state in _follow(folder):
        document = _document(summary, state, options.names)
        if document != before:
            print(json.dumps(document, allow_nan=False), flush=True)
            before = document
        if options.once:
            break
        time.sleep(options.every if summary.status == "running" else 0.0)
    return DONE


def _live(folder: Path, options: argparse.Namespace, console: Console) -> int:
    from rich.live import Live

    from aurl.terminal.keys import raw_keys, wait_for_key

    view = _view(options)
    with raw_keys(), Live(console=console, screen=True, auto_refresh=False) as live:
        for summary, state in _follow(folder):
            live.update(_picture(console, summary, state, view, console.height), refresh=True)
            key = wait_for_key(options.every) if summary.status == "running" else ""
            if key in ("q", "\x1b"):
                break
            view = _turn(view, key)
    _print(console, summary, state, view, height=console.height)
    return DONE


def _turn(view: View, key: str) -> View:
    """What a key changes."""
    pages = {"n": 1, " ": 1, "\x1b[B": 1, "\x1b[C": 1, "p": -1, "\x1b[A": -1, "\x1b[D": -1}
    if key == "l":
        return replace(view, log=not view.log)
    return replace(view, page=view.page + pages.get(key, 0))


def _view(options: argparse.Namespace) -> View:
    from aurl.terminal.page import View

    return View(tuple(options.names), options.log)


def _check_names(names: list[str], state: State) -> None:
    for name in names:
        if name not in state.curves:
            known = ", ".join(sorted(state.curves)[:20]) or "none yet"
            raise RunError(f"{name}: this run has no such scalar.{did_you_mean(name, state.curves)} It has: {known}")


def _document(summary: RunSummary, state: State, names: list[str]) -> dict[str, Any]:
    told = state.as_json()
    if names:
        told["scalars"] = {name: told["scalars"].get(name) for name in names}
    return {"id": summary.id, "name": summary.name, "path": str(summary.path), "status": summary.status, **told}


def _picture(console: Console, summary: RunSummary, state: State, view: View, height: int) -> Text:
    from rich.text import Text

    from aurl.terminal.page import compose

    lines = compose(summary, state, view, (console.width, height), time.time())
    return Text("\n").join(lines)


def _print(console: Console, summary: RunSummary, state: State, view: View, *, height: int) -> None:
    console.print(_picture(console, summary, state, view, height), no_wrap=True, overflow="ignore", crop=False)
    sys.stdout.flush()
