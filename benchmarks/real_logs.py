"""How well the detectors do on labelled curves of real trainings.

    python benchmarks/real_logs.py --dir DIR [--held-out] [--set zscore=4 ...] [--json FILE] [--verbose]

DIR holds logs that `aurl lint` reads, `index.csv` (file, repo, labels: `healthy` or anything else; ambiguous ones are
left out) and `events.csv` (file, types separated by |, onset, end, must). Without the column `labels` a log with no
event is healthy. An event with must=0 is one that may be told or not: it counts for nothing, nor do alerts within it.

An event is found when an alert from warning up is told in its window; typed when the alert has one of its types. Alerts
of one type within 100 rows are one episode. Every episode of a healthy run, and every one outside all windows of an
anomalous run, is a false alarm of the strict precision; the plain precision counts those of healthy runs only, since
labels of anomalous runs name the main events and not every spike. `--held-out` chooses zscore and confirm on all
sources but one and scores the one left out, for sources that are repositories and for families of runs (the second and
third part of the file name).
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from aurl.anomaly.chosen import choose_watch
from aurl.lint.opening import open_log
from aurl.record import Record

MERGE = 100  # rows within which alerts of a type are one episode
SLACK = 3  # rows that an alert may lie outside a window
QUIET = {"info"}
_TOLD = ("type", "severity")
GRID: tuple[dict[str, float], ...] = tuple(
    {"zscore": zscore, "confirm": confirm} for zscore, confirm in itertools.product((4.0, 5.0, 6.0, 8.0), (2, 3))
)


class Event(NamedTuple):
    """A labelled anomaly: any of these types, between two rows."""

    types: frozenset[str]
    first: int
    last: int
    onset: int
    must: bool = True


class Log(NamedTuple):
    """One labelled curve."""

    name: str
    repo: str
    healthy: bool
    records: list[Record]
    steps: list[int]
    events: list[Event]

    @property
    def family(self) -> str:
        return "_".join(self.name.removesuffix(".csv").split("_")[1:3])


class Alarm(NamedTuple):
    """An alert from warning up, and the row it was told at."""

    row: int
    step: int
    type: str
    severity: str


@dataclass
class Score:
    """Counts over logs; the figures follow from them."""

    events: int = 0
    found: int = 0
    typed: int = 0
    healthy_runs: int = 0
    healthy_alarmed: int = 0
    healthy_rows: int = 0
    healthy_episodes: int = 0
    outside_episodes: int = 0
    other_type_episodes: int = 0
    delays: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Everything that is printed, ratios in 0 to 1."""
        strict_false = self.healthy_episodes + self.outside_episodes
        return {
            "events": self.events,
            "recall": _ratio(self.found, self.events),
            "typed_recall": _ratio(self.typed, self.events),
            "precision": _ratio(self.typed, self.typed + self.healthy_episodes),
            "f1": _f1(self.typed, self.healthy_episodes, self.events),
            "strict_precision": _ratio(self.typed, self.typed + strict_false),
            "strict_f1": _f1(self.typed, strict_false, self.events),
            "other_type_episodes": self.other_type_episodes,
            "healthy_runs": self.healthy_runs,
            "healthy_alarmed": _ratio(self.healthy_alarmed, self.healthy_runs),
            "episodes_per_10k_rows": 1e4 * _ratio(self.healthy_episodes, self.healthy_rows),
            "median_delay_rows": median(self.delays) if self.delays else float("nan"),
        }


def main() -> None:
    arguments = _arguments()
    logs = read_logs(arguments.dir)
    changes = dict(pair.split("=", 1) for pair in arguments.set)
    settings = {key: float(value) if "." in value else int(value) for key, value in changes.items()}
    alarms, microseconds = watch_all(logs, settings)
    score = add_up(logs, alarms)
    if arguments.verbose:
        tell(logs, alarms)
    figures = score.figures() | {"us_per_record": microseconds}
    _print("all logs", figures)
    report: dict[str, Any] = {"all": figures, "counts": asdict(score)}
    if arguments.held_out:
        runs = [watch_all(logs, point)[0] for point in GRID]
        sources: dict[str, Callable[[Log], str]] = {
            "repository": lambda log: log.repo,
            "family": lambda log: log.family,
        }
        for source, key in sources.items():
            figures = held_out(logs, runs, key).figures()
            _print(f"settings chosen without the {source} that is scored", figures)
            report[f"held_out_{source}"] = figures
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def read_logs(folder: Path) -> list[Log]:
    """The labelled logs of a folder, ambiguous ones left out."""
    labels: dict[str, list[dict[str, str]]] = {}
    for row in _rows(folder / "events.csv"):
        labels.setdefault(row["file"], []).append(row)
    logs = []
    for row in _rows(folder / "index.csv"):
        if "ambiguous" not in row.get("labels", ""):
            records = list(open_log(folder / row["file"], {}).records())
            steps = sorted({record.step for record in records})
            told = labels.get(row["file"], [])
            healthy = row["labels"] == "healthy" if "labels" in row else not told
            logs.append(Log(row["file"], row["repo"], healthy, records, steps, events_of(told, steps)))
    return logs


