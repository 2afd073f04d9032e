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

from aurl.compare.model import Comparison, Group
from aurl.compare.run_data import RunData
from aurl.machine.untrusted import yaml_document
from aurl.record import Json
from aurl.runs.rundir import RunDirectory
from aurl.show.arrays import Floats

DRAWS = 4000
_FEWEST = 3
_NOTHING: Mapping[str, Json] = {"group": None, "run": None, "config": None, "why": "No run has a value of the metric."}


def best(comparison: Comparison) -> Mapping[str, Json]:
    """`{"group", "run", "config", "why"}`; the first three None where no run has a value."""
    chosen = best_group(comparison)
    if chosen is None:
        return _NOTHING
    run = typical_run(chosen)
    why = " ".join(filter(None, [_rule(comparison, chosen), _certainty(comparison, chosen)]))
    if command := rerun(run):
        why += f" Run it again: {command}"
    return {"group": chosen.id, "run": run.id, "config": dict(chosen.config), "why": why}


def best_group(comparison: Comparison) -> Group | None:
    """The group that the rule picks; None where no group has a value."""
    known = [group for group in comparison.groups if group.centre is not None]
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


def passed_over(comparison: Comparison, chosen: Group) -> Group | None:
    """The group that ended ahead of the chosen one, which was picked for failing less; None where none did."""
    front = next((group for group in comparison.groups if group.centre is not None), None)
    return front if front is not None and _cost(comparison, front) < _cost(comparison, chosen) else None


def centre_name(comparison: Comparison) -> str:
    """What groups are ranked by."""
    return "interquartile mean" if any(claim.centre != "mean" for claim in comparison.claims) else "mean"


def ahead(comparison: Comparison) -> str:
    """Where a value lies that is preferred to another one."""
    return "lower" if comparison.mode == "min" else "higher"


def chances(comparison: Comparison) -> dict[str, float]:
    """By group id, how probable it is that its true mean is the best, among groups of three runs or more.

    The posterior of each mean, with a flat prior, is a Student t with the group's own variance; what a seed does to all
    groups alike is taken out first where every group ran with the same seeds. Equal means share their part. Empty with
    fewer than two groups, and where the runs of one are identical, so that its noise is not known.
    """
    groups = [group for group in comparison.groups if group.n >= _FEWEST]
    if len(groups) < 2 or any(len({*group.values.values()}) == 1 for group in groups):
        return {}
    rng = np.random.default_rng(4)
    table = _by_seed(groups)
    rows = [np.array([*group.values.values()]) for group in groups] if table is None else list(_without_seeds(table))
    drawn = np.stack([_drawn(row, group, rng) for row, group in zip(rows, groups, strict=True)])
    drawn = drawn if comparison.mode == "min" else -drawn
    winners = drawn == drawn.min(axis=0)
    shares = (winners / winners.sum(axis=0)).mean(axis=1)
    return {group.id: float(share) for group, share in zip(groups, shares, strict=True)}


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
    try:
        found: Any = yaml_document(RunDirectory(run.path).hydra / "overrides.yaml")
    except (OSError, ValueError):
        return None
    return [str(override) for override in found] if isinstance(found, list) else None


def _rule(comparison: Comparison, chosen: Group) -> str:
    lost = f"; {chosen.failed} of its {chosen.tried} runs failed" if chosen.failed else ""
    mean = f"{centre_name(comparison)} {chosen.centre:.4g}, n = {chosen.n}{lost}"
    if len(comparison.groups) < 2:
        return f"The only configuration ({mean})."
    if chosen.id not in comparison.best_set:
        front = _ahead_most(comparison)
        return f"The {front} mean ({mean}); which one is best was not tested, for that takes 3 runs each."
    tied = len(comparison.best_set) - 1
    if not tied:
        return f"The only configuration not shown to be worse than the best ({mean}; Hsu's best set, 95 %)."
    others = "another is" if tied == 1 else f"{tied} others are"
    passed = passed_over(comparison, chosen)
    if passed is not None:
        return (
            f"It failed less often than {passed.id}, which ended {ahead(comparison)} ({mean}); "
            f"{others} not shown to be worse (Hsu, 95 %)."
        )
    return f"The {_ahead_most(comparison)} mean ({mean}), but {others} not shown to be worse (Hsu, 95 %)."


def _ahead_most(comparison: Comparison) -> str:
    return "lowest" if comparison.mode == "min" else "highest"


def _certainty(comparison: Comparison, chosen: Group) -> str:
    share = chances(comparison).get(chosen.id)
    if passed_over(comparison, chosen) is not None:
        return ""
    if share is not None:
        told = f"{100 * share:.1f} %" if 0.001 <= share <= 0.999 else "over 99.9 %" if share > 0.5 else "under 0.1 %"
        return f"It is the best one with probability {told}."
    if len(comparison.groups) < 2:
        return ""
    return (
        f"The best of {len(comparison.groups)} looks better than it is: run it and its runners-up again with 5 fresh "
        "seeds each, and believe only those."
    )


def _failure_rate(group: Group) -> float:
    return group.failed / group.tried if group.tried else 0.0


def _cost(comparison: Comparison, group: Group) -> float:
    assert group.centre is not None
    return group.centre if comparison.mode == "min" else -group.centre


def _by_seed(groups: Sequence[Group]) -> Floats | None:
    """[groups, seeds] where every group has one counted run of each of the same seeds."""
    rows = [{str(run.seed): group.values[run.id] for run in group.runs if run.id in group.values} for group in groups]
    seeds = sorted(rows[0])
    if any(sorted(row) != seeds or len(row) != group.n for row, group in zip(rows, groups, strict=True)):
        return None
    return np.array([[row[seed] for seed in seeds] for row in rows])


def _without_seeds(table: Floats) -> Floats:
    """What is left of [groups, seeds] without the seeds' means; scaled up, since those hold a part of each group."""
    groups = len(table)
    rest = table - table.mean(axis=0, keepdims=True)
    centred = rest - rest.mean(axis=1, keepdims=True)
    return np.asarray(centred * np.sqrt(groups / (groups - 1)))


def _drawn(values: Floats, group: Group, rng: np.random.Generator) -> Floats:
    """Draws of a group's true mean around its centre."""
    assert group.centre is not None
    n = len(values)
    error = float(values.std(ddof=1)) / np.sqrt(n)
    return np.asarray(group.centre + error * rng.standard_t(n - 1, DRAWS))
