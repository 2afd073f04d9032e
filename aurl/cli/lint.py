"""`aurl lint PATH...`: runs the detectors over finished logs of any trainer."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from aurl.anomaly.chosen import build_watch
from aurl.errors import DONE, STOPPED, USAGE, AurlError, DataError
from aurl.lint.findings import Finding, examine
from aurl.lint.folders import logs_in
from aurl.lint.log import Log
from aurl.lint.opening import open_log
from aurl.lint.overrides import Overrides, is_override, read
from aurl.lint.readers.source import NothingToJudgeError
from aurl.lint.readers.text import EXPECTED, unreadable
from aurl.lint.report import plain, report, summary
from aurl.machine.conf import own_nodes
from aurl.machine.numbers import valid_text

if TYPE_CHECKING:
    from rich.console import Console

Show = Callable[[Log, Sequence[Finding], bool], None]
_DESCRIPTION = """Run the detectors over finished training logs.

A PATH is an aurl run directory, a CSV file (any delimiter), JSON lines, a JSON document such as Hugging Face's
trainer_state.json, a tfevents file or folder, what a loop printed (train.log, nohup.out), or a folder with any of
these in it. Which column is what is guessed from the names and values; say it where the guess is wrong."""
_EXAMPLES = """overrides:
  loss=COLUMN               what a column is: loss, val_loss, accuracy, lr, grad_norm, step, epoch, time, ...
  step=null                 count rows instead of a step column
  zscore=3                  a setting of all detectors, also anomaly.zscore=3
  anomaly=strict            another preset
  detectors.loss_plateau=null           leave a detector out
  detectors.loss_spike.zscore=5         a setting of one detector

exit code: 3 a critical or fatal finding; else 2 bad usage, or a PATH that could not be read or has no loss in it;
else 0

examples:
  aurl lint outputs/my_run
  aurl lint lightning_logs/ runs/ --json
  aurl lint metrics.csv loss=objective step=iteration"""


def run(args: list[str]) -> int:
    """Report on each log, or with `--json` write one line for each alert; a log that cannot be read is one line on
    stderr, and the others are read all the same.

    Raises:
        AurlError: bad overrides, or no path.
    """
    parser = argparse.ArgumentParser(
        "aurl lint",
        usage="aurl lint PATH... [key=value ...] [--json] [--explain]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="*", metavar="PATH or key=value")
    parser.add_argument("--json", action="store_true", help="JSON lines on stdout, one for each alert, nothing else")
    parser.add_argument("--explain", action="store_true", help="tell of every column what it was taken for, and why")
    parser.add_argument(
        "--detector",
        action="append",
        default=[],
        metavar="FILE.yaml or package.module.Class",
        help="one of your own beside those of the preset; its package has to be named in AURL_TRUST",
    )
    options = parser.parse_intermixed_args(args)
    paths = [Path(argument) for argument in options.arguments if not is_override(argument)]
    overrides = read(argument for argument in options.arguments if is_override(argument))
    for given in options.detector:
        overrides.anomaly["detectors"] |= own_nodes(given)
    if not paths:
        raise DataError(f"aurl lint: which log? Give at least one path; {EXPECTED}")
    build_watch(overrides.anomaly)  # a setting out of range is told before any log is read
    show = _show_json if options.json else _show_report
    return _lint(list(_each(paths)), overrides, show, options.explain)


def _each(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Each log, and whether it was found by looking through a folder."""
    for path in paths:
        found = logs_in(path) if os.path.isdir(path) else []  # noqa: PTH112  a path that is too long is none, no error
        yield from ((log, log != path) for log in found or [path])


def _lint(logs: Sequence[tuple[Path, bool]], overrides: Overrides, show: Show, explain: bool) -> int:
    checked: list[list[Finding]] = []
    failed, unjudged, is_wanting = 0, 0, False
    for path, is_a_find in logs:
        try:
            log = open_log(path, overrides.roles)
            if is_a_find and not log.is_recognised:
                _say(f"{path}: skipped, none of its columns looks like a metric of training")
                continue
            findings = _examine(log, overrides)
        except NothingToJudgeError as error:
            if is_a_find:
                _say(f"{path}: skipped, no numbers with names in it")
                continue
            _show_nothing(error.path, error.seen, str(error), as_json=show is _show_json)
            unjudged, is_wanting = unjudged + 1, True
            continue
        except AurlError as error:
            _say(f"error: {error}")
            failed += 1
            is_wanting |= not is_a_find
            continue
        if findings or log.is_judgeable:
            show(log, findings, explain)
            checked.append(findings)
            continue
        if show is _show_json:
            _show_nothing(log.path, log.seen, "", as_json=True)
        else:
            show(log, findings, explain)
        unjudged, is_wanting = unjudged + 1, is_wanting or not is_a_find
    if show is _show_report and len(checked) + failed + unjudged > 1:
        _console().print(summary(checked, failed, unjudged), soft_wrap=True)
    if not checked and not failed and not unjudged:
        _say(f"error: no log among {len(logs)} files; {EXPECTED}")
    if any(finding.is_alarming for findings in checked for finding in findings):
        return STOPPED
    return USAGE if is_wanting or not checked else DONE


def _examine(log: Log, overrides: Overrides) -> list[Finding]:
    try:
        return examine(log, overrides.anomaly)
    except OSError as error:
        raise unreadable(log.path, error) from error


def _show_json(log: Log, findings: Sequence[Finding], explain: bool) -> None:
    for finding in findings:
        sys.stdout.buffer.write(orjson.dumps(finding.as_json(), option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
    for line in [*log.explanation, *log.notes] if explain else ():
        _say(f"{log.path}: {line}")


def _show_nothing(path: Path, seen: Sequence[str], message: str, *, as_json: bool) -> None:
    """A log in which nothing says how training went."""
    if as_json:
        told = {"path": valid_text(path), "error": "nothing to judge", "seen": [valid_text(name) for name in seen]}
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    else:
        _say(f"error: {message}")


def _show_report(log: Log, findings: Sequence[Finding], explain: bool) -> None:
    console = _console()
    for line in report(log, findings, explain=explain):
        console.print(line, soft_wrap=True)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _say(message: str) -> None:
    print(f"aurl: {plain(message)}", file=sys.stderr)
