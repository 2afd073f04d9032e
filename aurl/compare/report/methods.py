"""By which rules and library calls a comparison was computed, for whoever wants to check it."""

from __future__ import annotations

from collections.abc import Iterator

from aurl.compare.impact.interactions import METHOD as PAIRS
from aurl.compare.insights.insight import percent
from aurl.compare.model import Comparison
from aurl.compare.reading import where


def methods(comparison: Comparison) -> Iterator[str]:
    """One sentence a step, only those that were taken."""
    yield (
        f"Runs are read {where(comparison.reading)}. Value of a run: interquartile mean of {comparison.metric} over "
        f"the last {percent(comparison.share)} of the steps until there; never the last step or the best value."
        if comparison.reading.kind != "best"
        else f"Value of a run: the best {comparison.metric} that it reached, which is too good by chance."
    )
    yield "Configuration: runs that differ in nothing but the seed. Interval of a mean: Student's t."
    tests = sorted({claim.test for claim in comparison.claims if claim.p is not None})
    yield from (f"Differences: {test}. A claim needs both p values below 0.05 and 3 runs a side." for test in tests)
    if comparison.best_set:
        yield "Best set: Hsu's multiple comparisons with the best, 95 %."
    if comparison.failures:
        yield "Failure rates: scipy.stats.fisher_exact, Holm over all pairs."
    if comparison.impact.rows:
        yield f"Importance: {comparison.impact.rows[0]['method']}."
    if comparison.impact.r2 is not None:
        yield (
            "Intervals of importance: 96 functions drawn from the posterior, kernels by elliptical slice sampling; of "
            "a forest 16 bootstrap refits. Shares are over the observed range of each setting; they are shown only "
            "where configurations left out are predicted with R2 of 0.5 or more."
        )
        yield f"Interactions: {PAIRS}; both must agree."
    if comparison.impact.diverging:
        yield "Settings of failed runs: scipy.stats.mannwhitneyu or fisher_exact, Holm over the settings."
    if len(comparison.objectives) > 1:
        yield "Pareto front: means of configurations; one leaves it only if beaten beyond Welch's 95 % interval."
