"""Two statistics of a run's quality: how sure a mean is, and whether a series rises or falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

_NORMAL = NormalDist()
_RESAMPLES = 2000
FEWEST_FOR_TREND = 5


def bootstrap_ci(values: ArrayLike, *, confidence: float = 0.95, seed: int = 1) -> tuple[float, float]:
    """A confidence interval of the mean of N values; NaN left out; (NaN, NaN) with fewer than 2.

    The percentile bootstrap of 2000 resamples, widened about the mean by t / z * sqrt(n / (n - 1)), because the
    plain one is too narrow for small N. Equal values and seed give equal intervals.

    Source: Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69, 2015, 3.4.
    """
    sample = np.asarray(values, float)
    sample = sample[~np.isnan(sample)]
    n = len(sample)
    if n < 2:
        return (math.nan, math.nan)
    picks = np.random.default_rng(seed).integers(0, n, (_RESAMPLES, n))
    mean = float(sample.mean())
    tail = (1 - confidence) / 2
    low, high = np.quantile(sample[picks].mean(axis=1), (tail, 1 - tail)).tolist()
    z = _NORMAL.inv_cdf(1 - tail)
    widening = _student_quantile(z, n - 1) / z * math.sqrt(n / (n - 1))
    return (mean - (mean - low) * widening, mean + (high - mean) * widening)


def _student_quantile(z: float, freedom: int) -> float:
    """Student's t quantile from the normal one, by three terms of Cornish and Fisher's expansion."""
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether a series rises or falls.

    Attributes:
        direction: "none" unless p is under the level asked for.
        p: two-sided; 1 with fewer than 5 values.
        n: how many values.
    """

    direction: Literal["rising", "falling", "none"]
    p: float
    n: int


def mann_kendall(values: Sequence[float], *, level: float = 0.01) -> Trend:
    """The Mann-Kendall test for a monotone trend, with the correction for ties and for continuity; NaN left out.

    S = sum over pairs i < j of sign(x_j - x_i) is compared with a normal distribution of variance
    (n(n-1)(2n+5) - sum over ties t(t-1)(2t+5)) / 18.

    Sources: Mann, Econometrica 13, 1945; Kendall, "Rank Correlation Methods", 1975.
    """
    sample = np.asarray(values, float)
    sample = sample[~np.isnan(sample)]
    n = len(sample)
    if n < FEWEST_FOR_TREND:
        return Trend("none", 1.0, n)
    s = int(np.triu(np.sign(sample - sample[:, None]), 1).sum())
    _, ties = np.unique(sample, return_counts=True)
    variance = float(_pairs_variance(np.array([n]))[0] - _pairs_variance(ties).sum()) / 18
    if s == 0 or variance <= 0:
        return Trend("none", 1.0, n)
    p = 2 * _NORMAL.cdf(-(abs(s) - 1) / math.sqrt(variance))
    rising: Literal["rising", "falling"] = "rising" if s > 0 else "falling"
    return Trend(rising if p < level else "none", min(1.0, p), n)


def _pairs_variance(n: NDArray[np.int64]) -> NDArray[np.int64]:
    return n * (n - 1) * (2 * n + 5)
