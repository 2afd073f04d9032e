"""Sentences about configurations: which are better, which cannot be told apart, which are too few to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from aurl.compare.insights.insight import (
    Insight,
    counted_runs,
    doubts,
    interval,
    label,
    likelihood,
    listed,
    named,
    number,
    p_value,
)
from aurl.compare.model import Claim, Comparison
from aurl.compare.statistics.best import ahead, best_group, centre_name, chances, passed_over, rerun, typical_run
from aurl.show.wording import counted

_WEIGHTS = (100, 84, 66)
_MOST_WINNERS = len(_WEIGHTS)
_NEARLY_ALL = 0.95


def differences(comparison: Comparison) -> Iterator[Insight]:
    """Claims first; then the leading pair, if it is not told apart; then what has too few runs."""
    yield from _claims(comparison)
    yield from _undecided(comparison)
    yield from _too_few(comparison)


def choice(comparison: Comparison) -> Iterator[Insight]:
    """The configuration that the rule picks."""
    chosen = best_group(comparison)
    if chosen is None or chosen.centre is None or len(comparison.groups) < 2:
        return
    share = chances(comparison).get(chosen.id)
    text = f"If one has to be picked: {named(chosen)}: {centre_name(comparison)} {number(chosen.centre or 0.0)} of "
    text += counted(chosen.n, "run") + (f" ({interval(chosen.ci)})" if chosen.ci is not None else "")
    passed = passed_over(comparison, chosen)
    if passed is not None:
        text += (
            f". {named(passed)} ended {ahead(comparison)}, at {number(passed.centre or 0.0)}, but {passed.failed} of "
        )
        text += f"its {passed.tried} runs failed"
    elif share is not None:
        text += f". It is the best one with probability {likelihood(share)}"
    if chosen.n < 3:
        text += "; with so few runs nothing was tested, and the pick is optimistic"
    rivals = [group for group in comparison.best_set if group != chosen.id]
    if rivals:
        text += (
            f"; {counted(len(rivals), 'configuration')} cannot be ruled out beside it ({_listed(comparison, rivals)})"
        )
    yield Insight(
        text=f"{text}.",
        kind="choice",
        weight=90,
        claim=False,
        metric=comparison.metric,
        configs=[chosen.id, *rivals],
        n=[comparison.group(group).n for group in (chosen.id, *rivals)],
        ci=chosen.ci,
        method="Hsu's best set, least failures, best mean; posterior of the means, Student's t",
        runs=counted_runs(comparison, chosen.id, *rivals),
        picture="groups",
        caveats=[] if chosen.n >= 3 else ["fewer than 3 runs: nothing was tested, and the pick is optimistic"],
        more={"wins": share, "command": rerun(typical_run(chosen))},
    )


def _claims(comparison: Comparison) -> Iterator[Insight]:
    beaten: dict[str, list[Claim]] = defaultdict(list)
    for claim in comparison.claims:
        if claim.verdict == "better":
            beaten[claim.a].append(claim)
        elif claim.verdict == "worse":
            beaten[claim.b].append(_turned(claim))
    for at, winner in enumerate(sorted(beaten, key=lambda group: -len(beaten[group]))[:_MOST_WINNERS]):
        yield _claimed(comparison, winner, sorted(beaten[winner], key=lambda one: abs(one.delta or 0.0)), _WEIGHTS[at])


def _claimed(comparison: Comparison, winner: str, claims: Sequence[Claim], weight: float) -> Insight:
    """`winner` against all that it is better than; the numbers are those of the nearest of them."""
    nearest = claims[0]
    losers = [claim.b for claim in claims]
    means = [number(comparison.group(group).centre or 0.0) for group in (winner, losers[0])]
    text = f"{named(comparison.group(winner))} is better than {_listed(comparison, losers)}"
    text += f": {label(comparison.metric)} {means[0]} against {means[1]}" + (
        " of the nearest" if len(losers) > 1 else ""
    )
    return Insight(
        text=f"{text} ({_numbers(nearest)}){_read(claims)}.",
        kind="difference",
        weight=weight,
        claim=True,
        metric=comparison.metric,
        configs=[winner, *losers],
        n=[comparison.group(group).n for group in (winner, *losers)],
        diff=nearest.delta,
        ci=nearest.ci,
        p=nearest.p_adjusted,
        method=nearest.test,
        runs=counted_runs(comparison, winner, *losers),
        picture="claims",
        caveats=["the intervals assume a noise that is about normal", *doubts(comparison)],
        more={"effect": nearest.effect, "against": losers[0]},
    )


def _turned(claim: Claim) -> Claim:
    """The same claim seen from b."""
    return replace(
        claim,
        a=claim.b,
        b=claim.a,
        n_a=claim.n_b,
        n_b=claim.n_a,
        delta=None if claim.delta is None else -claim.delta,
        ci=None if claim.ci is None else (-claim.ci[1], -claim.ci[0]),
        effect=None if claim.effect is None else -claim.effect,
    )


def _undecided(comparison: Comparison) -> Iterator[Insight]:
    """The two leading configurations, where no test tells them apart."""
    leading = [group.id for group in comparison.groups if group.n][:2]
    for claim in comparison.claims:
        if {claim.a, claim.b} != {*leading} or claim.verdict != "no evidence" or claim.ci is None:
            continue
        if claim.reason or {*leading} <= {*comparison.best_set}:  # else the best set has told them apart
            yield _undecided_pair(comparison, claim)


def _undecided_pair(comparison: Comparison, claim: Claim) -> Insight:
    both = _listed(comparison, [claim.a, claim.b])
    if claim.equivalent:
        text = f"{both} are practically equal: their difference lies within {number(comparison.rope)}"
        text += f" of zero ({_numbers(claim)})"
    elif claim.reason:
        text = f"{both} are not ranked, although their means differ ({_numbers(claim)}): {claim.reason}"
    else:
        text = f"{both} are not distinguishable in {label(comparison.metric)} ({_numbers(claim)})"
        if claim.seeds_needed is not None:
            text += f"; a difference of this size would take {claim.seeds_needed} runs on each side to show"
    text += _read([claim]) if not claim.reason else ""
    return Insight(
        text=f"{text}.",
        kind="equivalent" if claim.equivalent else "undecided",
        weight=85,
        claim=bool(claim.equivalent),
        metric=comparison.metric,
        configs=[claim.a, claim.b],
        n=[claim.n_a, claim.n_b],
        diff=claim.delta,
        ci=claim.ci,
        p=claim.p_adjusted,
        method=claim.test,
        runs=counted_runs(comparison, claim.a, claim.b),
        picture="claims",
        caveats=[claim.reason] if claim.reason else ["not distinguishable is not the same as equal"],
        more={"seeds_needed": claim.seeds_needed},
    )


def _too_few(comparison: Comparison) -> Iterator[Insight]:
    few = [claim for claim in comparison.claims if claim.verdict == "too few runs"]
    if not few:
        return
    groups = [group for group in comparison.groups if 0 < group.n < 3]
    needed = [claim.seeds_needed for claim in few if claim.seeds_needed is not None]
    text = f"Nothing is claimed about {len(few)} of {counted(len(comparison.claims), 'pair')}: "
    text += f"{counted(len(groups), 'configuration has', 'configurations have')} fewer than 3 counted runs"
    if needed:
        text += f". To show differences of the size seen would take {min(needed)} runs on each side for the largest"
    yield Insight(
        text=f"{text}.",
        kind="too few runs",
        weight=82,
        claim=False,
        metric=comparison.metric,
        configs=[group.id for group in groups],
        n=[group.n for group in groups],
        method="at least 3 counted runs on each side; statsmodels power analysis",
        runs=counted_runs(comparison, *(group.id for group in groups)) if groups else [],
        picture="groups",
        caveats=["the power analysis takes the difference seen for the true one"],
        more={"seeds_needed": min(needed, default=None)},
    )


def _read(claims: Sequence[Claim]) -> str:
    """At which step of how many, where some of the runs were read before most runs end."""
    first, most = min(claim.read_at[0] for claim in claims), max(claim.read_at[2] for claim in claims)
    last = max(claim.read_at[1] for claim in claims)
    if first >= _NEARLY_ALL * most:
        return ""
    return f", read at step {first if first == last else f'{first} to {last}'} of {most}"


def _listed(comparison: Comparison, groups: Sequence[str]) -> str:
    return listed([named(comparison.group(group)) for group in groups])


def _numbers(claim: Claim) -> str:
    of = "" if claim.centre == "mean" else f" of the {claim.centre}s"
    parts = [f"difference{of} {number(claim.delta or 0.0)}"]
    if claim.ci is not None:
        parts.append(interval(claim.ci))
    if claim.p_adjusted is not None:
        parts.append(p_value(claim.p_adjusted))
    return "; ".join([*parts, f"n = {claim.n_a} and {claim.n_b}"])
