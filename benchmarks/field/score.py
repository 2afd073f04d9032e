"""How the detectors do on the labelled logs of one part, and which labels and healthy logs they miss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.field.corpus import Entry, labelled
from benchmarks.real_logs import Alarm, Log, Score, add_up, merge, watch_all

_GROUPS = (("all", ""), ("of reinforcement learning", "rl"), ("of GANs", "gan"), ("supervised", "supervised"))


class Result(NamedTuple):
    """The logs that could be read with their entries and alarms, and the entries of those that could not."""

    logs: list[Log]
    entries: list[Entry]
    alarms: list[list[Alarm]]
    unread: list[Entry]

    def score(self, kind: str = "") -> Score:
        """Counts over all logs, or those whose kind begins so."""
        mask = [entry.kind.startswith(kind) for entry in self.entries]
        pick = [index for index, wanted in enumerate(mask) if wanted]
        return add_up([self.logs[index] for index in pick], [self.alarms[index] for index in pick])


def run(folder: Path, entries: Iterable[Entry], settings: dict[str, Any] | str) -> Result:
    """Show every labelled log to the detectors."""
    logs, known, unread = [], [], []
    for log, entry in labelled(folder, entries):
        if log is None:
            unread.append(entry)
        else:
            logs.append(log)
            known.append(entry)
    return Result(logs, known, watch_all(logs, settings)[0], unread)


def table(result: Result) -> Iterator[str]:
    """A Markdown table: all logs, reinforcement learning, players of a game, everything else."""
    yield "| logs | read | events | typed recall | F1 | strict F1 | healthy alarmed | false in 10,000 healthy rows |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, kind in (
        ("all", ""),
        ("of reinforcement learning", "rl"),
        ("of GANs", "gan"),
        ("supervised", "supervised"),
    ):
        figures = (score := result.score(kind)).figures()
        count = sum(entry.kind.startswith(kind) for entry in result.entries)
        unread = sum(entry.kind.startswith(kind) for entry in result.unread)
        yield (
            f"| {name} | {count} of {count + unread} | {score.events} | {figures['typed_recall']:.2f} "
            f"| {figures['f1']:.2f} | {figures['strict_f1']:.2f} | {score.healthy_alarmed} of {score.healthy_runs} "
            f"| {figures['episodes_per_10k_rows']:.2f} |"
        )


def misses(result: Result) -> Iterator[str]:
    """Each label that was not told by a right name, each healthy log that was alarmed, each log that was not read."""
    for log, entry, told in zip(result.logs, result.entries, result.alarms, strict=True):
        said = _said(told)
        if log.healthy and said:
            yield f"{entry.id} {entry.repo} {entry.path}: healthy, told {said}"
        for event in (event for event in log.events if event.must):
            inside = {alarm.type for alarm in told if event.first <= alarm.row <= event.last}
            if inside.isdisjoint(event.types):
                onset = log.steps[min(max(event.onset, 0), len(log.steps) - 1)]
                types = " or ".join(sorted(event.types))
                missed = f"{types} of step {onset} not told; told {said or 'nothing'}"
                yield f"{entry.id} {entry.repo} {entry.path}: {missed}"
    for entry in result.unread:
        yield f"{entry.id} {entry.repo} {entry.path}: nothing to judge was found in it"


def outside(result: Result) -> Iterator[str]:
    """Alarms outside all labels of logs that are not healthy."""
    for log, entry, told in zip(result.logs, result.entries, result.alarms, strict=True):
        if not log.healthy:
            stray = [one for one in told if not any(event.first <= one.row <= event.last for event in log.events)]
            if stray:
                yield f"{entry.id} {entry.repo}: {_said(stray)}"


def _said(told: Sequence[Alarm]) -> str:
    return ", ".join(f"{alarm.type} ({alarm.severity}, step {alarm.step})" for alarm in merge(told)[:6])
