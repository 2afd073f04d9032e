"""From alerts to figures: what a run's alerts are worth, given the truth. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from aurl.record import Record, Severity
from benchmarks.injection.scenario import HEALTHY

_WARNING = Severity.WARNING.rank
NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Alarm:
    """An alert of severity warning or worse that something began or got worse.

    Attributes:
        step: when it was told.
        type: of the anomaly.
        metric: in which it was seen.
        incident: its number in the run.
        cause: name of the cause ranked first; the type itself where none was given, for then it is its own.
        final: the same of the last alarm of its episode, when more is known.
    """

    step: int
    type: str
    metric: str
    incident: int
    cause: str
    final: str


@dataclass(frozen=True)
class Case:
    """What scoring must know of a run.

    Attributes:
        type: the anomaly type, or `healthy`.
        name: the variant and the seed, for lists of misses.
        onset: first step that is wrong.
        steps: length of the run.
        accept: types that count as found.
        also: types that are true as well from the onset on; `throughout` those that always are.
        causes: names that may be ranked first.
        within: steps after the onset in which it must be told; None to the end.
        broken_at: the first step that holds a number that is not finite; None if there is none.
    """

    type: str
    name: str
    onset: int
    steps: int
    accept: frozenset[str] = NONE
    also: frozenset[str] = NONE
    throughout: frozenset[str] = NONE
    causes: frozenset[str] = NONE
    within: int | None = None
    broken_at: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What the alarms of a run are worth.

    Attributes:
        case: the run.
        found: anything was told in time, be it of a wrong type.
        typed: a type that counts was told in time.
        exact: the very type was told in time.
        delay: steps from the onset to the first alarm that counts; None if there is none.
        looks: records with that alarm's metric between the two.
        cause: whether the right cause stood first in that alarm; None without one.
        final: whether it stood first in the last alarm of its episode.
        false: alarms that nothing justifies, the first of each incident.
    """

    case: Case
    found: bool
    typed: bool
    exact: bool
    delay: int | None
    looks: int | None
    cause: bool | None
    final: bool | None
    false: tuple[Alarm, ...]


