"""What flows through a comparison: runs, groups of them, claims, and the whole.

Conventions: a metric's value is in the metric's own unit; steps are optimiser steps; durations are seconds; intervals
are 95 % and `(low, high)`; a number that is not known is None, never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.compare.run_data import Readout, RunData
from aurl.record import Json

Mode: TypeAlias = Literal["min", "max"]
Verdict: TypeAlias = Literal["better", "worse", "no evidence", "too few runs"]
Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """The smoothed curve of a group.

    Attributes:
        steps: int64, shape (points,), at most 200.
        mean: mean over the runs that have a value there, shape (points,).
        low, high: 95 % t interval of that mean; equal to the mean where there are fewer than two runs.
    """

    steps: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Runs that differ in nothing but the seed.

    Attributes:
        id: what sets it apart, such as `model=vae, optim.lr=0.001`.
        config: the same, by key: only keys that vary over the comparison.
        runs: all of them, by path.
        values: the final of the metric of each counted run, by run id.
        mean, median, iqm: of `values`; None without any. The interquartile mean drops a quarter at each end.
        ci: 95 % interval of the mean (Student t); None with fewer than two runs.
        iqm_ci: 95 % interval of the interquartile mean; None with fewer than three runs.
        centre: the mean, or the interquartile mean where tails are heavy: groups are ranked and tested by it.
        failed: how many runs failed, of `tried` that either failed or were counted.
        band: the smoothed curve; None without a counted run, and in a comparison of more than 100 groups.
    """

    id: str
    config: Mapping[str, Json]
    runs: tuple[RunData, ...]
    values: Mapping[str, float]
    mean: float | None = None
    median: float | None = None
    iqm: float | None = None
    ci: Interval | None = None
    iqm_ci: Interval | None = None
    centre: float | None = None
    failed: int = 0
    band: Band | None = None

    @property
    def n(self) -> int:
        """How many runs are counted."""
        return len(self.values)

    @property
    def tried(self) -> int:
        """How many runs either failed or were counted."""
        return self.n + self.failed


@dataclass(frozen=True, slots=True)
class Claim:
    """What the data say about two groups.

    Attributes:
        a, b: ids of groups; with a baseline, b is it, otherwise a has the better mean.
        delta: mean of a minus mean of b.
        ci: 95 % interval of delta, adjusted for the family of claims; None with too few runs.
        p: of the pair's own test; `p_adjusted`: of the family's test. A claim needs both below 0.05.
        effect: Hedges' g, positive where a is the better one; None where the spread is zero or not known.
        effect_ci: `ci` in the unit of `effect`.
        test: the tests by name, with the library's functions that computed them.
        verdict: how a compares with b.
        reason: why no claim is made although p might suggest one, or is withheld; empty otherwise.
        equivalent: with a ROPE, whether the interval lies inside it (TOST), so that the two are practically equal.
        seeds_needed: runs on each side that would show a difference of this size with power 0.8; None where a
            claim is made, or where the difference is too small for the question to make sense.
        read_at: the earliest and the latest step at which any of their runs is read, and the step that most runs ended
            at or were planned for.
        centre: what `delta` is the difference of: "mean", or "interquartile mean" where tails are heavy.
    """

    a: str
    b: str
    delta: float | None
    ci: Interval | None
    p: float | None
    p_adjusted: float | None
    effect: float | None
    test: str
    n_a: int
    n_b: int
    verdict: Verdict
    effect_ci: Interval | None = None
    reason: str = ""
    equivalent: bool | None = None
    seeds_needed: int | None = None
    read_at: tuple[int, int, int] = (0, 0, 1)
    centre: str = "mean"


@dataclass(frozen=True, slots=True)
class FailureTest:
    """Whether two groups fail at different rates; listed only where the observed rates differ.

    Attributes:
        a, b: ids of groups; a fails more often.
        failed_a, tried_a, failed_b, tried_b: counts.
        p: two-sided Fisher's exact test; p_adjusted: Holm over all groups' pairs.
    """

    a: str
    b: str
    failed_a: int
    tried_a: int
    failed_b: int
    tried_b: int
    p: float
    p_adjusted: float


