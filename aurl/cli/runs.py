"""`aurl runs DIR`: the table of runs, read from their `run.json` files."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aurl.cli import own_words
from aurl.errors import DONE, ConfigError, did_you_mean
from aurl.library.filters import FilterError, look_up
from aurl.library.logged import LoggedRun
from aurl.library.runs import Runs, row_of
from aurl.library.screen import Wanted, screen
from aurl.runs.listing import STATUSES
from aurl.show.wording import whole

_DESCRIPTION = """List the runs under a directory, and what tells them apart. What follows the directory is a filter:
aurl runs outputs 'model=vae and lr<0.01'. A person's own words about runs: aurl runs tag|note|rename|star|archive RUN;
aurl runs rm RUN moves one to the trash, aurl runs restore RUN brings it back (--help tells what each takes)."""
# How a list is sorted by these; by anything else that a filter knows, the smallest first.
_SORT_KEYS: Mapping[str, tuple[Callable[[Mapping[str, Any]], Any], bool]] = {
    "started": (lambda facts: facts["started"], True),
    "name": (lambda facts: facts["name"], False),
    "status": (lambda facts: facts["status"], False),
    "step": (lambda facts: facts["step"], True),
    "loss": (lambda facts: facts["loss"]["best"], False),
    "alerts": (lambda facts: sum(facts["alerts"].values()), True),
    "duration": (lambda facts: facts["duration"], True),
    "quality": (lambda facts: facts["quality"], True),
}


def run(args: list[str]) -> int:
    """Print the table, or with `--json` one array with an object for each run.

    Raises:
        AurlError: there is no such directory, the filter cannot be read, or nothing has the key to sort by.
    """
    if args and args[0] in own_words.VERBS:
        return own_words.run(args[0], args[1:])
    options = _parser().parse_intermixed_args(args)
    every = Runs(options.directory, archived=True, stale_after=options.stale)
    listed = _chosen(every, options)
    runs = _sorted(listed, options.sort, reverse=options.reverse)[: options.limit]
    if options.json:
        keys = listed.differences
        print(json.dumps([_document(one, keys) for one in runs], allow_nan=False))
        return DONE
    if runs:
        hidden = sum(one.facts["archived"] for one in every) if not options.archived else 0
        screen(runs, Wanted(options.columns, found=len(every) - hidden, archived=hidden), time.time())
    else:
        where = f"under {options.directory}"
        print(f"none of the {len(every)} runs {where} is that" if len(every) else f"no runs {where}")
    return DONE


def _chosen(every: Runs, options: argparse.Namespace) -> Runs:
    chosen = every if options.archived else every.where("archived=false")
    try:
        chosen = chosen.where(" ".join(options.filter))
    except FilterError as error:
        raise ConfigError(f"filter {' '.join(options.filter)!r}: {error}, at character {error.at + 1}") from None
    return chosen if options.status is None else chosen.where(f"status={options.status}")


def _sorted(runs: Runs, key: str, *, reverse: bool) -> list[LoggedRun]:
    """Those without a value come last."""

    def value(one: LoggedRun) -> Any:
        return _SORT_KEYS[key][0](one.facts) if key in _SORT_KEYS else next(iter(look_up(row_of(one), key)), None)

    known = [one for one in runs if value(one) is not None]
    if not known and len(runs) and key not in _SORT_KEYS:
        keys = [*_SORT_KEYS, *runs[0].settings, *runs[0].summary]
        raise ConfigError(
            f"--sort {key}: no run has that.{did_you_mean(key, keys)} Allowed: a setting, a scalar, or one of "
            f"{', '.join(_SORT_KEYS)}"
        )
    known.sort(key=lambda one: _order(value(one)), reverse=_SORT_KEYS.get(key, (None, False))[1] != reverse)
    return known + [one for one in runs if value(one) is None]


def _order(value: Any) -> tuple[bool, float, str]:
    number = isinstance(value, (int, float))
    return not number, float(value) if number else 0.0, "" if number else str(value)


def _document(one: LoggedRun, keys: Sequence[str]) -> dict[str, Any]:
    """What is told of one run, as JSON values; `config` has the settings in which the listed runs differ."""
    facts = one.facts
    names = (
        "id", "name", "path", "status", "error", "tags", "notes", "star", "archived", "seed", "step", "steps", "epoch",
        "loss", "quality", "samples", "started", "ended", "duration", "resumes",
    )  # fmt: skip
    alerts = one.document.get("alerts")
    counts = alerts if isinstance(alerts, Mapping) else {}
    return {name: facts[name] for name in names} | {
        "alerts": {severity: count for severity, count in counts.items() if whole(count) is not None},
        "config": {key: one.settings[key] for key in keys if key in one.settings},
        "summary": one.summary,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("aurl runs", description=_DESCRIPTION)
    parser.add_argument(
        "directory", nargs="?", type=Path, default=Path("outputs"), help="where to look; outputs by default"
    )
    parser.add_argument(
        "filter", nargs="*", metavar="FILTER", help="only runs that fit, as in the dashboard: tag=paper, lr<0.01, ..."
    )
    parser.add_argument("--status", choices=STATUSES, help="only runs of this status")
    parser.add_argument(
        "--sort", default="started", metavar="KEY",
        help=f"{', '.join(_SORT_KEYS)}, a setting, or a scalar (val/accuracy.best); started by default",
    )  # fmt: skip
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("--limit", type=_positive, help="no more than this many, after sorting")
    parser.add_argument(
        "--columns", type=lambda text: text.split(","), metavar="KEY,...", help="settings and scalars to show"
    )
    parser.add_argument("--archived", action="store_true", help="list archived runs too")
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
