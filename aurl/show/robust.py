"""The range of a picture in which one diverged run does not flatten the others; as in the dashboard's range.js."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aurl.show.arrays import Floats

_FLATTENED = 8.0  # the whole range is shown unless it leaves less than this share of the picture to the curves
_ROOM = 1.5  # of the curves' own span, above and below them, where the rest is left out
_AWAY = 20.0  # times as large as the others is a curve that has diverged
_APART = 50.0  # spans of the others between them and such a curve


def robust_range(curves: Sequence[Floats]) -> tuple[float, float] | None:
    """From where to where a picture of these curves reaches; None where no value is finite.

    Args:
        curves: the values of each, or one value each; what is not finite does not count.
    """
    finite = [curve[np.isfinite(curve)] for curve in curves]
    parts = [np.quantile(curve, (0.0, 0.05, 0.25, 0.75, 0.95, 1.0)) for curve in finite if len(curve)]
    if not parts:
        return None
    least, most = min(float(part[0]) for part in parts), max(float(part[5]) for part in parts)
    low, high = _core(_gathered(parts))
    core = high - low
    if core <= 0 or most - least <= _FLATTENED * core:
        return least, most
    return max(least, low - _ROOM * core), min(most, high + _ROOM * core)


def _gathered(parts: Sequence[Floats]) -> list[Floats]:
    """The curves that lie together: without those that are many times as large as the others, and far from them."""
    ordered = sorted(parts, key=_size)
    together = ordered[: (len(ordered) + 1) // 2]
    for part in ordered[len(together) :]:
        low, high = _core(together)
        far = max(float(part[3]) - high, low - float(part[2]))
        if _size(part) > _AWAY * _size(together[-1]) and far > _APART * (high - low):
            break
        together.append(part)
    return together


def _core(parts: Sequence[Floats]) -> tuple[float, float]:
    return min(float(part[1]) for part in parts), max(float(part[4]) for part in parts)


def _size(part: Floats) -> float:
    return max(abs(float(part[2])), abs(float(part[3])))
