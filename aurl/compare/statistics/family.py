"""Tests of all differences within one family of groups, over any number of simulated sweeps at once.

Suffixes name shapes: B sweeps, G groups, S seeds (columns of a matched design, places in an unmatched one), P pairs of
groups. `x_bgs` holds the final of each run; NaN where a group has no run, in the same places in all sweeps.

The rule for "a is better than b" needs both of two tests, each at 5 % (the second at 3 % among more than six unmatched
groups, see `own_level`):

- of the family, with one estimate of the noise from all groups. Matched seeds: least squares on group and seed, so
  that what a seed does to every group alike is no noise. All pairs: Tukey (1953) and Kramer (1956), by the studentised
  range; against a baseline: Dunnett (1955, JASA 50).
- of the pair alone, which holds where one group is far noisier than the others: `ttest_rel` on the seeds that both
  have, or Welch's `ttest_ind(equal_var=False)`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, optimize, stats

from aurl.compare.cache import recall, remember
from aurl.compare.statistics.dunnett import dunnett_critical, dunnett_sf

Floats = NDArray[np.float64]
Pairs = Sequence[tuple[int, int]]
ALPHA = 0.05
FEWEST = 3
_MANY_GROUPS = 6
_FEW = 32
_NODES = np.concatenate([np.arange(0.0, 12.0, 0.25), [12.0, 14.0, 17.0, 20.0, 30.0, 60.0]])
_SMALLEST_P = 1e-12


class Fit(NamedTuple):
    """Group effects with their common noise.

    Attributes:
        effects_bg: mean of each group, of matched designs up to a constant that all groups share.
        covariance_gg: of the effects, in units of the noise's variance.
        sigma_b: standard deviation of the noise.
        df: its degrees of freedom.
    """

    effects_bg: Floats
    covariance_gg: Floats
    sigma_b: Floats
    df: int


class Differences(NamedTuple):
    """The differences a - b of pairs of groups.

    Attributes:
        delta_bp: estimated differences.
        se_bp: their standard errors.
        p_pair_bp: two-sided p of the pair's own test.
        critical: half width of the simultaneous 95 % intervals, in standard errors.
        level: of the pair's own test.
    """

    delta_bp: Floats
    se_bp: Floats
    p_pair_bp: Floats
    critical: float
    level: float

    @property
    def shown_bp(self) -> NDArray[np.bool_]:
        """Whether a and b are shown to differ: the interval excludes 0, and the pair's own test agrees."""
        return (np.abs(self.delta_bp) > self.critical * self.se_bp) & (self.p_pair_bp < self.level) & (self.se_bp > 0)


def are_matched(x_gs: Floats) -> bool:
    """Whether every two groups share at least three seeds, and three fifths of those of the larger one.

    A seed that only one group has says nothing about differences; where most are of that kind, runs are better compared
    as if they had none.
    """
    there = np.isfinite(x_gs).astype(int)
    shared, sizes = there @ there.T, there.sum(axis=1)
    return bool((shared >= np.maximum(FEWEST, 0.6 * np.maximum(sizes[:, None], sizes[None, :]))).all())


def fit(x_bgs: Floats, *, matched: bool) -> Fit:
    """Least squares on group, and on seed where seeds are matched."""
    there = np.isfinite(x_bgs[0])
    group, seed = np.nonzero(there)
    groups = x_bgs.shape[1]
    design = np.eye(groups)[group]
    if matched:
        seeds = np.eye(x_bgs.shape[2])[seed]
        design = np.hstack([design, seeds - seeds.mean(axis=0)])
    y_bn = x_bgs[:, group, seed]
    inverse = np.linalg.pinv(design)
    coefficients = y_bn @ inverse.T
    df = len(group) - int(np.linalg.matrix_rank(design))
    residual = y_bn - coefficients @ design.T
    sigma = np.sqrt((residual**2).sum(axis=1) / df)
    covariance = (inverse @ inverse.T)[:groups, :groups]
    return Fit(coefficients[:, :groups], covariance, sigma, df)


def differences(x_bgs: Floats, pairs: Pairs, *, matched: bool, baseline: bool) -> Differences:
    """Test these pairs.

    Args:
        baseline: the pairs are all others against one group, rather than all pairs.
    """
    found = fit(x_bgs, matched=matched)
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    c = found.covariance_gg
    variance_p = c[a, a] + c[b, b] - 2 * c[a, b]
    delta = found.effects_bg[:, a] - found.effects_bg[:, b]
    se = found.sigma_b[:, None] * np.sqrt(variance_p)
    own = _pairs_p(x_bgs, a, b, matched=matched)
    groups = x_bgs.shape[1]
    level = own_level(groups, matched=matched, baseline=baseline)
    return Differences(delta, se, own, critical(groups, found.df, baseline=baseline), level)


