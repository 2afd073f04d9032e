"""The whole comparison, from paths to what the data support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from aurl.compare import gathering, remarks
from aurl.compare.finding import find
from aurl.compare.grouping import confounded
from aurl.compare.loading import measured, skeletons, watts, with_curves
from aurl.compare.metrics import choose_metric, choose_mode, objectives
from aurl.compare.model import Comparison, Mode, Readout, RunData
from aurl.compare.reading import parse_at
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
    comparison = _grouped(runs, metric, way, reading=reading, target=target, power=power)
    comparison = _tested(replace(comparison, share=share, rope=rope, objectives=_held(comparison, weighed)), baseline)
    warnings += [*recognised, *said, *trouble, *remarks.about_reading(comparison), *remarks.about_metric(found, metric)]
    warnings += remarks.about_runs(comparison.runs, metric, reading.step)
    warnings += remarks.about_settings(comparison.differences, comparison.confounded, len(comparison.runs))
    warnings += remarks.about_claims(comparison.claims, comparison.failures, comparison.groups)
    return _explained(replace(comparison, warnings=tuple(warnings)))


def _grouped(
    runs: Sequence[RunData],
    metric: str,
    mode: Mode,
    *,
    reading: Readout,
    target: float | None,
    power: Mapping[str, float],
) -> Comparison:
    runs = gathering.with_known_settings(runs)
    comparable = [run for run in runs if _takes_part(run, metric)]
    columns = gathering.differences(comparable)
    comparable = gathering.without_repeats(comparable, columns)
    groups = gathering.groups_of(comparable, columns, metric, mode)
    goal = gathering.target_of(groups) if target is None else target
    if goal is not None:
        comparable = gathering.with_target(comparable, goal, power, metric=metric, mode=mode)
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
    return replace(
        comparison,
        baseline=chosen,
        claims=claims(comparison.groups, question),
        failures=failure_tests(comparison.groups),
        best_set=best_set(comparison.groups, comparison.mode),
    )


def _explained(comparison: Comparison) -> Comparison:
    """With what the settings do, what is best, and sentences about it all."""
    from aurl.compare.impact.importance import impact
    from aurl.compare.insights.all import insights
    from aurl.compare.statistics.best import best
    from aurl.compare.statistics.pareto import pareto

    comparison = replace(comparison, impact=impact(comparison))
    comparison = replace(comparison, pareto=tuple(pareto(comparison)))
    comparison = replace(comparison, best=best(comparison))
    return replace(comparison, insights=tuple(insights(comparison)))
