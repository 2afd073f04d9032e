"""The answer in three lines: which configuration, how sure that is, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from aurl.compare.insights.insight import likelihood, listed, named, number
from aurl.compare.model import Claim, Comparison, Group
from aurl.compare.reading import UNFINISHED, where
from aurl.compare.statistics.best import ahead, best_group, centre_name, chances, passed_over, rerun, typical_run
from aurl.show.wording import counted

_FEWEST = 3
_FRESH_SEEDS = 5
_MANY = 30
_NEARLY_ALL = 0.95


def answer(comparison: Comparison) -> tuple[str, str, str]:
    """Three lines; what would turn the first one round stands in it or in the second."""
    chosen = best_group(comparison)
    if chosen is None or chosen.centre is None:
        failed = sum(run.fate == "failed" for run in comparison.runs)
        return (
            "Best: nothing can be said, for no run counts.",
            f"How sure: {failed} of {counted(len(comparison.runs), 'run')} failed, the others are left out.",
            "Next: see below why, and run again.",
        )
    return (
        f"Best: {_first(comparison, chosen)}.",
        f"How sure: {_sure(comparison, chosen)}.",
        f"Next: {_next(comparison, chosen)}.",
    )


def _first(comparison: Comparison, chosen: Group) -> str:
    told = f"{named(chosen)}, {centre_name(comparison)} {number(chosen.centre or 0.0)} of {counted(chosen.n, 'run')}"
    if chosen.failed:
        told += f" ({chosen.failed} more failed)"
    passed = passed_over(comparison, chosen)
    if passed is not None:
        told += (
            f"; {named(passed)} ended {ahead(comparison)}, at {number(passed.centre or 0.0)}, but {passed.failed} of "
        )
        told += f"its {passed.tried} runs failed"
    reading = comparison.reading
    if reading.kind != "budget" or reading.early or reading.step < _NEARLY_ALL * reading.of:
        short = reading.kind == "budget" and reading.step < _NEARLY_ALL * reading.of
        told += f"; read {where(reading)}" + (f", most runs having {reading.of} steps" if short else "")
    return told


def _sure(comparison: Comparison, chosen: Group) -> str:
    doubt = list(_doubts(comparison))
    if len(comparison.groups) < 2:
        told = "there is nothing to compare it with"
    elif chosen.id not in comparison.best_set:
        told = f"not tested, for that takes {_FEWEST} runs of each configuration"
    else:
        rivals = [group for group in comparison.groups if group.id in comparison.best_set and group.id != chosen.id]
        share = chances(comparison).get(chosen.id)
        told = "" if share is None or passed_over(comparison, chosen) else f"probability {likelihood(share)}; "
        told += (
            f"not ruled out: {listed([named(group) for group in rivals])}"
            if rivals
            else "all others are ruled out (95 %)"
        )
        few = sum(group.n < _FEWEST for group in comparison.groups)
        told += f"; {counted(few, 'configuration has', 'configurations have')} too few runs to say" if few else ""
    return "; ".join([told, *doubt])


def _doubts(comparison: Comparison) -> Iterator[str]:
    counts = [run for run in comparison.runs if run.fate == "counted"]
    if counts and all(run.status in UNFINISHED for run in counts):
        yield "provisional, no run has finished"
    if any("not the same sum" in warning for warning in comparison.warnings):
        yield "the metric is not the same sum in all runs"
    if any("identical to the last digit" in warning for warning in comparison.warnings):
        yield "runs of one configuration are identical, so that there is no noise to judge by"


def _next(comparison: Comparison, chosen: Group) -> str:
    rivals = [group for group in comparison.groups if group.id in comparison.best_set and group.id != chosen.id]
    few = [group for group in comparison.groups if group.n < _FEWEST]
    if len(comparison.groups) < 2:
        return "vary a setting, with the same three seeds or more for each value"
    if chosen.id not in comparison.best_set:
        return f"run the first of them with {_FRESH_SEEDS} fresh seeds each, the same for all, and compare only those"
    if rivals:
        needed = _needed(comparison, chosen)
        runs = f"about {counted(needed, 'run')} of each" if needed else f"{_FRESH_SEEDS} fresh seeds of each"
        return f"{runs} of {listed([named(group) for group in [chosen, *rivals]])} would tell more, on the same seeds"
    if few:
        return f"give the {counted(len(few), 'configuration')} with few runs {_FEWEST} seeds or more"
    command = rerun(typical_run(chosen))
    return f"use it, or go on from it: {command}" if command else "use it, or go on from it"


def _needed(comparison: Comparison, chosen: Group) -> int | None:
    """Runs on each side to tell the chosen one from the nearest rival; None where that is not known, or too many."""

    def about(claim: Claim) -> bool:
        return chosen.id in {claim.a, claim.b} and {claim.a, claim.b} <= {*comparison.best_set}

    known = [claim.seeds_needed for claim in comparison.claims if about(claim) and claim.seeds_needed]
    return min(known) if known and min(known) <= _MANY else None
