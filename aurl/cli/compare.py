"""`aurl compare PATH...`: what the runs support, in the terminal, as JSON, and as reports."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from aurl.errors import DONE, RunError
from aurl.machine.files import replace_file

if TYPE_CHECKING:
    from aurl.compare.model import Comparison

_FILTER = re.compile(r"[A-Za-z_][\w./-]*=.*", re.DOTALL)
_DESCRIPTION = """Compare runs: which configuration is better, how sure that is, and what it would take to know.

A PATH is a run directory, a folder that holds runs at any depth (outputs, a sweep), or a pattern. Runs that differ in
nothing but the seed are one group. Nothing is claimed about a group of fewer than three runs."""
_EXAMPLES = """filters:
  optim.lr=1e-3             only runs with this setting; also name=, status=, seed=, id=

rules:
  runs are read at the last step that all finished ones have reached, where they came to rest before that, or, where
  their planned lengths differ, each at its own end; failed runs count in failure rates and in no mean. docs/compare.md
  has the rules and the tests, docs/measured/compare.md how they were measured.

examples:
  aurl compare outputs/my_experiment
  aurl compare outputs/quick/sweeps/* --baseline model=vae --html report.html
  aurl compare outputs --metric quality/mean/overall --json"""


def run(args: list[str]) -> int:
    """Print the comparison, and write what was asked for.

    Raises:
        RunError: there is nothing to compare, or a report cannot be written.
        ConfigError: an unknown metric, baseline or filter, or a setting out of range.
    """
    options = _parser().parse_intermixed_args(args)
    from aurl.compare.comparing import compare
    from aurl.compare.report.document import to_json

    paths = [argument for argument in options.arguments if not _is_filter(argument)]
    filters = dict(argument.partition("=")[::2] for argument in options.arguments if _is_filter(argument))
    if not paths:
        raise RunError("aurl compare: which runs? Give at least one path, such as outputs")
    comparison = compare(
        paths,
        metric=options.metric,
        mode=options.mode,
        baseline=options.baseline,
        rope=options.rope,
        last=options.last,
        budget=options.budget,
        at=options.at,
        target=options.target,
        filters=filters,
        seed_key=options.seed_key,
        ignore=options.ignore,
    )
    if options.json:
        layout = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        sys.stdout.buffer.write(orjson.dumps(to_json(comparison), option=layout))
        sys.stdout.buffer.flush()
    else:
        _show(comparison)
    for kind in _REPORTS:
        if (file := getattr(options, kind)) is not None:
            write_report(comparison, kind, file)
            print(f"aurl: {file} written", file=sys.stderr)
    return DONE


def write_report(comparison: Comparison, kind: str, file: Path) -> None:
    """Write one report, complete or not at all.

    Args:
        kind: html, markdown or latex.

    Raises:
        RunError: the file cannot be written.
        ConfigError: a package that the report needs is missing.
    """
    try:
        _REPORTS[kind](comparison, file)
    except OSError as error:
        raise RunError(f"--{kind} {file}: cannot be written ({error.strerror}); choose another place") from error


def _html(comparison: Comparison, file: Path) -> None:
    from aurl.compare.report.html import write_html

    write_html(comparison, file)


def _markdown(comparison: Comparison, file: Path) -> None:
    from aurl.compare.report.markdown import markdown

    replace_file(file, markdown(comparison).encode())


def _latex(comparison: Comparison, file: Path) -> None:
    from aurl.compare.report.latex import latex

    replace_file(file, latex(comparison).encode())


_REPORTS: dict[str, Callable[[Comparison, Path], None]] = {"html": _html, "markdown": _markdown, "latex": _latex}


def _is_filter(argument: str) -> bool:
    """Whether this is `key=value` and no path; folders of a sweep are called `0_optim.lr=0.1`."""
    return _FILTER.fullmatch(argument) is not None and not os.path.lexists(argument) and not set(argument) & set("*?")


def _show(comparison: Comparison) -> None:
    from rich.console import Console

    from aurl.compare.report.screen import screen

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 220  # into a file or a pipe nothing is cut
    for part in screen(comparison):
        console.print(part, soft_wrap=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "aurl compare",
        usage="aurl compare PATH... [key=value ...] [options]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="*", metavar="PATH or key=value")
    parser.add_argument("--metric", metavar="NAME", help="what to compare; val/loss/total by default")
    parser.add_argument("--mode", choices=("min", "max"), help="which is better; by default as known of the metric")
    parser.add_argument("--baseline", metavar="GROUP", help="compare all with this group alone: its name, or key=value")
    parser.add_argument("--rope", type=_number, default=0.0, metavar="X", help="differences within X count as none")
    parser.add_argument("--last", type=_number, metavar="SHARE", help="finals over this last share; 0.1 by default")
    parser.add_argument("--at", metavar="WHERE", help="where runs are read: end, best, budget, step=N or time=2h")
    parser.add_argument("--budget", type=int, metavar="STEPS", help="the same as --at step=STEPS")
    parser.add_argument("--seed-key", metavar="KEY", help="the setting that holds the seed")
    parser.add_argument(
        "--ignore", metavar="KEY", action="append", default=[], help="a setting that makes no difference"
    )
    parser.add_argument("--target", type=_number, metavar="X", help="tell when each run reached X")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else")
    for kind in _REPORTS:
        parser.add_argument(f"--{kind}", type=Path, metavar="FILE", help=f"write the report as {kind}")
    return parser


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value
