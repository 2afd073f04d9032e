"""Tests of all differences within one family of groups, over any number of simulated sweeps at once.

Suffixes name shapes: B sweeps, G groups, S seeds (columns of a matched design, places in an unmatched one), P pairs of
groups. `x_bgs` holds the final of each run; NaN where a group has no run, in the same places in all sweeps.

The rule for "a is better than b" needs both of two tests, whose larger p (each in units of its own level) is the
adjusted one:

- of the family. The variance of each group, or with matched seeds of each pair's differences, is its own, but learns
  from the others (`aurl.compare.statistics.noise`). All pairs are judged by the range of all means, as Tukey (1953)
  does; against a baseline by Dunnett's statistics (1955, JASA 50).
- of the pair alone, from nothing but its own runs: the paired t test on the seeds that both have, or Welch's, at 5 %
  (3 % among three or more unmatched groups, see `own_level`).

Two groups are one pair: there the second test alone decides. Where tails are heavy, interquartile means take the place
of means, with the variance of winsorised values (Yuen 1974), in both tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aurl.compare.statistics.multiplicity import against_one_tail, all_pairs_tail, one_sided_tail
from aurl.compare.statistics.noise import BY_GROUP, BY_PAIR, Prior, Scatter, scatters
from aurl.compare.statistics.pairing import Pairing, Pairs, grouped, paired, sides
from aurl.show.arrays import Floats

ALPHA = 0.05
FEWEST = 3
_BEST_LEVEL = 0.025  # as `own_level`, where the noisy group may be the best one
_FEWEST_FOR_TAILS, _HEAVY = 7, 3.3  # normal values of ten runs a group have 2.4
_ROUNDING = 1e-12
_MANY, _FOREMOST = 30, 5
_DOUBLINGS, _HALVINGS = 30, 13


class Differences(NamedTuple):
    """The differences a - b of pairs of groups.

    Attributes:
        delta_bp: of the means; of matched groups over the seeds that both have.
        se_bp: their standard errors, from the runs of the pair alone.
        p_pair_bp: two-sided p of the pair's own test; NaN where the runs of both groups are identical.
        adjusted_bp: p adjusted for the family; a claim is made below `ALPHA`.
        half_bp: half width of the simultaneous 95 % intervals, which leave out 0 exactly where a claim is made; NaN
            where it was not asked for.
    """

    delta_bp: Floats
    se_bp: Floats
    p_pair_bp: Floats
    adjusted_bp: Floats
    half_bp: Floats

    @property
    def shown_bp(self) -> NDArray[np.bool_]:
        """Whether a and b are shown to differ."""
        return np.asarray(self.adjusted_bp < ALPHA)


def are_matched(x_gs: Floats) -> bool:
    """Whether every two groups share at least three seeds, and three fifths of those of the larger one.

    A seed that only one group has says nothing about differences; where most are of that kind, runs are better compared
    as if they had none.
    """
    there = np.isfinite(x_gs).astype(int)
    shared, sizes = there @ there.T, there.sum(axis=1)
    return bool((shared >= np.maximum(FEWEST, 0.6 * np.maximum(sizes[:, None], sizes[None, :]))).all())


def differences(
    x_bgs: Floats,
    pairs: Pairs,
    *,
    matched: bool,
    baseline: bool,
    intervals: bool = False,
    prior: Prior | None = None,
) -> Differences:
    """Test these pairs: differences of means, or of interquartile means in sweeps with heavy tails.

    Args:
        baseline: the pairs are all others against one group, rather than some of all pairs.
        intervals: whether to work out the half widths too.
        prior: how the variances may scatter; by default `BY_PAIR` of matched groups and `BY_GROUP` of others.
    """
    heavy = heavy_tailed(x_bgs, matched=matched)
    parts = [np.flatnonzero(heavy == trimmed) for trimmed in (False, True)]
    ask = _Asked(pairs, matched, baseline, intervals, prior)
    found = [_tested(x_bgs[rows], ask, trimmed=bool(at)) for at, rows in enumerate(parts) if len(rows)]
    order = np.argsort(np.concatenate([rows for rows in parts if len(rows)]), kind="stable")
    return Differences(*(np.concatenate(column)[order] for column in zip(*found, strict=True)))


def heavy_tailed(x_bgs: Floats, *, matched: bool) -> NDArray[np.bool_]:
    """Whether the interquartile mean tells more than the mean does, shape (B,): values often lie far from their group.

    By the kurtosis of the values around their group's mean, in units of its standard deviation; of matched groups
    around their seed's mean too. That needs seven runs in every group.
    """
    n = np.isfinite(x_bgs[0]).sum(axis=1)
    if n.min() < _FEWEST_FOR_TAILS:
        return np.zeros(len(x_bgs), bool)
    x = x_bgs - np.nanmean(x_bgs, axis=1, keepdims=True) if matched else x_bgs
    away = x - np.nanmean(x, axis=2, keepdims=True)
    spread = np.nanmean(away**2, axis=2, keepdims=True)
    kurtosis = np.nanmean((away**2 / np.where(spread > 0, spread, 1.0)) ** 2, axis=(1, 2))
    return np.asarray(kurtosis > _HEAVY)


class _Asked(NamedTuple):
    pairs: Pairs
    matched: bool
    baseline: bool
    intervals: bool
    prior: Prior | None


def _tested(x_bgs: Floats, ask: _Asked, *, trimmed: bool) -> Differences:
    groups = x_bgs.shape[1]
    found = (paired if ask.matched else grouped)(x_bgs, ask.pairs, trimmed=trimmed)
    points = _points(found, matched=ask.matched, prior=ask.prior)
    level = own_level(groups, matched=ask.matched)
    error = np.sqrt(found.variance)

    def tail(p: Floats) -> Floats:
        if not ask.baseline:
            return all_pairs_tail(p, groups)
        return against_one_tail(p, groups - 1, equally_precise=ask.matched or ask.prior is not None)

    def adjusted(size: Floats) -> Floats:
        alone = _two_sided(size, found.variance, found.df)
        family = alone if groups == 2 else _family_p(found, points, size, tail)
        return np.asarray(np.clip(np.maximum(family, alone * (ALPHA / level)), 0.0, 1.0))

    half = _half_widths(adjusted, error) if ask.intervals else np.full_like(error, np.nan)
    size, silent = np.abs(found.delta), _without_noise(x_bgs, ask.pairs)
    own = np.where(silent, np.nan, _two_sided(size, found.variance, found.df))
    return Differences(found.delta, error, own, np.where(silent, 1.0, adjusted(size)), half)


def _without_noise(x_bgs: Floats, pairs: Pairs) -> NDArray[np.bool_]:
    """Pairs of which each group's runs are identical but for rounding: the seed changes nothing there, [B, P]."""
    a, b = sides(pairs)
    spread, size = np.nanmax(x_bgs, axis=2) - np.nanmin(x_bgs, axis=2), np.nanmax(np.abs(x_bgs), axis=(1, 2))
    constant = spread <= _ROUNDING * size[:, None]
    return np.asarray(constant[:, a] & constant[:, b])


