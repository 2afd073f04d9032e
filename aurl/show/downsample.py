"""Fewer points that still show every extreme: the smallest and the largest value of each bucket of x."""

from __future__ import annotations

import numpy as np

from aurl.show.arrays import Floats, Ints


def min_max(x: Floats, y: Floats, points: int, keep: Ints | None = None) -> Ints:
    """The indices of the points to draw, in order; all of them where there are no more than `points`.

    x is divided into `points / 2` equal stretches, and of each the lowest and the highest point are taken, besides
    the first and the last of all. So a spike of a single step is kept unless a larger one falls into the same stretch;
    spikes that stand out from the rest of the curve are kept even then, as long as they are few.

    Args:
        x: ascending, finite [N].
        y: finite [N].
        points: about how many to return, at least 2.
        keep: indices that are returned in any case.
    """
    if len(x) <= points:
        return np.arange(len(x))
    buckets = max(1, points // 2)
    if _uniform(x):
        low, high = _extremes_of_even(y, buckets)
    else:
        low, high = _extremes_of_uneven(x, y, buckets)
    forced = np.empty(0, np.int64) if keep is None else keep
    ends = np.array([0, len(x) - 1])
    spikes = [_outstanding(y, y[high], points // 4), _outstanding(-y, -y[low], points // 4)]
    kept = np.zeros(len(x), bool)
    kept[np.concatenate([low, high, ends, forced, *spikes])] = True
    return np.flatnonzero(kept)


def _outstanding(y: Floats, highest: Floats, most: int) -> Ints:
    """Points beyond Tukey's far-out fence of the stretches' highest; none where there are more than `most`."""
    ordered = np.sort(highest)
    lower, upper = ordered[len(ordered) // 4], ordered[3 * len(ordered) // 4]
    found = np.flatnonzero(y > upper + 3 * (upper - lower))
    return found if len(found) <= most else found[:0]


def _uniform(x: Floats) -> bool:
    """Whether the points are as far apart as can be told without looking at all of them, and then at all of them."""
    stride = x[1] - x[0]
    if stride <= 0 or x[-1] - x[0] != stride * (len(x) - 1):
        return False
    return bool((np.diff(x) == stride).all())


def _extremes_of_even(y: Floats, buckets: int) -> tuple[Ints, Ints]:
    size = -(-len(y) // buckets)
    whole = len(y) // size
    body = y[: whole * size].reshape(whole, size)
    start = np.arange(whole) * size
    low, high = start + body.argmin(axis=1), start + body.argmax(axis=1)
    rest = y[whole * size :]
    if len(rest):
        low = np.append(low, whole * size + rest.argmin())
        high = np.append(high, whole * size + rest.argmax())
    return low, high


def _extremes_of_uneven(x: Floats, y: Floats, buckets: int) -> tuple[Ints, Ints]:
    edges = np.searchsorted(x, np.linspace(x[0], x[-1], buckets + 1)[:-1])
    starts = np.unique(edges)
    lengths = np.diff(starts, append=len(y))
    low = np.flatnonzero(y == np.repeat(np.minimum.reduceat(y, starts), lengths))
    high = np.flatnonzero(y == np.repeat(np.maximum.reduceat(y, starts), lengths))
    return _first_of_each(low, starts), _first_of_each(high, starts)


def _first_of_each(found: Ints, starts: Ints) -> Ints:
    """Of the indices found, the first one of each bucket."""
    return found[np.searchsorted(found, starts)]