@dataclass(frozen=True, slots=True)
class Impact:
    """What the hyperparameters do to the metric; what cannot be said is in the notes.

    Attributes:
        rows: `{"param", "importance", "ci", "method"}` for each varying key (or for keys that always changed together,
            joined by " & "), most important first; empty where there is not enough evidence.
        interactions: `{"params": [a, b], "strength", "ci", "p", "method"}`, and the surface that they make:
            `"x"`, `"y"` (settings of a and b) and `"z"` (the metric, a row for each y).
        effects: by param, the metric's mean over its settings: `{"x", "y", "low", "high", "log"}`, four of them lists.
        notes: what was left out and why, in sentences.
        r2: of the surrogate, for configurations left out; None for a grid.
        tests: by param, the Holm-adjusted p of a grid's F test; empty for a surrogate.
        cross: by param, the importance by the other surrogate, where that one predicts too.
        diverging: settings on which failures depend, see `aurl.compare.statistics.diverging.Diverging`; `unit` says
            whether runs or configurations are counted.
    """

    rows: tuple[Mapping[str, Json], ...] = ()
    interactions: tuple[Mapping[str, Json], ...] = ()
    effects: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    r2: float | None = None
    tests: Mapping[str, float] = field(default_factory=dict)
    cross: Mapping[str, float] = field(default_factory=dict)
    diverging: tuple[Mapping[str, Json], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The whole answer.

    Attributes:
        metric, mode: what is compared, and which direction is better.
        groups: best mean first; groups without a value last.
        runs: every run that was found, by path.
        differences: by varying key, the values that occur.
        confounded: sets of varying keys that always change together and so cannot be told apart.
        claims: the tests, see `Claim`.
        failures: groups that fail at different rates.
        best_set: ids of the groups that are not shown to be worse than the best (Hsu's multiple comparisons with the
            best, 95 %); empty without a group of three runs.
        baseline: id of the group that the others are compared with, or None.
        rope: half width of the region of practical equivalence, in the unit of the metric; 0 for none.
        budget: the step up to which runs are compared; `reading` says how.
        share: the last share of the budget over which finals are taken.
        target: the value for steps and time to a target, or None.
        objectives: names of the scalars in `finals` that are worth weighing against each other, with their direction;
            the metric first.
        impact, pareto, best, insights: see aurl/compare/impact/importance.py, pareto.py, insights.py.
        warnings: what was left out, repaired or assumed, in sentences.
    """

    metric: str
    mode: Mode
    groups: tuple[Group, ...]
    runs: tuple[RunData, ...]
    differences: Mapping[str, tuple[Json, ...]]
    confounded: tuple[tuple[str, ...], ...] = ()
    claims: tuple[Claim, ...] = ()
    failures: tuple[FailureTest, ...] = ()
    best_set: tuple[str, ...] = ()
    baseline: str | None = None
    rope: float = 0.0
    budget: int = 0
    reading: Readout = field(default_factory=Readout)
    share: float = 0.1
    target: float | None = None
    objectives: Mapping[str, Mode] = field(default_factory=dict)
    impact: Impact = field(default_factory=Impact)
    pareto: tuple[str, ...] = ()
    best: Mapping[str, Json] = field(default_factory=dict)
    insights: tuple[Mapping[str, Json], ...] = ()
    warnings: tuple[str, ...] = ()

    def better(self, first: float, second: float) -> bool:
        """Whether the first value of the metric is strictly better than the second."""
        return first < second if self.mode == "min" else first > second

    def run(self, run_id: str) -> RunData:
        """The run of this id.

        Raises:
            KeyError: there is none.
        """
        found = next((run for run in self.runs if run.id == run_id), None)
        if found is None:
            raise KeyError(run_id)
        return found

    def group(self, group_id: str) -> Group:
        """The group of this id.

        Raises:
            KeyError: there is none.
        """
        found = next((group for group in self.groups if group.id == group_id), None)
        if found is None:
            raise KeyError(group_id)
        return found
