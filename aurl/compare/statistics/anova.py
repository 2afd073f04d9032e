"""Analysis of variance of a grid: every combination of a few settings was run, most of them with several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.compare.model import Interval
from aurl.compare.search_space import Setting, spell
from aurl.compare.statistics.holm import holm
from aurl.show.arrays import Floats

Codes: TypeAlias = NDArray[np.int_]
LEVEL = 0.05
_MOST_LEVELS, _MOST_CELLS, _FEWEST_SPARE = 12, 400, 3
_MATCHED, _MOST_PAIRED = 0.8, 6


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
        return f"ANOVA, nested F tests by statsmodels OLS{block}; omega squared, interval by scipy.stats.ncf"


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
    names = tuple(columns)
    codes = np.array([_codes(columns[name]) for name in names])
    seeded = _codes(seeds)
    pairs = tuple(combinations(range(len(names)), 2)) if _replicated(codes) else ()
    design = _Design(y, names, codes, pairs, seeded if _same_seeds(codes, seeded) else None)
    full = design.fit()
    settings = _holm([design.test(full, (place,)) for place in range(len(names))])
    return Grid(
        settings=tuple(sorted(settings, key=lambda effect: -effect.share)),
        pairs=tuple(sorted(_holm([design.test(full, pair) for pair in pairs]), key=lambda effect: -effect.share)),
        means={name: _means(y, columns[name], codes, place, full) for place, name in enumerate(names)},
        noise=float(np.sqrt(full.mse_resid)),
        blocked=design.seeds is not None,
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


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """N runs, their D settings as codes [D, N], the pairs in the model, and the seeds' codes where they are blocks."""

    y: Floats
    names: tuple[str, ...]
    codes: Codes
    pairs: tuple[tuple[int, int], ...]
    seeds: Codes | None

    def fit(self, without: tuple[int, ...] = ()) -> Any:
        """Ordinary least squares on every term that these settings, all of them together, take no part in."""
        from statsmodels.api import OLS

        alone = [contrasts(codes) for codes in self.codes]
        terms = [columns for place, columns in enumerate(alone) if not without or not {*without} <= {place}]
        for first, second in self.pairs:
            if not without or not {*without} <= {first, second}:
                terms.append((alone[first][:, :, None] * alone[second][:, None, :]).reshape(len(self.y), -1))
        blocks = [] if self.seeds is None else [contrasts(self.seeds)]
        return OLS(self.y, np.hstack([np.ones((len(self.y), 1)), *terms, *blocks])).fit()

    def test(self, full: Any, places: tuple[int, ...]) -> Effect:
        """Everything that one setting takes part in, or what two do only together, against the model without it."""
        f, p, df = (float(number) for number in full.compare_f_test(self.fit(without=places)))
        spare, rest = int(full.df_resid), float(full.mse_resid / full.centered_tss)
        share, ci = omega_squared(f, int(df), spare, rest, len(self.y))
        return Effect(tuple(self.names[place] for place in places), share, ci, f, int(df), spare, p)


def contrasts(codes: Codes) -> Floats:
    """Columns [N, levels - 1] that each sum to zero over the levels; the last level is -1 in all of them."""
    levels = int(codes.max()) + 1
    columns: Floats = np.vstack([np.eye(levels - 1), -np.ones(levels - 1)])[codes]
    return columns


def _holm(effects: Sequence[Effect]) -> list[Effect]:
    if not effects:
        return []
    adjusted = holm([effect.p for effect in effects])
    return [replace(effect, p=p) for effect, p in zip(effects, adjusted, strict=True)]


def _means(y: Floats, settings: Sequence[Setting], codes: Codes, place: int, full: Any) -> tuple[Mean, ...]:
    """Mean of the cells' means by level, and the interval that the residual noise gives it."""
    from scipy.stats import t

    cells, members = np.unique(codes, axis=1, return_inverse=True)
    sizes = np.bincount(members.reshape(-1))
    averages = np.bincount(members.reshape(-1), weights=y) / sizes
    half = float(t.ppf(0.975, full.df_resid)) * float(np.sqrt(full.mse_resid))
    found = []
    for code, level in enumerate(_levels(settings)):
        inside = cells[place] == code
        mean, error = float(averages[inside].mean()), float(np.sqrt((1 / sizes[inside]).sum()) / inside.sum())
        found.append((level, mean, (mean - half * error, mean + half * error)))
    return tuple(found)


def _levels(settings: Sequence[Setting]) -> list[Setting]:
    """The settings that occur, numbers by size and first."""
    return sorted({spell(setting): setting for setting in settings}.values(), key=_order)


def _codes(settings: Sequence[Setting]) -> Codes:
    places = {spell(level): place for place, level in enumerate(_levels(settings))}
    return np.array([places[spell(setting)] for setting in settings])


def _order(setting: Setting) -> tuple[bool, float, str]:
    number = isinstance(setting, (int, float))
    return not number, float(setting) if number else 0.0, spell(setting)


def _same_seeds(codes: Codes, seeds: Codes) -> bool:
    """Whether the combinations ran with the same seeds, but for a fifth of the runs that may be missing."""
    cells, drawn = np.unique(codes, axis=1).shape[1], int(seeds.max()) + 1
    once = np.unique(np.vstack([codes, seeds]), axis=1).shape[1] == len(seeds)
    return once and drawn > 1 and len(seeds) >= _MATCHED * cells * drawn


def _replicated(codes: Codes) -> bool:
    """Whether the noise can be told from interactions: on average, combinations ran twice."""
    cells = np.unique(codes, axis=1).shape[1]
    return codes.shape[1] >= 2 * cells and len(codes) <= _MOST_PAIRED
