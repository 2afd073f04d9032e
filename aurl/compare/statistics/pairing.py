"""From finals to differences of pairs and how noisy they are: what the tests of a family work with.

Suffixes name shapes as in `aurl.compare.statistics.family`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from aurl.compare.statistics.noise import Scatter
from aurl.show.arrays import Floats, Ints

Pairs: TypeAlias = Sequence[tuple[int, int]]
_TOO_FEW_TO_BE_QUIET = 3  # three runs that agree may all lie in one of two modes: they are no quieter than others
_MOST_VARIANCES = 300  # what more of them would say of the scatter of variances is not worth the time


class Pairing(NamedTuple):
    """What tests of pairs need.

    Attributes:
        delta: differences [B, P].
        variance: of each difference, from the pair's own runs [B, P]; `df` its degrees of freedom [B, P].
        known: the variances that the scatter is learnt from, [B, V], one a group or one a pair; `known_df` theirs [V].
        share: how much each of those tells, see `scatters`.
        learnt: for a point of the scatter, the variances [R, P] of the differences with what they learn from the
            others, and their degrees of freedom [R, P].
    """

    delta: Floats
    variance: Floats
    df: Floats
    known: Floats
    known_df: Floats
    share: float
    learnt: Callable[[Scatter], tuple[Floats, Floats]]


def grouped(x_bgs: Floats, pairs: Pairs, *, trimmed: bool = False) -> Pairing:
    """Runs that have nothing in common: a variance for each group."""
    a, b = sides(pairs)
    centre, variance, n, freedom = _located(x_bgs, trimmed=trimmed)

    def learnt(point: Scatter) -> tuple[Floats, Floats]:
        known, df = point.learnt(variance, freedom)
        known = np.where(n <= _TOO_FEW_TO_BE_QUIET, np.maximum(known, usual[point.rows]), known)
        joint, welch = _joint(known / n, df, a, b)
        return joint, (welch + np.minimum(df[a], df[b])) / 2  # Welch's alone errs where n is three

    groups = variance.shape[1]
    usual = np.sort(variance, axis=1)[:, [max(groups // 2, min(groups - 1, 2))]]  # the median, of three the largest
    joint, welch = _joint(variance / n, freedom, a, b)
    few = slice(0, _MOST_VARIANCES)
    return Pairing(centre[:, a] - centre[:, b], joint, welch, variance[:, few], freedom[few], 1.0, learnt)


def _joint(errors: Floats, df: Floats, a: Ints, b: Ints) -> tuple[Floats, Floats]:
    """The variance of differences and its degrees of freedom, as Welch has them; `errors` are those of means."""
    joint = errors[:, a] + errors[:, b]
    with np.errstate(divide="ignore", invalid="ignore"):
        welch = joint**2 / (errors[:, a] ** 2 / df[a] + errors[:, b] ** 2 / df[b])
    return joint, np.nan_to_num(welch, nan=1.0, posinf=np.inf)


def paired(x_bgs: Floats, pairs: Pairs, *, trimmed: bool = False) -> Pairing:
    """Runs of the same seeds: a variance for the differences of each pair."""
    groups = x_bgs.shape[1]
    delta, variance, n, freedom = _located(_apart(x_bgs, pairs), trimmed=trimmed)
    everything = list(itertools.combinations(range(groups), 2))
    some = everything if len(everything) <= _MOST_VARIANCES else _spread(everything, _MOST_VARIANCES)
    _, known, _, known_df = _located(_apart(x_bgs, some), trimmed=trimmed)

    def learnt(point: Scatter) -> tuple[Floats, Floats]:
        found, df = point.learnt(variance, freedom)
        return found / n, np.broadcast_to(df, found.shape)

    df = np.broadcast_to(freedom, variance.shape)
    share = min(1.0, (groups - 1) / len(some))  # all pairs together tell of (G - 1)(S - 1) degrees of freedom
    return Pairing(delta, variance / n, df, known, known_df, share, learnt)


def _apart(x_bgs: Floats, pairs: Pairs) -> Floats:
    """The differences over the seeds that both have, [B, P, S]."""
    a, b = sides(pairs)
    return x_bgs[:, a] - x_bgs[:, b]


def _located(x_bvs: Floats, *, trimmed: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """Means [B, V], variances of single runs [B, V], runs [V], and degrees of freedom [V].

    Args:
        trimmed: take interquartile means, and the variance that their winsorised values give (Yuen 1974,
            Biometrika 61).
    """
    n = np.isfinite(x_bvs[0]).sum(axis=1)
    if not trimmed:
        return np.nanmean(x_bvs, axis=2), np.nanvar(x_bvs, axis=2, ddof=1), n.astype(float), n - 1.0
    ordered = np.sort(x_bvs, axis=2)  # NaN last
    place, cut = np.arange(x_bvs.shape[2])[None, :], (n // 4)[:, None]
    kept = n - 2 * (n // 4)
    inside = (place >= cut) & (place < n[:, None] - cut)
    centre = np.where(inside, ordered, 0.0).sum(axis=2) / kept
    chosen = np.clip(place, cut, n[:, None] - cut - 1)
    winsorised = np.where(
        place < n[:, None], np.take_along_axis(ordered, chosen[None].repeat(len(x_bvs), 0), 2), np.nan
    )
    error = np.nanvar(winsorised, axis=2, ddof=1) * (n - 1) / (kept * (kept - 1))
    return centre, error * n, n.astype(float), kept - 1.0


def _spread(pairs: Pairs, count: int) -> Pairs:
    """So many of them, evenly over the list."""
    return [pairs[at] for at in np.linspace(0, len(pairs) - 1, count).astype(int)]


def sides(pairs: Pairs) -> tuple[Ints, Ints]:
    both = np.array(pairs, np.int64)
    return both[:, 0], both[:, 1]