def watch_all(logs: Sequence[Log], settings: dict[str, Any] | str) -> tuple[list[list[Alarm]], float]:
    """The alarms of each log, and the mean microseconds of a record.

    Args:
        settings: changes to the default preset, or the name of another one.
    """
    spent, alarms = 0.0, []
    for log in logs:
        watching = choose_watch(settings or "default")[0]
        began = time.process_time()
        told = [alert for record in log.records for alert in watching.observe(record)]
        spent += time.process_time() - began
        alarms.append(
            [
                Alarm(bisect_left(log.steps, alert.step), alert.step, *map(str, map(alert.fields.get, _TOLD)))
                for alert in told
                if alert.fields["severity"] not in QUIET
            ]
        )
    return alarms, 1e6 * spent / max(1, sum(len(log.records) for log in logs))


def add_up(logs: Iterable[Log], alarms: Iterable[Sequence[Alarm]]) -> Score:
    """The score over logs and their alarms."""
    score = Score()
    for log, told in zip(logs, alarms, strict=True):
        may = [event for event in log.events if not event.must]
        episodes = [one for one in merge(told) if not any(event.first <= one.row <= event.last for event in may)]
        if log.healthy:
            score.healthy_runs += 1
            score.healthy_rows += len(log.steps)
            score.healthy_alarmed += bool(episodes)
            score.healthy_episodes += len(episodes)
            continue
        for event in (event for event in log.events if event.must):
            inside = [alarm for alarm in told if event.first <= alarm.row <= event.last]
            right = [alarm for alarm in inside if alarm.type in event.types]
            score.events += 1
            score.found += bool(inside)
            score.typed += bool(right)
            if right:
                score.delays.append(max(0, right[0].row - event.onset))
        for alarm in episodes:
            around = [event for event in log.events if event.first <= alarm.row <= event.last]
            score.outside_episodes += not around
            score.other_type_episodes += bool(around) and not any(alarm.type in event.types for event in around)
    return score


def merge(alarms: Iterable[Alarm]) -> list[Alarm]:
    """The first alarm of each episode."""
    last: dict[str, int] = {}
    firsts = []
    for alarm in alarms:
        if alarm.row - last.get(alarm.type, -MERGE - 1) > MERGE:
            firsts.append(alarm)
        last[alarm.type] = alarm.row
    return firsts


def held_out(logs: Sequence[Log], runs: Sequence[Sequence[Sequence[Alarm]]], key: Callable[[Log], str]) -> Score:
    """Each source scored with the settings that were best, by F1 and then strict F1, on all others."""
    pooled = Score()
    for source in sorted({key(log) for log in logs}):
        inside = [key(log) == source for log in logs]
        others = [not one for one in inside]
        best = max(runs, key=lambda run: _merit(_part(logs, run, others)))
        part = _part(logs, best, inside)
        for name, value in vars(part).items():
            setattr(pooled, name, getattr(pooled, name) + value)
    return pooled


def tell(logs: Iterable[Log], alarms: Iterable[Sequence[Alarm]]) -> None:
    """Print what each log's alarms were."""
    for log, told in zip(logs, alarms, strict=True):
        shown = ", ".join(f"{alarm.type} {alarm.severity} {alarm.step}" for alarm in merge(told))
        print(f"{log.name}: {shown or '-'}")


def _merit(score: Score) -> tuple[float, float]:
    figures = score.figures()
    return figures["f1"], figures["strict_f1"]


def _part(logs: Sequence[Log], run: Sequence[Sequence[Alarm]], mask: Sequence[bool]) -> Score:
    return add_up(itertools.compress(logs, mask), itertools.compress(run, mask))


def events_of(rows: Iterable[dict[str, str]], steps: Sequence[int]) -> list[Event]:
    """Labels as events between rows of the log; `onset` and `end` are steps."""
    found = []
    for row in rows:
        onset = bisect_left(steps, float(row["onset"]))
        last = bisect_right(steps, float(row["end"])) - 1
        must = row.get("must", "1") != "0"
        found.append(Event(frozenset(row["types"].split("|")), onset - SLACK, last + SLACK, onset, must))
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _f1(right: int, false: int, events: int) -> float:
    """2PR / (P + R) with P = right / (right + false) and R = right / events."""
    return _ratio(2.0 * right, right + false + events)


def _print(title: str, figures: dict[str, float]) -> None:
    print(f"{title}:")
    for name, value in figures.items():
        print(f"  {name:24} {value:.3f}" if value % 1 else f"  {name:24} {value:.0f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="folder with index.csv, events.csv and the curves")
    parser.add_argument("--held-out", action="store_true", help="also score sources that settings were not chosen on")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="changes to the default preset")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--verbose", action="store_true", help="also print the alarms of each log")
    return parser.parse_args()


if __name__ == "__main__":
    main()
