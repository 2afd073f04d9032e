"""Smoothing of a whole curve, before anything of it is left out."""

from __future__ import annotations

import numpy as np

from aurl.show.arrays import Floats


def debiased_average(values: Floats, weight: float) -> Floats:
    """The exponential average s_t = w s_{t-1} + (1 - w) y_t from s_0 = 0, divided by 1 - w^t as in Adam.

    So the first values are not pulled towards zero (Kingma and Ba, 2015, section 3). Values that are not finite leave
    the average as it is; before the first finite one it is NaN.

    Args:
        values: float64 [N].
        weight: w in [0, 1); 0 gives the values back.

    Returns:
        float64 [N].
    """
    if not 0 <= weight < 1:
        raise ValueError(f"weight={weight}: allowed is 0 up to, but not, 1")
    if weight == 0 or not len(values):
        return values
    import polars as pl

    finite = np.isfinite(values)
    if finite.all():
        return pl.Series(values).ewm_mean(alpha=1 - weight, adjust=True).to_numpy()
    known = pl.Series(np.where(finite, values, np.nan)).fill_nan(None)
    smooth = known.ewm_mean(alpha=1 - weight, adjust=True, ignore_nulls=True)
    return smooth.fill_null(strategy="forward").fill_null(float("nan")).to_numpy()