def own_level(groups: int, *, matched: bool) -> float:
    """The level of the pair's own test.

    Of three unmatched groups, one of five times the others' standard deviation, something would at 5 % be claimed
    falsely in 6 to 7 % of sweeps.
    """
    return ALPHA if matched or groups == 2 else 0.03


def behind_the_best(x_bgs: Floats, *, matched: bool, lower_is_better: bool) -> NDArray[np.bool_]:
    """Whether group i is shown to be worse than group j, at [.., i, j], shape (B, G, G).

    The groups that are behind none are the best set: with 95 % confidence the truly best one is among them. Multiple
    comparisons with the best (Hsu 1984, Annals of Statistics 12): the best group has G - 1 others that may look better,
    and each comparison errs to one side only.
    """
    heavy = heavy_tailed(x_bgs, matched=matched)
    behind = np.zeros((len(x_bgs), x_bgs.shape[1], x_bgs.shape[1]), bool)
    for trimmed in (False, True):
        rows = heavy == trimmed
        if rows.any() and x_bgs.shape[1] > 1:
            behind[rows] = _behind(x_bgs[rows], matched=matched, lower_is_better=lower_is_better, trimmed=trimmed)
    return behind


def _behind(x_bgs: Floats, *, matched: bool, lower_is_better: bool, trimmed: bool) -> NDArray[np.bool_]:
    groups = x_bgs.shape[1]
    behind = np.zeros((len(x_bgs), groups, groups), bool)
    pairs = _worth_a_look(x_bgs, lower_is_better=lower_is_better)
    found = (paired if matched else grouped)(x_bgs, pairs, trimmed=trimmed)
    size = np.abs(found.delta)

    def tail(p: Floats) -> Floats:
        return one_sided_tail(p, groups - 1)

    own = _two_sided(size, found.variance, found.df) / 2
    points = _points(found, matched=matched)
    family = own if groups == 2 else _family_p(found, points, size, tail)
    shown = (family < ALPHA) & (own < (_BEST_LEVEL if groups > 2 else ALPHA)) & ~_without_noise(x_bgs, pairs)
    worse = (found.delta > 0) == lower_is_better
    a, b = sides(pairs)
    behind[:, a, b] = shown & worse
    behind[:, b, a] = shown & ~worse
    return behind


def _worth_a_look(x_bgs: Floats, *, lower_is_better: bool) -> list[tuple[int, int]]:
    """All pairs; of many groups those with one of the foremost, which leaves no more than that out of the best set."""
    groups = x_bgs.shape[1]
    centres = np.nanmean(x_bgs, axis=(0, 2))
    foremost = {
        *np.argsort(centres if lower_is_better else -centres)[: _FOREMOST if groups > _MANY else groups].tolist()
    }
    return [pair for pair in itertools.combinations(range(groups), 2) if foremost & {*pair}]


def _points(found: Pairing, *, matched: bool, prior: Prior | None = None) -> list[Scatter]:
    return [*scatters(found.known, found.known_df, prior or (BY_PAIR if matched else BY_GROUP), found.share)]


def _family_p(found: Pairing, points: Sequence[Scatter], size: Floats, tail: Callable[[Floats], Floats]) -> Floats:
    """The family's p of differences of this size [B, P], averaged over what the scatter of the variances may be."""
    p = np.zeros_like(size)
    for point in points:
        variance, df = found.learnt(point)
        p[point.rows] += point.weight[:, None] * tail(_two_sided(size[point.rows], variance, df))
    return p


def _two_sided(size: Floats, variance: Floats, df: Floats) -> Floats:
    t = size / np.sqrt(np.maximum(variance, 1e-300))
    return np.asarray(2 * (special.ndtr(-t) if np.isinf(df).all() else special.stdtr(df, -t)))


def _half_widths(p_of: Callable[[Floats], Floats], scale: Floats) -> Floats:
    """The sizes at which p falls to 5 %, by halving in the logarithm."""
    unit = np.where(scale > 0, scale, 1.0)
    low, high = 0.5 * unit, 4.0 * unit
    for _ in range(_DOUBLINGS):
        far = p_of(high) >= ALPHA
        if not far.any():
            break
        low, high = np.where(far, high, low), np.where(far, 2 * high, high)
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        above = p_of(middle) >= ALPHA
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray(np.sqrt(low * high))
