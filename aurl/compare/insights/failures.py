"""Sentences about what failed and why: failures, the settings they share, and what the alerts say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from aurl.compare.insights.insight import Insight, listed, named, p_value, rounded
from aurl.compare.model import Comparison
from aurl.compare.run_data import RunData
from aurl.record import Json, Severity
from aurl.show.naming import show_value
from aurl.show.wording import counted

_MOST_TYPES = 3
_GRAVE = {Severity.CRITICAL.value, Severity.FATAL.value}


def failures(comparison: Comparison) -> Iterator[Insight]:
    """Which runs failed, where, with which alerts; then grave alerts of runs that went on."""
    failed = [run for run in comparison.runs if run.fate == "failed"]
    tried = [run for run in comparison.runs if run.fate in ("failed", "counted")]
    if failed:
        yield _failed(comparison, failed, tried)
    for at, found in enumerate(comparison.impact.diverging[:2]):
        yield _shared(comparison, found, 86 - at)
    yield from _alerts(comparison, [run for run in tried if run.fate == "counted"])


def _failed(comparison: Comparison, failed: Sequence[RunData], tried: Sequence[RunData]) -> Insight:
    groups = [group for group in comparison.groups if group.failed]
    repeated = any(group.tried > 1 for group in groups)
    where = listed([f"{named(group)}: {group.failed} of {group.tried}" for group in groups]) if repeated else ""
    text = f"{len(failed)} of {counted(len(tried), 'run')} failed and are in no mean" + (f" ({where})" if where else "")
    causes = _causes(failed)
    text += f". The alerts before: {listed(causes)}" if causes else ". Their logs hold no alert that says why"
    return Insight(
        text=f"{text}.",
        kind="failures",
        weight=88 if len(failed) > len(tried) / 20 else 70,
        claim=False,
        metric=comparison.metric,
        configs=[group.id for group in groups],
        n=[group.tried for group in groups] or [len(tried)],
        diff=len(failed) / len(tried),
        method="counts of runs that failed, and the ALERT records of their logs",
        runs=[run.id for run in failed],
        picture="failures",
        caveats=["an alert is a detector's finding, its cause a guess"],
        more={"alerts": dict(_by_type(failed))},
    )


def _shared(comparison: Comparison, found: Mapping[str, Json], weight: float) -> Insight:
    p, numbers = (
        float(str(found["p"])),
        [int(str(found[key])) for key in ("failed", "tried", "failed_else", "tried_else")],
    )
    setting = f"{found['name']} {found['side']} {show_value(rounded(found['setting']))}".replace(" = ", "=")
    text = f"Failures go with {setting}: {numbers[0]} of {numbers[1]} {found['unit']} there failed, against "
    text += f"{numbers[2]} of {numbers[3]} elsewhere ({p_value(p)})."
    return Insight(
        text=text,
        kind="failing setting",
        weight=weight,
        claim=True,
        metric=comparison.metric,
        configs=[str(found["name"])],
        n=[numbers[1], numbers[3]],
        diff=numbers[0] / max(1, numbers[1]) - numbers[2] / max(1, numbers[3]),
        p=p,
        method=str(found["method"]),
        runs=[run.id for run in comparison.runs if run.fate == "failed"],
        picture="failures",
        caveats=["the cut is where the two sides differ most, so the shares on its sides are optimistic"],
    )


def _alerts(comparison: Comparison, counted_runs: Sequence[RunData]) -> Iterator[Insight]:
    """Critical alerts of runs that are in the means."""
    types = _by_type(counted_runs)
    hit: dict[str, list[str]] = defaultdict(list)
    for run in counted_runs:
        for kind in {str(alert.get("type")) for alert in _grave(run)}:
            hit[kind].append(run.id)
    if not hit:
        return
    told = [f"{kind.replace('_', ' ')} in {counted(len(runs), 'run')}" for kind, runs in _most(hit)]
    runs = sorted({run_id for ids in hit.values() for run_id in ids})
    text = (
        f"{len(runs)} of {counted(len(counted_runs), 'counted run')} had critical alerts and are in the means all the "
    )
    yield Insight(
        text=f"{text}same: {listed(told)}.",
        kind="alerts",
        weight=50,
        claim=False,
        metric=comparison.metric,
        configs=sorted({group.id for group in comparison.groups if {*group.values} & {*runs}}),
        n=[len(counted_runs)],
        method="the ALERT records of the logs",
        runs=runs,
        picture="alerts",
        caveats=["an alert is a detector's finding, its cause a guess"],
        more={"alerts": dict(types)},
    )


def _causes(runs: Sequence[RunData]) -> list[str]:
    """The commonest alerts, with the commonest cause that was guessed for each."""
    told = []
    for kind, count in _by_type(runs).most_common(_MOST_TYPES):
        causes = Counter(
            str(a["cause"]) for run in runs for a in _grave(run) if a.get("type") == kind and a.get("cause")
        )
        cause = f", probably {causes.most_common(1)[0][0].rstrip('.')}" if causes else ""
        told.append(f"{kind.replace('_', ' ')} in {count}{cause}")
    return told


def _by_type(runs: Sequence[RunData]) -> Counter[str]:
    """In how many runs each type of critical alert occurs."""
    return Counter(kind for run in runs for kind in {str(alert.get("type")) for alert in _grave(run)})


def _grave(run: RunData) -> list[Mapping[str, Json]]:
    return [alert for alert in run.alerts if alert.get("severity") in _GRAVE]


def _most(hit: Mapping[str, Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    return sorted(hit.items(), key=lambda item: -len(item[1]))[:_MOST_TYPES]
