"""From groups to claims: who is better than whom, and where the data do not say.

The rule, in this order. Groups with fewer than three counted runs take no part: the claim says how many are needed. The
others form one family, all pairs or all against the baseline; `aurl.compare.statistics.family` tests them. A difference
that is shown counts as better only when it exceeds the region of practical equivalence, and when the better group does
not fail more often than the other: on its survivors alone nothing is better.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aurl.compare.model import Claim, Group, Mode, Verdict
from aurl.compare.reading import TOO_EARLY
from aurl.compare.statistics import family
from aurl.compare.statistics.power import seeds_needed

FEWEST = family.FEWEST
MOST_GROUPS = 30  # of more groups, only the pairs with the best one are listed; the family stays that of all pairs
_TINY = 1e-12
_IDENTICAL = "the runs of a group are identical: the seed changes nothing, so there is no noise to judge by"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a family of groups.

    Attributes:
        mode: which direction of the metric is better.
        baseline: id of a group; every claim is then about another group against it. None for all pairs.
        rope: half width of the region of practical equivalence, in the unit of the metric.
        most: the step that most runs had reached when they ended; 0 where steps do not matter.
    """

    mode: Mode
    baseline: str | None = None
    rope: float = 0.0
    most: int = 0


def claims(groups: Sequence[Group], question: Question) -> tuple[Claim, ...]:
    """All claims about these groups, shown differences first.

    Args:
        groups: best mean first, as in a `Comparison`.
    """
    able = [group for group in groups if group.n >= FEWEST]
    if question.baseline is not None and question.baseline not in {group.id for group in able}:
        able = []
    tested = {(claim.a, claim.b): claim for claim in _tested(able, question)} if len(able) > 1 else {}
    pairs = _pairs(groups, question.baseline)
    noise = _noise(groups)
    found = [
        _dated(tested.get((a.id, b.id)) or _too_few(a, b, noise, len(pairs)), a, b, question.most) for a, b in pairs
    ]
    return tuple(sorted(found, key=lambda claim: claim.verdict not in {"better", "worse"}))


def heavy_tails(groups: Sequence[Group]) -> bool:
    """Whether these groups are compared by their interquartile means, see `family.heavy_tailed`."""
    able = [group for group in groups if group.n >= FEWEST]
    if len(able) < 2:
        return False
    x_gs, matched = layout(able)
    return bool(family.heavy_tailed(x_gs[None], matched=matched)[0])


def best_set(groups: Sequence[Group], mode: Mode, made: Sequence[Claim] = ()) -> tuple[str, ...]:
    """Ids of the groups, of those with three runs or more, that are not shown to be worse than the best.

    A group that fails more often than another cannot put that one out of the set.

    Args:
        made: the claims about these groups; one that is claimed to be worse than another is not the best.
    """
    able = [group for group in groups if group.n >= FEWEST]
    if not able:
        return ()
    x_gs, matched = layout(able)
    behind = family.behind_the_best(x_gs[None], matched=matched, lower_is_better=mode == "min")[0]
    failed, tried = (np.array([getattr(group, name) for group in able]) for name in ("failed", "tried"))
    reliable = failed[None, :] * tried[:, None] <= failed[:, None] * tried[None, :]  # no more failures than this group
    beaten = {
        claim.b if claim.verdict == "better" else claim.a for claim in made if claim.verdict in {"better", "worse"}
    }
    kept = [group.id for group, worse in zip(able, behind & reliable, strict=True) if not worse.any()]
    return tuple(name for name in kept if name not in beaten)


def layout(groups: Sequence[Group]) -> tuple[NDArray[np.float64], bool]:
    """The values as groups x seeds, NaN where a group lacks a seed, and whether the seeds are matched.

    Where they are not, the columns mean nothing.
    """
    counted = [[run for run in group.runs if run.id in group.values] for group in groups]
    if all(run.seed is not None for runs in counted for run in runs):
        by_seed = [
            {str(run.seed): group.values[run.id] for run in runs} for group, runs in zip(groups, counted, strict=True)
        ]
        seeds = sorted({seed for values in by_seed for seed in values})
        x = np.array([[values.get(seed, math.nan) for seed in seeds] for values in by_seed])
        if family.are_matched(x):
            return x, True
    x = np.full((len(groups), max(group.n for group in groups)), math.nan)
    for row, group in enumerate(groups):
        x[row, : group.n] = list(group.values.values())
    return x, False


def describe_test(groups: int, matched: bool, against: bool) -> str:
    """The two tests of a claim, with their levels and the functions that compute them.

    Args:
        against: a baseline, rather than all pairs.
    """
    level = family.own_level(groups, matched=matched)
    own = "paired t (scipy.stats.ttest_rel)" if matched else "Welch's t (scipy.stats.ttest_ind)"
    if groups == 2:
        return f"{own} at {family.ALPHA:.0%}"
    noise = "a variance for each pair of seeds' differences" if matched else "a variance for each group"
    method = "Dunnett's test against the baseline" if against else "Tukey's test"
    return f"{method} with {noise}, learning from each other, at {family.ALPHA:.0%}; and {own} at {level:.0%}"


def _pairs(groups: Sequence[Group], baseline: str | None) -> list[tuple[Group, Group]]:
    valued = [group for group in groups if group.n]
    if baseline is not None:
        against = [group for group in valued if group.id == baseline]
        return [(group, other) for group in valued for other in against if group.id != baseline]
    if len(valued) > MOST_GROUPS:
        return [(valued[0], other) for other in valued[1:]]
    return list(itertools.combinations(valued, 2))


