"""How noisy each group is, when a few runs of it say little: variances by group that learn from each other.

Suffixes name shapes: B sweeps, V variances, H points of the hyperparameters.

The model (Smyth 2004, SAGMB 3, known from limma): the variances of the groups scatter around a common one, as a scaled
inverse chi-squared distribution with d degrees of freedom. Much scatter (small d) leaves every group its own variance,
none (infinite d) gives all of them one. Neither d nor the common variance is estimated: both are averaged over, weighed
by how well they explain the variances seen. Where all variances are alike this comes to Tukey's test with one pooled
variance; where they are not, to Welch's with one for each group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aurl.show.arrays import Floats

Prior: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
EQUAL: Prior = ((np.inf,), (1.0,))
"""One variance for all: what the classical tests assume."""
BY_GROUP: Prior = ((0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, np.inf), (2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0))
"""Degrees of freedom of the scatter, and how likely each is beforehand; with none no variance learns from another."""
BY_PAIR: Prior = (BY_GROUP[0], (*(1.0,) * 8, 2.0))
_ANY_SIZE = 30.0  # width of the logarithms of variances that have nothing in common: thirteen powers of ten
_COARSE = np.linspace(-7.0, 7.0, 29)
_FINE = np.linspace(-4.0, 8.0, 21)  # in standard deviations; further up, where the small p values come from
_FINE_STEP = _FINE[1] - _FINE[0]
_NEGLIGIBLE = 1e-7


class Scatter(NamedTuple):
    """One point of the hyperparameters, for the sweeps in which it matters.

    Attributes:
        rows: which sweeps, int [R].
        weight: its posterior weight in each, [R].
        common: the common variance in each, [R].
        d: how many degrees of freedom it is worth beside a variance of one's own.
    """

    rows: NDArray[np.int_]
    weight: Floats
    common: Floats
    d: float

    def learnt(self, v_bv: Floats, df_v: Floats) -> tuple[Floats, Floats]:
        """The variances of these sweeps with what they learn from the others, [R, V], and their degrees of freedom."""
        own = v_bv[self.rows]
        if np.isinf(self.d):
            return np.broadcast_to(self.common[:, None], own.shape), np.full(len(df_v), np.inf)
        return (self.d * self.common[:, None] + df_v * own) / (self.d + df_v), self.d + df_v


def scatters(v_bv: Floats, df_v: Floats, prior: Prior, share: float = 1.0) -> Iterator[Scatter]:
    """All points of the hyperparameters that carry weight.

    Args:
        v_bv: sample variances.
        df_v: their degrees of freedom.
        prior: see `BY_GROUP`.
        share: how much each variance tells of the hyperparameters: below one where they repeat each other, as those of
            the differences of all pairs do.
    """
    v_bv = np.maximum(v_bv, _smallest(v_bv))
    levels = [_levels(v_bv, df_v, d, share) for d in prior[0]]
    logs = [log + np.log(p) for (_, log), p in zip(levels, prior[1], strict=True)]
    top = np.hstack(logs).max(axis=1, keepdims=True)
    total = np.exp(np.hstack(logs) - top).sum(axis=1, keepdims=True)
    for (common, _), d, log in zip(levels, prior[0], logs, strict=True):
        weight = np.exp(log - top) / total
        for place in range(weight.shape[1]):
            rows = np.flatnonzero(weight[:, place] > _NEGLIGIBLE)
            if len(rows):
                yield Scatter(rows, weight[rows, place], common[rows, place], d)


def _levels(v_bv: Floats, df_v: Floats, d: float, share: float) -> tuple[Floats, Floats]:
    """Common variances [B, H] around those that explain the ones seen best, and the logarithm of their weight."""
    middle = np.log(np.median(v_bv, axis=1))[:, None]
    if d == 0:
        return np.exp(middle), np.full_like(middle, -share * len(df_v) * np.log(_ANY_SIZE))
    coarse = middle + _COARSE
    log = _likelihood(v_bv, np.exp(coarse), df_v, d, share)
    mass = np.exp(log - log.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    mean = (mass * coarse).sum(axis=1, keepdims=True)
    spread = np.sqrt((mass * (coarse - mean) ** 2).sum(axis=1, keepdims=True))
    if np.isinf(d):  # known exactly, and often narrower than the coarse steps
        total = share * df_v.sum()
        mean = np.log((v_bv * df_v).sum(axis=1, keepdims=True) / df_v.sum())
        spread = np.full_like(mean, np.sqrt(2.0 / total))
    spread = np.maximum(spread, 0.05)
    fine = mean + spread * _FINE
    return np.exp(fine), _likelihood(v_bv, np.exp(fine), df_v, d, share) + np.log(spread * _FINE_STEP / _ANY_SIZE)


def _likelihood(v_bv: Floats, common_bh: Floats, df_v: Floats, d: float, share: float) -> Floats:
    """The logarithm of the density of all variances seen: of v / common, an F distribution, or chi-squared."""
    total = np.zeros_like(common_bh)
    for place, df in enumerate(df_v):
        x = v_bv[:, place, None] / common_bh
        log = df / 2 * np.log(x)
        if np.isinf(d):
            log += -df * x / 2 + df / 2 * np.log(df / 2) - special.gammaln(df / 2)
        else:
            log += -(df + d) / 2 * np.log1p(df * x / d) + df / 2 * np.log(df / d) - special.betaln(df / 2, d / 2)
        total += share * log
    return total


def _smallest(v_bv: Floats) -> Floats:
    """Groups that are identical by rounding say that their variance is small, not that it is zero."""
    positive = v_bv > 0
    logs = np.log(np.where(positive, v_bv, 1.0)) * positive
    usual = np.exp(logs.sum(axis=1, keepdims=True) / np.maximum(1, positive.sum(axis=1, keepdims=True)))
    return np.asarray(1e-4 * np.where(positive.any(axis=1, keepdims=True), usual, 1e-280))
