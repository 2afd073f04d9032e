"""The whole comparison, from paths to what the data support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aurl.compare import gathering, remarks
from aurl.compare.finding import find
from aurl.compare.grouping import confounded
from aurl.compare.loading import measured, skeletons, watts, with_curves
from aurl.compare.metrics import choose_metric, choose_mode, objectives
from aurl.compare.model import Comparison, Mode
from aurl.compare.reading import parse_at
from aurl.compare.run_data import Readout, RunData
from aurl.compare.seeds import with_seeds
from aurl.compare.selecting import choose_baseline, select
from aurl.compare.statistics.claims import Question, best_set, claims
from aurl.compare.statistics.failing import failure_tests
from aurl.errors import ConfigError


def compare(
    paths: Sequence[str | Path],
    *,
    metric: str | None = None,
    mode: Mode | None = None,
    baseline: str | None = None,
    rope: float = 0.0,
    last: float | None = None,
    budget: int | None = None,
    at: str | None = None,
    target: float | None = None,
    filters: Mapping[str, str] | None = None,
    seed_key: str | None = None,
    ignore: Sequence[str] = (),
) -> Comparison:
    """Compare the runs at these paths.

    Args:
        paths: run directories, folders that hold runs, glob patterns.
        metric: name of a scalar; `val/loss/total` where the runs have it, see `aurl.compare.metrics`.
        mode: which direction is better; by default as `aurl.scalars` says.
        baseline: id of a group, or `key=value, ...` that one group has: the others are compared with it alone.
        rope: half width of the region of practical equivalence, in the unit of the metric.
        last: share of the budget, at its end, that finals are taken over.
        budget: steps up to which runs are compared, as `at="step=N"`.
        at: where runs are read: `end`, `best`, `budget`, `step=N` or `time=T`; see `aurl.compare.reading`.
        target: value whose first reaching is told in steps and seconds; by default what every group reaches.
        filters: settings that a run must have to take part, as typed.
        seed_key: the setting that holds the seed, where it is not one that is recognised.
        ignore: settings that make no difference: runs that differ in them alone are repeats.

    Raises:
        RunError: there is no run, or none of them can be compared.
        ConfigError: an unknown metric, direction, baseline, or a setting out of range.
    """
    if rope < 0:
        raise ConfigError(f"--rope {rope:g}: needs 0 or more, in the unit of the metric")
    found, warnings = find(paths)
    runs = skeletons(found)
    found, runs = select(found, runs, filters or {})
    runs, recognised = with_seeds(runs, seed_key, ignore)
    metric, said = choose_metric(found, metric)
    way = choose_mode(metric, mode)
    asked = parse_at(at, budget)
    weighed = objectives(found, metric, way)
    runs, trouble = with_curves(runs, found, weighed)
    runs, reading, share = measured(runs, found, weighed, at=asked, last=last)
    power = {run.id: drawn for run, one in zip(runs, found, strict=True) if (drawn := watts(one.summary)) is not None}
    warnings += [*recognised, *said, *trouble, *remarks.about_metric(found, metric)]
    question = Conclusion(metric, way, reading, share, weighed, baseline, rope, target, power)
    return conclude(runs, question, warnings)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is concluded about runs whose finals are known; see `compare` and `Comparison` for the words."""

    metric: str
    mode: Mode
    reading: Readout
    share: float = 0.1
    objectives: Mapping[str, Mode] = field(default_factory=dict)
    baseline: str | None = None
    rope: float = 0.0
    target: float | None = None
    watts: Mapping[str, float] = field(default_factory=dict)


def conclude(runs: Sequence[RunData], asked: Conclusion, warnings: Sequence[str] = ()) -> Comparison:
    """The comparison of runs that are read and judged.

    Args:
        warnings: what has to be said before what is found here.

    Raises:
        ConfigError: no group is the baseline that was asked for, or several are.
    """
    comparison = _grouped(runs, asked)
    objectives = _held(comparison, asked.objectives or {asked.metric: asked.mode})
    comparison = replace(comparison, share=asked.share, rope=asked.rope, objectives=objectives)
    comparison = _tested(comparison, asked.baseline)
    told = [*warnings, *remarks.about_reading(comparison)]
    told += remarks.about_runs(comparison.runs, asked.metric, asked.reading.step)
    told += remarks.about_settings(comparison.differences, comparison.confounded, len(comparison.runs))
    told += remarks.about_claims(comparison.claims, comparison.failures, comparison.groups)
    return _explained(replace(comparison, warnings=tuple(told)))


def _grouped(runs: Sequence[RunData], asked: Conclusion) -> Comparison:
    metric, mode, reading, target = asked.metric, asked.mode, asked.reading, asked.target
    runs = gathering.with_known_settings(runs)
    comparable = [run for run in runs if _takes_part(run, metric)]
    columns = gathering.differences(comparable)
    comparable = gathering.without_repeats(comparable, columns)
    comparable = gathering.without_blown_up(comparable, columns, metric, mode)
    groups = gathering.groups_of(comparable, columns, metric, mode)
    goal = gathering.target_of(groups) if target is None else target
    if goal is not None:
        comparable = gathering.with_target(comparable, goal, asked.watts, metric=metric, mode=mode)
        by_id = {run.id: run for run in comparable}
        groups = [replace(group, runs=tuple(by_id[run.id] for run in group.runs)) for group in groups]
    rest = [run for run in runs if not _takes_part(run, metric)]
    return Comparison(
        metric=metric,
        mode=mode,
        groups=tuple(groups),
        runs=tuple(sorted([*comparable, *rest], key=lambda run: str(run.path))),
        differences=gathering.values_of(columns),
        confounded=confounded(columns),
        budget=reading.step,
        reading=reading,
        target=goal,
    )


def _takes_part(run: RunData, metric: str) -> bool:
    """Whether a run belongs to a group: its settings are known, and it has the metric or failed before it could."""
    return run.fate == "failed" or (metric in run.curves and run.why != gathering.NO_SETTINGS)


def _held(comparison: Comparison, weighed: Mapping[str, Mode]) -> dict[str, Mode]:
    """The objectives that a counted run has a value for."""
    counted = [run for run in comparison.runs if run.fate == "counted"]
    return {name: way for name, way in weighed.items() if any(name in run.finals for run in counted)}


def _tested(comparison: Comparison, baseline: str | None) -> Comparison:
    chosen = None if baseline is None else choose_baseline(comparison.groups, baseline)
    question = Question(comparison.mode, chosen, comparison.rope, comparison.reading.of)
    found = claims(comparison.groups, question)
    return replace(
        comparison,
        baseline=chosen,
        claims=found,
        failures=failure_tests(comparison.groups),
        best_set=best_set(comparison.groups, comparison.mode, found),
    )


def _explained(comparison: Comparison) -> Comparison:
    """With what the settings do, what is best, and sentences about it all."""
    from aurl.compare.impact.importance import impact
    from aurl.compare.insights.all import insights
    from aurl.compare.insights.answer import answer
    from aurl.compare.statistics.best import best
    from aurl.compare.statistics.pareto import pareto

    comparison = replace(comparison, impact=impact(comparison))
    comparison = replace(comparison, pareto=tuple(pareto(comparison)))
    comparison = replace(comparison, best=best(comparison))
    comparison = replace(comparison, best={**comparison.best, "answer": list(answer(comparison))})
    return replace(comparison, insights=tuple(insights(comparison)))