def _tested(able: Sequence[Group], question: Question) -> Iterator[Claim]:
    """The claims about groups that have runs enough."""
    pairs = _pairs(able, question.baseline)
    place = {group.id: at for at, group in enumerate(able)}
    against = question.baseline is not None
    x_gs, matched = layout(able)
    heavy = bool(family.heavy_tailed(x_gs[None], matched=matched)[0])
    test = describe_test(len(able), matched, against) + (", of interquartile means" if heavy else "")
    indices = [(place[a.id], place[b.id]) for a, b in pairs]
    found = family.differences(x_gs[None], indices, matched=matched, baseline=against, intervals=True)
    for at, (a, b) in enumerate(pairs):
        error, delta, half = (float(part[0, at]) for part in (found.se_bp, found.delta_bp, found.half_bp))
        if math.isnan(found.p_pair_bp[0, at]):
            yield _untested(a, b, "no evidence", _IDENTICAL, test)
            continue
        measured = replace(
            _untested(a, b, "no evidence", "", test),
            delta=delta,
            centre="interquartile mean" if heavy else "mean",
            ci=(delta - half, delta + half),
            p=float(found.p_pair_bp[0, at]),
            p_adjusted=float(found.adjusted_bp[0, at]),
            seeds_needed=seeds_needed(abs(delta) / (max(error, _TINY) * math.sqrt(min(a.n, b.n) / 2)), len(pairs)),
        )
        yield _judged(_with_effect(measured, a, b, question.mode), a, b, question, shown=bool(found.shown_bp[0, at]))


def _judged(claim: Claim, a: Group, b: Group, question: Question, *, shown: bool) -> Claim:
    assert claim.delta is not None
    assert claim.ci is not None
    (low, high), rope = claim.ci, question.rope
    equivalent = (-rope <= low and high <= rope) if rope > 0 else None
    better = (claim.delta < 0) == (question.mode == "min")
    fails = _fails_more(a, b) if better else _fails_more(b, a)
    if shown and not fails and (low > rope or high < -rope):
        return replace(claim, verdict="better" if better else "worse", equivalent=equivalent, seeds_needed=None)
    if equivalent:
        reason = f"practically equal: the whole interval lies within {rope:g} of zero"
    elif shown:
        reason = fails or f"the difference is not shown to exceed {rope:g}, the region of practical equivalence"
    else:
        reason = ""
    return replace(
        claim, equivalent=equivalent, reason=reason, seeds_needed=None if shown or equivalent else claim.seeds_needed
    )


def _dated(claim: Claim, a: Group, b: Group, most: int) -> Claim:
    """With where its runs were read; what was read before a tenth of most runs' steps is no claim."""
    steps = [run.read_step for group in (a, b) for run in group.runs if run.id in group.values]
    claim = replace(claim, read_at=(min(steps), max(steps), most))
    if max(steps) >= TOO_EARLY * most or claim.verdict not in {"better", "worse"}:
        return claim
    reason = f"read at step {max(steps)}, before a tenth of the {most} steps that most runs had: too early to rank"
    return replace(claim, verdict="no evidence", reason=reason)


def _too_few(a: Group, b: Group, noise: float | None, pairs: int) -> Claim:
    claim = _untested(a, b, "too few runs", f"needs {FEWEST} counted runs on each side", "none")
    assert claim.delta is not None
    needed = None if noise is None else seeds_needed(abs(claim.delta) / noise, pairs)
    return replace(claim, seeds_needed=None if needed is None else max(FEWEST, needed))


def _untested(a: Group, b: Group, verdict: Verdict, reason: str, test: str) -> Claim:
    assert a.centre is not None
    assert b.centre is not None
    return Claim(
        a=a.id,
        b=b.id,
        delta=a.centre - b.centre,
        ci=None,
        p=None,
        p_adjusted=None,
        effect=None,
        test=test,
        n_a=a.n,
        n_b=b.n,
        verdict=verdict,
        reason=reason,
    )


def _with_effect(claim: Claim, a: Group, b: Group, mode: Mode) -> Claim:
    """Hedges' g: the difference in standard deviations between seeds, corrected for small samples (Hedges 1981)."""
    assert claim.delta is not None
    assert claim.ci is not None
    variances = [np.var(list(group.values.values()), ddof=1) for group in (a, b)]
    spread = math.sqrt(float(np.mean(variances)))
    if not spread > 0:
        return claim
    sign = -1.0 if mode == "min" else 1.0
    unit = sign * (1 - 3 / (4 * (claim.n_a + claim.n_b - 2) - 1)) / spread
    low, high = sorted(end * unit for end in claim.ci)
    return replace(claim, effect=claim.delta * unit, effect_ci=(low, high))


def _fails_more(a: Group, b: Group) -> str:
    """Why a cannot be called better than b, which fails less often; empty where it does not."""
    if a.failed * b.tried <= b.failed * a.tried:
        return ""
    return (
        f"{a.failed} of {a.tried} runs of {a.id} failed, and {b.failed} of {b.tried} of {b.id}: nothing is better on "
        "its survivors alone"
    )


def _noise(groups: Sequence[Group]) -> float | None:
    """The spread between seeds, pooled over the groups that have any; None where none has two runs."""
    squares = [(group.n - 1, float(np.var(list(group.values.values()), ddof=1))) for group in groups if group.n > 1]
    df = sum(count for count, _ in squares)
    pooled = math.sqrt(sum(count * variance for count, variance in squares) / df) if df else 0.0
    return pooled if pooled > 0 else None
