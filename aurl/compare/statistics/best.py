"""The best configuration by a stated rule, how sure that is, and the command that runs it again.

The rule: of the configurations not shown to be worse than the best (Hsu), those of which the smallest share failed; of
these the one with the best mean. Of it, the run nearest to its median, not the luckiest.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from aurl.compare.model import Comparison, Group, RunData
from aurl.record import Json
from aurl.runs.rundir import RunDirectory
from aurl.show.arrays import Floats

RESAMPLES = 2000
_FEWEST = 3
_NOTHING: Mapping[str, Json] = {"group": None, "run": None, "config": None, "why": "No run has a value of the metric."}


def best(comparison: Comparison) -> Mapping[str, Json]:
    """`{"group", "run", "config", "why"}`; the first three None where no run has a value."""
    chosen = best_group(comparison)
    if chosen is None:
        return _NOTHING
    run = typical_run(chosen)
    why = f"{_rule(comparison, chosen)} {_certainty(comparison, chosen)}"
    if command := rerun(run):
        why += f" Run it again: {command}"
    return {"group": chosen.id, "run": run.id, "config": dict(chosen.config), "why": why}


def best_group(comparison: Comparison) -> Group | None:
    """The group that the rule picks; None where no group has a value."""
    known = [group for group in comparison.groups if group.mean is not None]
    candidates = [group for group in known if group.id in comparison.best_set] or known
    if not candidates:
        return None
    least = min(_failure_rate(group) for group in candidates)
    steady = [group for group in candidates if _failure_rate(group) <= least]
    return min(steady, key=lambda group: _cost(comparison, group))


def typical_run(group: Group) -> RunData:
    """The counted run whose value is nearest to the group's median."""
    middle = median(group.values.values())
    nearest = min(group.values, key=lambda run_id: abs(group.values[run_id] - middle))
    return next(run for run in group.runs if run.id == nearest)


def wins(comparison: Comparison) -> dict[str, float]:
    """By group id, how often its mean is the best of 2,000 bootstrap resamples of the seeds, among groups of 3 or more.

    Where all these groups ran with the same seeds, the same seeds are drawn for each. Empty with fewer than two groups.
    """
    groups = [group for group in comparison.groups if group.n >= _FEWEST]
    if len(groups) < 2:
        return {}
    rng = np.random.default_rng(4)
    table = _by_seed(groups)
    if table is not None:
        picks = rng.integers(0, table.shape[1], (RESAMPLES, table.shape[1]))
        means = table[:, picks].mean(axis=2)
    else:
        means = np.stack([_resampled(np.array([*group.values.values()]), rng) for group in groups])
    winners = means.argmin(axis=0) if comparison.mode == "min" else means.argmax(axis=0)
    counts = np.bincount(winners, minlength=len(groups))
    return {group.id: float(count) / RESAMPLES for group, count in zip(groups, counts, strict=True)}


def rerun(run: RunData) -> str:
    """The command that runs this run again; empty where it is not known, as of imported runs."""
    overrides = _overrides(run)
    if overrides is not None:
        return shlex.join(["python", "train.py", *overrides])
    if not run.argv or {"-m", "--multirun"} & {*run.argv}:
        return ""
    return shlex.join(["python", *run.argv] if run.argv[0].endswith(".py") else run.argv)


def _overrides(run: RunData) -> list[str] | None:
    """What Hydra noted of the run's own overrides, those that a sweep gave it among them."""
    import yaml

    try:
        found: Any = yaml.safe_load((RunDirectory(run.path).hydra / "overrides.yaml").read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return [str(override) for override in found] if isinstance(found, list) else None


def _rule(comparison: Comparison, chosen: Group) -> str:
    lost = f"; {chosen.failed} of its {chosen.tried} runs failed" if chosen.failed else ""
    mean = f"mean {chosen.mean:.4g}, n = {chosen.n}{lost}"
    if chosen.id not in comparison.best_set:
        return (
            f"Best mean of the configurations ({mean}); which one is best was not tested, for that takes 3 runs each."
        )
    tied = len(comparison.best_set) - 1
    if not tied:
        return f"The only configuration not shown to be worse than the best ({mean}; Hsu's best set, 95 %)."
    others = "another is" if tied == 1 else f"{tied} others are"
    return (
        f"Best mean of the configurations that failed least ({mean}), but {others} not shown to be worse (Hsu, 95 %)."
    )


def _certainty(comparison: Comparison, chosen: Group) -> str:
    share = wins(comparison).get(chosen.id)
    if share is not None:
        return f"Its mean is the best in {100 * share:.1f} % of {RESAMPLES:,} bootstrap resamples of the seeds."
    return (
        f"The best of {len(comparison.groups)} looks better than it is: run it and its runners-up again with 5 fresh "
        "seeds each, and believe only those."
    )


def _failure_rate(group: Group) -> float:
    return group.failed / group.tried if group.tried else 0.0


def _cost(comparison: Comparison, group: Group) -> float:
    assert group.mean is not None
    return group.mean if comparison.mode == "min" else -group.mean


def _by_seed(groups: Sequence[Group]) -> Floats | None:
    """[groups, seeds] where every group has one counted run of each of the same seeds."""
    rows = [{str(run.seed): group.values[run.id] for run in group.runs if run.id in group.values} for group in groups]
    seeds = sorted(rows[0])
    if any(sorted(row) != seeds or len(row) != group.n for row, group in zip(rows, groups, strict=True)):
        return None
    return np.array([[row[seed] for seed in seeds] for row in rows])


def _resampled(values: Floats, rng: np.random.Generator) -> Floats:
    picked: Floats = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    return picked
