"""Mean, median and interquartile mean of a few runs, with 95 % intervals that cover as they say for few of them.

A percentile bootstrap of the mean of five seeds covers 80 to 85 %; what these intervals cover is
measured in benchmarks/comparison.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aurl.compare.model import Interval


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Student's t interval of the mean; None for fewer than two values."""
    x = np.asarray(values, np.float64)
    if len(x) < 2:
        return None
    half = float(special.stdtrit(len(x) - 1, (1 + level) / 2)) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return float(x.mean()) - half, float(x.mean()) + half


def iqm(values: Sequence[float] | NDArray[np.float64]) -> float | None:
    """The mean without the lowest and the highest quarter (rounded down); None for no values.

    As `scipy.stats.trim_mean(values, 0.25)`, which takes a hundred times as long to get going.
    """
    x = np.sort(np.asarray(values, np.float64))
    cut = len(x) // 4
    return float(x[cut : len(x) - cut].mean()) if len(x) else None


def iqm_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Interval of the interquartile mean; None for fewer than three values.

    The t interval of Tukey and McLaughlin (1963, Sankhya A 25): the trimmed mean with the winsorised variance.
    """
    x = np.sort(np.asarray(values, np.float64))
    if len(x) < 3:
        return None
    cut = len(x) // 4
    kept = len(x) - 2 * cut
    middle = float(x[cut : len(x) - cut].mean())
    spread = float(_winsorised(x, cut).std(ddof=1)) * math.sqrt(len(x) - 1) / math.sqrt(kept * (kept - 1))
    half = float(special.stdtrit(kept - 1, (1 + level) / 2)) * spread
    return middle - half, middle + half


def _winsorised(x: NDArray[np.float64], cut: int) -> NDArray[np.float64]:
    return np.clip(x, x[cut], x[len(x) - 1 - cut])