@dataclass(frozen=True)
class Row:
    """Figures of a type, or of all.

    Attributes:
        type: the anomaly type, or `all`.
        n: runs with this fault.
        found, typed, exact: how many of them, see `Verdict`.
        false: runs in which the type was told without reason, of whatever kind they are.
        delays: in steps, of the typed ones; `looks` in observations, `shares` in shares of the run.
        causes: whether the cause was right, of the typed ones; `finals` in the end.
    """

    type: str
    n: int
    found: int
    typed: int
    exact: int
    false: int
    delays: tuple[int, ...]
    looks: tuple[int, ...]
    shares: tuple[float, ...]
    causes: tuple[bool, ...]
    finals: tuple[bool, ...]

    @property
    def recall(self) -> float:
        """Typed runs among all; NaN without runs."""
        return self.typed / self.n if self.n else math.nan

    @property
    def precision(self) -> float:
        """Typed runs among those and the runs with false alarms of this type; NaN without either."""
        told = self.typed + self.false
        return self.typed / told if told else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where one of them is 0 or NaN."""
        if not self.typed:
            return 0.0
        return 2.0 * self.precision * self.recall / (self.precision + self.recall)

    @property
    def cause(self) -> float:
        """Share of typed runs whose cause was ranked first at once; NaN without any."""
        return _share(self.causes)

    @property
    def final(self) -> float:
        """Share of typed runs whose cause was ranked first in the end; NaN without any."""
        return _share(self.finals)


@dataclass(frozen=True)
class Calm:
    """Figures of the healthy runs.

    Attributes:
        runs: how many.
        alarmed: how many of them had an alarm.
        episodes: false incidents in all of them.
        steps: optimiser steps in all of them.
    """

    runs: int
    alarmed: int
    episodes: int
    steps: int

    @property
    def rate(self) -> float:
        """False episodes in 10,000 healthy steps; NaN without steps."""
        return 1e4 * self.episodes / self.steps if self.steps else math.nan


def alarms(alerts: Iterable[Record]) -> list[Alarm]:
    """The alarms among the alerts of a run, in order."""
    loud = [alert for alert in alerts if alert.fields["status"] != "end" and _rank(alert) >= _WARNING]
    episode = {alert.fields["incident"]: alert.fields["episode"] for alert in loud}
    final = {episode[alert.fields["incident"]]: _first_cause(alert) for alert in loud}
    return [_alarm(alert, final[episode[alert.fields["incident"]]]) for alert in loud]


def judge(case: Case, told: Sequence[Alarm], seen: Mapping[str, Sequence[int]]) -> Verdict:
    """What the alarms of a run are worth.

    Args:
        seen: the steps of the records that hold a metric, by its name.
    """
    false = tuple(alarm for alarm in _first_of_incidents(told) if not _is_justified(case, alarm))
    if case.type == HEALTHY:
        return Verdict(case, False, False, False, None, None, None, None, false)
    last = math.inf if case.within is None else case.onset + case.within
    timely = [alarm for alarm in told if case.onset <= alarm.step <= last]
    hits = [alarm for alarm in timely if alarm.type in case.accept]
    if not hits:
        return Verdict(case, bool(timely), False, False, None, None, None, None, false)
    hit = hits[0]
    looks = sum(case.onset < step <= hit.step for step in seen.get(hit.metric, ()))
    exact = any(alarm.type == case.type for alarm in hits)
    cause, final = hit.cause in case.causes, hit.final in case.causes
    return Verdict(case, True, True, exact, hit.step - case.onset, looks, cause, final, false)


def row(type: str, verdicts: Iterable[Verdict]) -> Row:
    """The figures of one type over all runs; of `all` types together for the type `all`."""
    everything = list(verdicts)
    mine = [verdict for verdict in everything if verdict.case.type == type or (type == "all" and _faulty(verdict))]
    typed = [verdict for verdict in mine if verdict.typed]
    told = [{alarm.type for alarm in verdict.false} for verdict in everything]
    return Row(
        type=type,
        n=len(mine),
        found=sum(verdict.found for verdict in mine),
        typed=len(typed),
        exact=sum(verdict.exact for verdict in mine),
        false=sum(len(types) for types in told) if type == "all" else sum(type in types for types in told),
        delays=tuple(verdict.delay for verdict in typed if verdict.delay is not None),
        looks=tuple(verdict.looks for verdict in typed if verdict.looks is not None),
        shares=tuple(verdict.delay / verdict.case.steps for verdict in typed if verdict.delay is not None),
        causes=tuple(verdict.cause for verdict in typed if verdict.cause is not None),
        finals=tuple(verdict.final for verdict in typed if verdict.final is not None),
    )


def calm(verdicts: Iterable[Verdict]) -> Calm:
    """The figures of the healthy runs among these."""
    healthy = [verdict for verdict in verdicts if verdict.case.type == HEALTHY]
    return Calm(
        runs=len(healthy),
        alarmed=sum(bool(verdict.false) for verdict in healthy),
        episodes=sum(len(verdict.false) for verdict in healthy),
        steps=sum(verdict.case.steps for verdict in healthy),
    )


def before_onset(verdicts: Iterable[Verdict]) -> Calm:
    """The same for the time before the onset in faulty runs, which is healthy too."""
    faulty = [verdict for verdict in verdicts if _faulty(verdict) and verdict.case.onset > 0]
    early = [[alarm for alarm in verdict.false if alarm.step < verdict.case.onset] for verdict in faulty]
    return Calm(
        runs=len(faulty),
        alarmed=sum(bool(alarms) for alarms in early),
        episodes=sum(len(alarms) for alarms in early),
        steps=sum(verdict.case.onset for verdict in faulty),
    )


def middle(values: Sequence[float]) -> float:
    """The median; NaN of nothing."""
    return median(values) if values else math.nan


def _faulty(verdict: Verdict) -> bool:
    return verdict.case.type != HEALTHY


def _rank(alert: Record) -> int:
    return Severity(str(alert.fields["severity"])).rank


def _alarm(alert: Record, final: str) -> Alarm:
    fields: Mapping[str, Any] = alert.fields
    return Alarm(alert.step, fields["type"], fields["metric"], fields["incident"], _first_cause(alert), final)


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else math.nan


def _first_cause(alert: Record) -> str:
    fields: Mapping[str, Any] = alert.fields
    return str(fields["causes"][0]["name"] if fields["causes"] else fields["type"])


def _first_of_incidents(told: Iterable[Alarm]) -> list[Alarm]:
    first: dict[int, Alarm] = {}
    for alarm in told:
        first.setdefault(alarm.incident, alarm)
    return list(first.values())


def _is_justified(case: Case, alarm: Alarm) -> bool:
    if alarm.type in case.throughout:
        return True
    if case.type == HEALTHY or alarm.step < case.onset:
        return False
    if alarm.type == "nan_values" and case.broken_at is not None and alarm.step >= case.broken_at:
        return True
    return alarm.type in case.accept or alarm.type in case.also