def own_level(groups: int, *, matched: bool, baseline: bool) -> float:
    """The level of the pair's own test.

    Twelve unmatched groups whose standard deviations span 1 to 5 would at 5 % be told apart falsely in 11 to 12 % of
    sweeps; 3 % keeps that below 11 % and costs next to no power, since there the family's test decides.
    """
    return ALPHA if matched or baseline or groups <= _MANY_GROUPS else 0.03


@lru_cache(maxsize=256)
def critical(groups: int, df: int, *, baseline: bool) -> float:
    """Half width of simultaneous 95 % intervals, in standard errors of a difference."""
    if baseline:
        return dunnett_critical(groups - 1, df, 1 - ALPHA)
    if groups <= _FEW:
        return float(stats.studentized_range.ppf(1 - ALPHA, groups, df)) / 2**0.5
    curve = interpolate.PchipInterpolator(_NODES, _log_tail(groups, df) - np.log(ALPHA))
    return float(optimize.brentq(curve, 0.0, 30.0)) / 2**0.5


def adjusted_p(t: Floats, groups: int, df: int, *, baseline: bool) -> Floats:
    """p of |t|, adjusted for the family."""
    if baseline:
        return np.array([dunnett_sf(abs(value), groups - 1, df) for value in t])
    return _range_sf(np.abs(t) * 2**0.5, groups, df)


def behind_the_best(x_bgs: Floats, *, matched: bool, lower_is_better: bool) -> NDArray[np.bool_]:
    """Whether group i is shown to be worse than group j, at [.., i, j], shape (B, G, G).

    The groups that are behind none are the best set: with 95 % confidence the truly best one is among them. Multiple
    comparisons with the best (Hsu 1984, Annals of Statistics 12), by Dunnett's one-sided critical value.
    """
    groups = x_bgs.shape[1]
    if groups == 1:
        return np.zeros((len(x_bgs), 1, 1), bool)
    found = fit(x_bgs, matched=matched)
    effects = found.effects_bg if lower_is_better else -found.effects_bg
    c = found.covariance_gg
    variance = np.diag(c)[:, None] + np.diag(c)[None, :] - 2 * c
    margin = dunnett_critical(groups - 1, found.df, 1 - ALPHA, two_sided=False) * np.sqrt(np.maximum(variance, 0.0))
    behind = effects[:, :, None] - effects[:, None, :] > margin[None] * found.sigma_b[:, None, None]
    behind[:, np.arange(groups), np.arange(groups)] = False
    return np.asarray(behind)


def _range_sf(q: Floats, groups: int, df: int) -> Floats:
    """The studentised range's tail; each value takes SciPy 10 ms, so many of them are interpolated."""
    if q.size <= _FEW:
        return np.asarray(stats.studentized_range.sf(q, groups, df), np.float64).reshape(q.shape)
    curve = interpolate.PchipInterpolator(_NODES, _log_tail(groups, df))
    return np.asarray(np.exp(curve(np.minimum(q, _NODES[-1]))), np.float64)


@lru_cache(maxsize=256)
def _log_tail(groups: int, df: int) -> Floats:
    key = f"studentized range {groups} {df}"
    known = recall([key]).get(key, b"")
    if len(known) == 8 * len(_NODES):
        return np.frombuffer(known, np.float64)
    tail = np.asarray(stats.studentized_range.sf(_NODES, groups, df), np.float64)
    found = np.log(np.maximum(tail, _SMALLEST_P))
    remember({key: found.tobytes()})
    return found


def _pairs_p(x_bgs: Floats, a: NDArray[np.int64], b: NDArray[np.int64], *, matched: bool) -> Floats:
    """p of each pair's own test, shape (B, P); one call where no run is missing."""
    if np.isfinite(x_bgs[0]).all():
        x_pbs, y_pbs = (np.swapaxes(x_bgs[:, side], 0, 1) for side in (a, b))
        flat = [part.reshape(-1, x_bgs.shape[2]) for part in (x_pbs, y_pbs)]
        return _pair_p(flat[0], flat[1], matched=matched).reshape(len(a), len(x_bgs)).T
    return np.stack([_pair_p(x_bgs[:, i], x_bgs[:, j], matched=matched) for i, j in zip(a, b, strict=True)], axis=1)


def _pair_p(x_bs: Floats, y_bs: Floats, *, matched: bool) -> Floats:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # two constant rows: p is NaN, and NaN is below no level
        if matched:
            both = np.isfinite(x_bs[0]) & np.isfinite(y_bs[0])
            p = stats.ttest_rel(x_bs[:, both], y_bs[:, both], axis=1).pvalue
        else:
            x, y = x_bs[:, np.isfinite(x_bs[0])], y_bs[:, np.isfinite(y_bs[0])]
            p = stats.ttest_ind(x, y, axis=1, equal_var=False).pvalue
    return np.asarray(p, np.float64)
