"""Holm's adjustment of several p values, which holds whatever their dependence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> list[float]:
    """The adjusted p values: the k-th smallest of n times n - k + 1, made ascending, at most 1; NaN counts as 1.

    As `statsmodels.stats.multitest.multipletests`, which collects garbage at every call: half a second, where much is
    loaded. Source: Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    raw = np.nan_to_num(np.asarray(p, float), nan=1.0)
    order = np.argsort(raw, kind="stable")
    steps = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]
