"""Sentences about what to try next: the edge of a range, a combination that was not run, longer runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

import numpy as np

from aurl.compare.grouping import listed_values
from aurl.compare.impact.importance import TOGETHER
from aurl.compare.insights.insight import (
    Insight,
    counted_runs,
    interval,
    label,
    named,
    number,
    p_value,
    rounded,
)
from aurl.compare.insights.settings import NEGLIGIBLE
from aurl.compare.model import Comparison, Group
from aurl.compare.search_space import is_number, spell
from aurl.compare.statistics.best import best_group
from aurl.record import Json
from aurl.show.naming import show_value
from aurl.show.wording import counted

_FEWEST = 3
_MOST_CELLS = 400
_LEVEL = 0.05
_ROUNDING = 1e-9
_FELT = 0.1
"""A gain below this share of the spread between seeds cannot change an order."""


def suggestions(comparison: Comparison) -> Iterator[Insight]:
    """At most one sentence of each kind, the edges of two settings at most."""
    yield from _longer(comparison)
    yield from _edges(comparison)
    yield from _corner(comparison)


def _longer(comparison: Comparison) -> Iterator[Insight]:
    """Whether the runs of the chosen configuration still got better over the last fifth of their steps."""
    from scipy.stats import ttest_1samp

    chosen = best_group(comparison)
    gains = _gains(comparison, chosen) if chosen is not None else []
    if (
        chosen is None
        or {*comparison.reading.early} & {*chosen.values}
        or len(gains) < _FEWEST
        or np.mean(gains) <= _FELT * np.std([*chosen.values.values()])
    ):
        return
    if np.std(gains) <= _ROUNDING * abs(np.mean(gains)):
        return  # identical runs: there is no noise to judge by
    test = ttest_1samp(gains, 0.0)
    low, high = (float(end) for end in test.confidence_interval(0.95))
    if not test.pvalue < _LEVEL:
        return
    gain = float(np.mean(gains))
    change = "fell" if comparison.mode == "min" else "rose"
    text = (
        f"{named(chosen)} had not come to rest: {label(comparison.metric)} still {change} by {number(gain)} from the "
    )
    text += f"ninth to the last tenth of its steps ({interval((low, high))}; "
    text += f"{p_value(float(test.pvalue))}, n = {len(gains)}); longer runs could change the order"
    yield Insight(
        text=f"{text}.",
        kind="longer",
        weight=55,
        claim=True,
        metric=comparison.metric,
        configs=[chosen.id],
        n=[len(gains)],
        diff=gain,
        ci=(low, high),
        p=float(test.pvalue),
        method="scipy.stats.ttest_1samp of each run's mean over 80-90 % of a run minus that over 90-100 %",
        runs=counted_runs(comparison, chosen.id),
        picture="curves",
        caveats=["a learning-rate schedule that ends with the run makes the end of a curve fall"],
    )


def _gains(comparison: Comparison, chosen: Group) -> list[float]:
    """By how much each counted run improved from the ninth to the last tenth of its steps."""
    sign = 1.0 if comparison.mode == "min" else -1.0
    gains = []
    for run in chosen.runs:
        curve = run.curves.get(comparison.metric)
        if run.id not in chosen.values or curve is None:
            continue
        edges = (0.8 * run.read_step, 0.9 * run.read_step, float(run.read_step))
        before = curve.values[(curve.steps > edges[0]) & (curve.steps <= edges[1])]
        after = curve.values[(curve.steps > edges[1]) & (curve.steps <= edges[2])]
        if len(before) and len(after) and np.isfinite([*before, *after]).all():
            gains.append(sign * float(before.mean() - after.mean()))
    return gains


def _edges(comparison: Comparison) -> Iterator[Insight]:
    """Numbers that matter and do best at an end of what was tried, beyond the interval in the middle."""
    told = 0
    for row in comparison.impact.rows:
        name = str(row["param"])
        effect = comparison.impact.effects.get(name)
        if effect is None or told == 2 or _low(row) < NEGLIGIBLE or TOGETHER in name:
            continue
        found = _edge(comparison, name, effect)
        if found is not None:
            told += 1
            yield found


def _edge(comparison: Comparison, name: str, effect: Mapping[str, Json]) -> Insight | None:
    x, y, low, high = (list(listed_values(effect[key])) for key in ("x", "y", "low", "high"))
    if len(x) < 3 or not all(map(is_number, x)):
        return None
    best = int(np.argmin(y) if comparison.mode == "min" else np.argmax(y))
    middle = len(x) // 2
    apart = high[best] < low[middle] if comparison.mode == "min" else low[best] > high[middle]
    if best not in (0, len(x) - 1) or not apart:
        return None
    side = "below" if best == 0 else "above"
    end = "lower" if best == 0 else "upper"
    text = f"{name} does best at the {end} end of what was tried, {show_value(rounded(x[best]))}"
    text += f": {label(comparison.metric)} {number(y[best])} ({interval((low[best], high[best]))}) against "
    text += f"{number(y[middle])} at {show_value(rounded(x[middle]))}; "
    failed, tried = _failed_near(comparison, name, x[best], x[middle])
    if failed:
        text = f"Of the runs that did not fail, {text}but {failed} of {counted(tried, 'run')} from there on failed."
    else:
        text += f"values {side} it were not tried."
    return Insight(
        text=text,
        kind="edge",
        weight=58,
        claim=False,
        metric=comparison.metric,
        configs=[name],
        n=[len(counted_runs(comparison))],
        diff=y[best] - y[middle],
        ci=(low[best], high[best]),
        method="partial dependence of the surrogate, or means of a grid's levels, with 95 % intervals",
        runs=counted_runs(comparison),
        picture="effects",
        caveats=["a surrogate is least sure at the ends of a range", *comparison.impact.notes],
    )


def _failed_near(comparison: Comparison, name: str, end: float, middle: float) -> tuple[int, int]:
    """How many runs failed, of those tried, nearer to this end of a setting than to the middle, or beyond it."""
    tried = [run for run in comparison.runs if run.fate != "left out" and is_number(run.config.get(name))]
    near = [run for run in tried if (float(str(run.config[name])) - (end + middle) / 2) * (end - middle) >= 0]
    return sum(run.fate == "failed" for run in near), len(near)


def _corner(comparison: Comparison) -> Iterator[Insight]:
    """The combination of every setting's best level, where a small grid leaves it out."""
    levels = {key: list(values) for key, values in comparison.differences.items()}
    valued = [group for group in comparison.groups if group.mean is not None]
    cells = prod(len(values) for values in levels.values())
    conditional = any(value is None for values in levels.values() for value in values)
    if conditional or len(levels) < 2 or len(valued) < _FEWEST or not len(comparison.groups) < cells <= _MOST_CELLS:
        return  # a setting that goes with another one's level makes combinations that nobody can run
    corner: dict[str, Json] = {}
    for key, values in levels.items():
        means = [_mean_at(comparison, valued, key, value) for value in values]
        corner[key] = values[int(np.argmin(means))]
    tried = {tuple(spell(group.config.get(key)) for key in levels) for group in comparison.groups}
    if tuple(spell(corner[key]) for key in levels) in tried:
        return
    told = ", ".join(f"{key}={show_value(value)}" for key, value in corner.items())
    yield Insight(
        text=f"Not tried: {told}, which joins the level of each setting with the best mean of its own "
        f"({len(comparison.groups)} of {cells} combinations were run).",
        kind="corner",
        weight=48,
        claim=False,
        metric=comparison.metric,
        configs=[told],
        n=[len(counted_runs(comparison))],
        method="means of the groups at each level of each setting",
        runs=counted_runs(comparison),
        picture="groups",
        caveats=["levels that ran with different other settings are not quite comparable"],
    )


def _mean_at(comparison: Comparison, groups: Sequence[Group], key: str, value: Json) -> float:
    """Mean over the groups at a level, smaller being the better one; infinite where none has it."""
    sign = 1.0 if comparison.mode == "min" else -1.0
    means = [group.mean for group in groups if spell(group.config.get(key)) == spell(value) and group.mean is not None]
    return sign * float(np.mean(means)) if means else float("inf")


def _low(row: Mapping[str, Json]) -> float:
    return float(listed_values(row["ci"])[0])
