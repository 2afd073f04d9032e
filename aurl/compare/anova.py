"""Analysis of variance of a grid: every combination of a few settings was run, most of them with several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from aurl.compare.model import Interval
from aurl.compare.search_space import Floats, Setting, spell

LEVEL = 0.05
_MOST_LEVELS, _MOST_CELLS, _FEWEST_SPARE = 12, 400, 3
_MATCHED = 0.8


@dataclass(frozen=True, slots=True)
class Effect:
    """What one term of the model explains.

    Attributes:
        names: one setting, with everything that it takes part in; or two, for what they do only together.
        share: omega squared: the share of the metric's variance in the population of runs, at least 0.
        ci: 95 % interval of the share, from the noncentral F distribution.
        f, df, spare: the F statistic and its degrees of freedom.
        p: of the F test, Holm-adjusted over the settings, or over the pairs.
    """

    names: tuple[str, ...]
    share: float
    ci: Interval
    f: float
    df: int
    spare: int
    p: float


Mean: TypeAlias = tuple[Setting, float, Interval]
"""A level, the mean at it, and the interval of that mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A grid analysed.

    Attributes:
        settings: an `Effect` a setting, largest share first.
        pairs: an `Effect` a pair of settings; empty where no combination was run twice.
        means: by setting, level and mean with its 95 % interval, all combinations of the others weighing the same.
        noise: standard deviation of what is left.
        blocked: whether the combinations ran with the same seeds, whose effect is then taken out.
    """

    settings: tuple[Effect, ...]
    pairs: tuple[Effect, ...]
    means: Mapping[str, tuple[Mean, ...]]
    noise: float
    blocked: bool

    @property
    def method(self) -> str:
        """The library calls that computed it."""
        block = ", seeds as blocks" if self.blocked else ""
        return f"ANOVA, statsmodels anova_lm(typ=2){block}; omega squared, interval by scipy.stats.ncf"


def is_grid(columns: Mapping[str, Sequence[Setting]]) -> bool:
    """Whether every combination of the levels was run, with at least three runs to spare for the noise."""
    levels = {name: {spell(setting) for setting in settings} for name, settings in columns.items()}
    sizes = [len(found) for found in levels.values()]
    if not sizes or max(sizes) > _MOST_LEVELS or (cells := int(np.prod(sizes))) > _MOST_CELLS:
        return False
    rows = list(zip(*([spell(setting) for setting in settings] for settings in columns.values()), strict=True))
    terms = 1 + sum(size - 1 for size in sizes)
    return len(set(rows)) == cells and len(rows) - terms >= _FEWEST_SPARE


def analyse(columns: Mapping[str, Sequence[Setting]], y: Floats, seeds: Sequence[Setting]) -> Grid:
    """Analyse N runs of a grid.

    Pairs are in the model where combinations were run again; otherwise they are the noise, which makes the tests
    careful.

    Args:
        columns: settings by key, for which `is_grid` holds.
        y: the metric [N], finite.
        seeds: the seed of each run.
    """
    import pandas as pd

    names = list(columns)
    frame = pd.DataFrame({f"p{place}": [spell(s) for s in columns[name]] for place, name in enumerate(names)})
    frame = frame.assign(y=y, seed=[spell(seed) for seed in seeds])
    pairs = list(combinations(range(len(names)), 2)) if _replicated(frame, len(names)) else []
    design = _Design(frame, tuple(names), pairs, _same_seeds(frame, len(names)))
    full = design.fit()
    settings = _holm([design.setting(full, place) for place in range(len(names))])
    return Grid(
        settings=tuple(sorted(settings, key=lambda effect: -effect.share)),
        pairs=tuple(sorted(_holm(design.together(full)), key=lambda effect: -effect.share)),
        means={name: _means(frame, columns[name], place, full) for place, name in enumerate(names)},
        noise=float(np.sqrt(full.mse_resid)),
        blocked=design.blocked,
    )


def omega_squared(f: float, df: int, spare: int, rest: float, n: int) -> tuple[float, Interval]:
    """The share of variance of a term, and its 95 % interval.

    Omega squared is df (F - 1) r / (1 + r) with r = residual mean square / total sum of squares. The interval is that
    of the noncentrality L of F, turned into a share (L / N) / (L / N + o), where o is what all else contributes.

    Args:
        f: its F statistic, with `df` and `spare` degrees of freedom.
        rest: r.
        n: runs.

    Source: Steiger, "Beyond the F test", Psychological Methods 9, 2004.
    """
    share = min(1.0, max(0.0, df * (f - 1) * rest / (1 + rest)))
    others = max(1.0, (1 + rest) / (n * rest) - df * max(0.0, f - 1) / n)
    ends = [_noncentrality(f, df, spare, level) / n for level in (0.975, 0.025)]
    low, high = (end / (end + others) for end in ends)
    return share, (min(low, share), max(high, share))


def _noncentrality(f: float, df: int, spare: int, level: float) -> float:
    """The noncentrality at which the observed F is at this quantile; 0 where even the central F lies above."""
    from scipy.optimize import brentq
    from scipy.stats import ncf

    def excess(noncentrality: float) -> float:
        return float(ncf.cdf(f, df, spare, noncentrality)) - level

    if not f > 0 or excess(0.0) <= 0:
        return 0.0
    top = 10.0 + 4 * df * f
    while excess(top) > 0 and top < 1e6:
        top *= 2
    return float(brentq(excess, 0.0, top)) if excess(top) <= 0 else top


@dataclass(frozen=True, slots=True)
class _Design:
    """The runs as a data frame (p0, p1, ..., y, seed), and which terms the model has."""

    frame: Any
    names: tuple[str, ...]
    pairs: Sequence[tuple[int, int]]
    blocked: bool

    def fit(self, without: int | None = None) -> Any:
        """Ordinary least squares of y on every term, or on those that one setting takes no part in."""
        from statsmodels.formula.api import ols

        terms = [_term(place) for place in range(len(self.names)) if place != without]
        terms += [_term(*pair) for pair in self.pairs if without not in pair]
        terms += ["C(seed, Sum)"] * self.blocked
        return ols("y ~ " + (" + ".join(terms) or "1"), self.frame).fit()

    def setting(self, full: Any, place: int) -> Effect:
        """Everything that a setting takes part in, against the model without it."""
        f, p, df = full.compare_f_test(self.fit(without=place))
        return self._effect(full, (place,), f, df, p)

    def together(self, full: Any) -> list[Effect]:
        """What each pair does only together."""
        from statsmodels.stats.anova import anova_lm

        if not self.pairs:
            return []
        table = anova_lm(full, typ=2)
        rows = [(pair, table.loc[_term(*pair)]) for pair in self.pairs]
        return [self._effect(full, pair, row["F"], row["df"], row["PR(>F)"]) for pair, row in rows]

    def _effect(self, full: Any, places: Sequence[int], f: float, df: float, p: float) -> Effect:
        spare, rest = int(full.df_resid), float(full.mse_resid / full.centered_tss)
        share, ci = omega_squared(float(f), int(df), spare, rest, len(self.frame))
        return Effect(tuple(self.names[place] for place in places), share, ci, float(f), int(df), spare, float(p))


def _term(*places: int) -> str:
    return ":".join(f"C(p{place}, Sum)" for place in places)


def _holm(effects: Sequence[Effect]) -> list[Effect]:
    from statsmodels.stats.multitest import multipletests

    if not effects:
        return []
    adjusted = multipletests([effect.p for effect in effects], method="holm")[1]
    return [replace(effect, p=float(p)) for effect, p in zip(effects, adjusted, strict=True)]


def _means(frame: Any, settings: Sequence[Setting], place: int, full: Any) -> tuple[Mean, ...]:
    """Mean of the cells' means by level, and the interval that the residual noise gives it."""
    from scipy.stats import t

    sides = [column for column in frame.columns if column.startswith("p")]
    cells = frame.groupby(sides)["y"].agg(["mean", "size"]).reset_index()
    shown = {spell(setting): setting for setting in settings}
    found = []
    for level, rows in cells.groupby(f"p{place}"):
        mean, error = float(rows["mean"].mean()), float(np.sqrt(full.mse_resid * (1 / rows["size"]).sum())) / len(rows)
        half = float(t.ppf(0.975, full.df_resid)) * error
        found.append((shown[str(level)], mean, (mean - half, mean + half)))
    return tuple(sorted(found, key=lambda row: _order(row[0])))


def _order(setting: Setting) -> tuple[bool, float, str]:
    number = isinstance(setting, (int, float))
    return not number, float(setting) if number else 0.0, spell(setting)


def _same_seeds(frame: Any, sides: int) -> bool:
    """Whether the combinations ran with the same seeds, but for a fifth of the runs that may be missing."""
    cells = frame.groupby([f"p{place}" for place in range(sides)])["seed"].agg(["nunique", "size"])
    seeds = frame["seed"].nunique()
    once = bool((cells["nunique"] == cells["size"]).all())
    return once and seeds > 1 and len(frame) >= _MATCHED * len(cells) * seeds


def _replicated(frame: Any, sides: int) -> bool:
    """Whether the noise can be told from interactions: on average, combinations ran twice."""
    cells = frame.groupby([f"p{place}" for place in range(sides)]).size()
    return bool(len(frame) >= 2 * len(cells)) and sides <= 6
