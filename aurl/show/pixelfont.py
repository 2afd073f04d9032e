"""Digits and the few signs that a piano roll needs, 3 by 5 dots, drawn at twice that size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rows from top to bottom, three dots each, as octal digits: 7 is ***, 5 is *.*
_ROWS = {
    "0": "75557",
    "1": "26227",
    "2": "71747",
    "3": "71717",
    "4": "55711",
    "5": "74717",
    "6": "74757",
    "7": "71111",
    "8": "75757",
    "9": "75717",
    "C": "34443",
    "-": "00700",
}
_ZOOM = 2
ADVANCE = 4 * _ZOOM


def draw_text(pixels: NDArray[np.uint8], text: str, *, right: int, bottom: int, colour: int) -> None:
    """Draw `text` into uint8 [height, width] so that it ends left of column `right` and above row `bottom`.

    A sign that would lie partly outside the picture is left out.
    """
    height, width = 5 * _ZOOM, 3 * _ZOOM
    for place, sign in enumerate(reversed(text)):
        left = right - place * ADVANCE - width
        cell = pixels[max(0, bottom - height) : bottom, max(0, left) : left + width]
        if cell.shape == (height, width):
            cell[_dots(sign)] = colour


def _dots(sign: str) -> NDArray[np.bool_]:
    """bool [10, 6]: where the sign is drawn."""
    rows = [[int(row) >> shift & 1 for shift in (2, 1, 0)] for row in _ROWS[sign]]
    return np.kron(np.array(rows, bool), np.ones((_ZOOM, _ZOOM), bool))
