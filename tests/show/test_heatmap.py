from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib import colormaps, image

from aurl.show.heatmap import LINE, MISSING, draw_heatmap, palette, shades


def decoded(png: bytes) -> np.ndarray:
    return np.round(image.imread(BytesIO(png))[..., :3] * 255).astype(int)


def test_the_colours_are_near_those_of_viridis() -> None:
    wanted = colormaps["viridis"](np.linspace(0, 1, MISSING))[:, :3] * 255
    assert np.abs(palette()[:MISSING] - wanted).mean() < 8


def test_shades_run_from_the_least_to_the_greatest_value() -> None:
    assert shades([[0.0, 5.0], [10.0, np.nan]]).tolist() == [[0, 126], [253, MISSING]]
    assert shades([3.0, 3.0]).tolist() == [0, 0]
    assert shades([np.inf, np.nan]).tolist() == [MISSING, MISSING]


def test_each_cell_is_a_square_and_the_first_row_is_on_top() -> None:
    picture = decoded(draw_heatmap([[0.0, 1.0, 2.0]], 9))
    assert picture.shape == (3, 9, 3)
    assert picture[0, 0].tolist() == palette()[0].tolist()
    assert picture[2, 8].tolist() == palette()[MISSING - 1].tolist()


def test_contours_are_lines_of_equal_value() -> None:
    slope = np.tile(np.linspace(0, 1, 5), (5, 1))
    picture = decoded(draw_heatmap(slope, 200, contours=4))
    black = (picture == palette()[LINE]).all(axis=-1)
    assert picture.shape == (200, 200, 3)
    assert [column for column in range(200) if black[:80, column].all()] == pytest.approx([50, 100, 150], abs=2)


def test_a_hole_stays_a_hole_between_the_points() -> None:
    values = np.ones((5, 5)) * np.arange(5)
    values[0, 0] = np.nan
    picture = decoded(draw_heatmap(values, 100, contours=3))
    assert picture[0, 0].tolist() == palette()[MISSING].tolist()
    assert picture[99, 50].tolist() != palette()[MISSING].tolist()
