"""How far a set of samples is from real music as a whole: the Frechet distance over the raw measures.

As the Frechet inception distance of Heusel et al., "GANs trained by a two time-scale update rule", NeurIPS 2017, but
over measures with names, each in standard deviations of the reference. With few samples it is biased upwards, so
compare only sets of one size, and with the band that real music of that size gives.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aurl.quality.reference.calibration import DEFINED_SHARE
from aurl.quality.reference.table import Table

SHRINKAGE = 0.1
FEWEST = 8
_SPLITS = 40


def frechet_distance(samples: Table, reference: Table) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)) of the standardised measures; NaN with fewer than 8 samples.

    Measures that under 80 % of the reference have, or in which it does not vary, are left out; a sample that lacks one
    counts as the reference's mean there. Covariances are shrunk a tenth of the way to the identity.
    """
    standard = _Standard(reference)
    return _distance(standard.apply(samples), standard.apply(reference))


def real_band(reference: Table, size: int, *, seed: int = 1) -> tuple[float, float]:
    """5th and 95th percentile of the distance of `size` reference windows, drawn 40 times, from the other ones.

    NaN where the reference has fewer than twice `size` windows, or `size` is under 8.
    """
    values = _Standard(reference).apply(reference)
    if size < FEWEST or len(values) < 2 * size:
        return (math.nan, math.nan)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(_SPLITS):
        order = rng.permutation(len(values))
        found.append(_distance(values[order[:size]], values[order[size:]]))
    low, high = np.percentile(found, (5, 95)).tolist()
    return (low, high)


class _Standard:
    """The measures that a reference has, in its own standard deviations."""

    def __init__(self, reference: Table) -> None:
        columns = {name: reference.column(name) for name in reference.names}
        enough = DEFINED_SHARE * len(reference)
        self._names = [n for n, c in columns.items() if np.count_nonzero(~np.isnan(c)) >= enough and np.nanstd(c) > 0]
        self._mean = np.array([np.nanmean(columns[name]) for name in self._names])
        self._sd = np.array([np.nanstd(columns[name]) for name in self._names])

    def apply(self, table: Table) -> NDArray[np.float64]:
        """Standardised measures, float64 [N, K], 0 where a sample has none."""
        if not self._names or not len(table):
            return np.zeros((len(table), len(self._names)))
        columns = np.stack([table.column(name) for name in self._names], axis=1)
        standard: NDArray[np.float64] = np.nan_to_num((columns - self._mean) / self._sd)
        return standard


def _distance(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    if min(len(ours), len(theirs)) < FEWEST or not ours.shape[1]:
        return math.nan
    gap = ours.mean(axis=0) - theirs.mean(axis=0)
    spread, other = _covariance(ours), _covariance(theirs)
    root = _root(spread)
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other @ root), 0)).sum()
    return max(0.0, float(gap @ gap + np.trace(spread) + np.trace(other) - 2 * shared))


def _covariance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    plain = np.cov(values.T).reshape(values.shape[1], -1)
    shrunk: NDArray[np.float64] = (1 - SHRINKAGE) * plain + SHRINKAGE * np.eye(len(plain))
    return shrunk


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The symmetric square root of a positive matrix."""
    value, vector = np.linalg.eigh(matrix)
    root: NDArray[np.float64] = (vector * np.sqrt(np.maximum(value, 0))) @ vector.T
    return root
