"""A matrix as a picture: dark blue where it is low, yellow where it is high."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.show.png import encode_png

Pixels = NDArray[np.uint8]
_ANCHORS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))  # of matplotlib's viridis
MISSING, LINE = 254, 255
_GREY, _BLACK = (200, 200, 200), (20, 20, 20)


@cache
def palette() -> Pixels:
    """The colours, uint8 [256, 3]: 254 from low to high, one for what is not finite, one for lines."""
    place = np.linspace(0, len(_ANCHORS) - 1, MISSING)
    ramp = np.stack([np.interp(place, range(len(_ANCHORS)), column) for column in zip(*_ANCHORS, strict=True)], axis=1)
    return np.concatenate([ramp.round(), [_GREY, _BLACK]]).astype(np.uint8)


def shades(values: ArrayLike) -> Pixels:
    """Each value's index into `palette()`, uint8 of the same shape: 0 for the least finite one, 253 for the greatest,
    `MISSING` for what is not finite. All 0 where they are equal."""
    matrix = np.asarray(values, np.float64)
    finite = np.isfinite(matrix)
    low, high = (matrix[finite].min(), matrix[finite].max()) if finite.any() else (0.0, 0.0)
    share = np.where(finite, matrix - low, 0.0) / ((high - low) or 1.0)
    return np.where(finite, np.round(share * (MISSING - 1)), MISSING).astype(np.uint8)


def draw_heatmap(values: ArrayLike, size: int, *, contours: int = 0) -> bytes:
    """A PNG of a matrix [rows, columns], its first row at the top.

    Args:
        size: pixels of the longer side, at least as many as the matrix has cells there.
        contours: how many lines of equal value, evenly apart; between the points values are interpolated linearly,
            and without lines each cell is one square.
    """
    matrix = np.asarray(values, np.float64)
    if not contours:
        scale = max(1, size // max(matrix.shape))
        return encode_png(shades(matrix).repeat(scale, 0).repeat(scale, 1), palette())
    fine = _interpolated(matrix, size)
    pixels = shades(fine)
    band = np.where(np.isfinite(fine), pixels.astype(np.float64) * contours // MISSING, -1)
    pixels[1:][(band[1:] != band[:-1])] = LINE
    pixels[:, 1:][(band[:, 1:] != band[:, :-1])] = LINE
    _cross(pixels)
    return encode_png(pixels, palette())


def _interpolated(matrix: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    rows, columns = (np.linspace(0, n - 1, max(2, size * n // max(matrix.shape))) for n in matrix.shape)
    wide = np.stack([np.interp(columns, range(matrix.shape[1]), row) for row in matrix])
    return np.stack([np.interp(rows, range(matrix.shape[0]), column) for column in wide.T], axis=1)


def _cross(pixels: Pixels) -> None:
    """Mark the middle."""
    y, x = pixels.shape[0] // 2, pixels.shape[1] // 2
    arm = max(3, min(pixels.shape) // 40)
    pixels[y, x - arm : x + arm + 1] = LINE
    pixels[y - arm : y + arm + 1, x] = LINE
