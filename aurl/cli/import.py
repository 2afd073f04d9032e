"""`aurl import LOG...`: run directories from the logs of other tools."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import orjson

from aurl.anomaly.chosen import build_watch
from aurl.errors import DONE, USAGE, AurlError, DataError
from aurl.lint.folders import logs_in
from aurl.lint.imported import Import, import_log
from aurl.lint.log import Log
from aurl.lint.opening import open_log, run_of
from aurl.lint.overrides import Overrides, is_override, read
from aurl.lint.readers.text import EXPECTED

_DESCRIPTION = """Make run directories from the logs of other tools, so that compare, the dashboard and reports take
them.

A LOG is a CSV file (any delimiter; Lightning's metrics.csv), JSON lines, a JSON document such as Hugging Face's
trainer_state.json, a tfevents file or folder, the folder of a W&B run (offline or not), or a folder with any of
these in it. Which column is what is guessed from the names, as `aurl lint --explain LOG` tells; say it where the guess
is wrong. Importing a log again changes nothing, unless it has grown."""
_EXAMPLES = """examples:
  aurl import lightning_logs/ wandb/
  aurl import metrics.csv -o outputs --name baseline loss=objective step=iteration
  aurl import runs/ anomaly=off"""


def run(args: list[str]) -> int:
    """Import each log; one that cannot be read is one line on stderr, and the others are imported all the same.

    Raises:
        AurlError: bad overrides, or no log could be read.
    """
    parser = argparse.ArgumentParser(
        "aurl import",
        usage="aurl import LOG... [-o DIR] [--name NAME] [--tag TAG] [key=value ...] [--json]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="*", metavar="LOG or key=value")
    parser.add_argument(
        "-o", "--outputs", type=Path, default=Path("outputs"), help="where runs lie; outputs by default"
    )
    parser.add_argument("--name", help="name of the runs; by default that of the log's file or folder")
    parser.add_argument("--tag", action="append", default=[], dest="tags", help="a word to find the runs by")
    parser.add_argument("--json", action="store_true", help="one JSON line for each log")
    options = parser.parse_intermixed_args(args)
    paths = [Path(argument) for argument in options.arguments if not is_override(argument)]
    overrides = read(argument for argument in options.arguments if is_override(argument))
    if not paths:
        raise DataError(f"aurl import: which log? Give at least one path; {EXPECTED}")
    logs = [log for path in paths for log in _logs_of(path)]
    if not logs:
        raise DataError(f"{', '.join(map(str, paths))}: no log in there; {EXPECTED}")
    done = [_import(path, path in paths, overrides, options) for path in logs]
    return DONE if any(done) else USAGE


def _logs_of(path: Path) -> list[Path]:
    """The log that a path is, or those in the folder; runs of aurl's own among them are no other tool's."""
    found = logs_in(path) if path.is_dir() else []
    return [log for log in found if log == path or run_of(log) is None] or ([] if found else [path])


def _import(path: Path, is_named: bool, overrides: Overrides, options: argparse.Namespace) -> bool:
    try:
        log = open_log(path, overrides.roles)
        if not is_named and not log.is_recognised:
            _say(f"{path}: skipped, none of its columns looks like a metric of training")
            return True
        made = _with_progress(log, overrides, options)
    except AurlError as error:
        _say(f"error: {error}")
        return False
    except OSError as error:
        _say(f"error: {error.filename or path}: {error.strerror or error}; free space, or give another folder with -o")
        return False
    if options.json:
        _print_json(path, log, made)
    elif made.records:
        print(f"{path}: {log.format}, {made.records} records, {made.alerts} alerts -> {made.path}")
    else:
        print(f"{path}: imported before -> {made.path}")
    return True


def _with_progress(log: Log, overrides: Overrides, options: argparse.Namespace) -> Import:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed} records"))
    console = Console(stderr=True)
    quiet = options.json or not console.is_terminal
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task(log.path.name, total=None)
        return import_log(
            log,
            options.outputs,
            name=options.name,
            tags=options.tags,
            watch=build_watch(overrides.anomaly, log.config),
            progress=lambda records: bar.update(task, completed=records),
        )


def _print_json(path: Path, log: Log, made: Import) -> None:
    line = {"path": str(path), "run": str(made.path), "format": log.format, "records": made.records}
    sys.stdout.buffer.write(orjson.dumps(line | {"alerts": made.alerts}, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def _say(message: str) -> None:
    print(f"aurl: {message}", file=sys.stderr)
