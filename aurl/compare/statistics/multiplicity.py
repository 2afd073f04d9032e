"""How often the largest of several differences is this large by chance, when the noise is known.

What is not known of the noise is averaged over by `aurl.compare.statistics.noise`; averaged over one common variance,
these tails become Tukey's studentised range and Dunnett's distribution.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special, stats

from aurl.show.arrays import Floats

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_NORMAL_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_TABLE = np.arange(0.0, 6.01, 0.02)
_FURTHEST = 37.0  # beyond it the normal tail is zero in double precision


def all_pairs_tail(p: Floats, groups: int) -> Floats:
    """The chance that any two of `groups` means lie so far apart that one pair alone would have this p, two-sided.

    The range of normal values (`scipy.stats.studentized_range` at infinite degrees of freedom); far out Bonferroni's
    bound, which is the same there.
    """
    return _looked_up(p, _range_table(groups), groups * (groups - 1) // 2)


def against_one_tail(p: Floats, others: int, *, equally_precise: bool) -> Floats:
    """The chance that any of `others` means lies so far from a baseline's that it alone would have this p, two-sided.

    Means of equal precision, or differences on the same seeds, correlate at 1/2: Dunnett's distribution at infinite
    degrees of freedom, far out Bonferroni's bound. Otherwise Sidak's bound, which holds for any precision.
    """
    if not equally_precise:
        return np.asarray(-np.expm1(others * np.log1p(-np.minimum(p, 1 - 1e-15))))
    return _looked_up(p, _dunnett_table(others), others)


def one_sided_tail(p: Floats, others: int) -> Floats:
    """The chance that any of `others` independent statistics lies beyond the positive size of this two-sided p."""
    return np.asarray(-np.expm1(others * np.log1p(-np.minimum(p / 2, 0.5))))


def _looked_up(p: Floats, logs: Floats, count: int) -> Floats:
    z = np.minimum(-special.ndtri(np.clip(p / 2, 1e-300, 0.5)), _FURTHEST)
    return np.asarray(np.where(z < _TABLE[-1], np.exp(np.interp(z, _TABLE, logs)), np.minimum(1.0, count * p)))


@lru_cache(maxsize=64)
def _range_table(groups: int) -> Floats:
    """The logarithm of the tail, between zero and six standard errors."""
    tail = np.asarray(stats.studentized_range.sf(_TABLE * 2**0.5, groups, np.inf), np.float64)
    return np.asarray(np.log(np.clip(tail, 1e-300, 1.0)))


@lru_cache(maxsize=64)
def _dunnett_table(others: int) -> Floats:
    shared = _NODES[None, :] * 2**-0.5
    z = _TABLE[:, None]
    inside = special.ndtr((z + shared) * 2**0.5) - special.ndtr((-z + shared) * 2**0.5)
    tail = 1 - (np.clip(inside, 0, 1) ** others) @ _NORMAL_WEIGHTS
    return np.asarray(np.log(np.clip(tail, 1e-300, 1.0)))
