from __future__ import annotations

import numpy as np

from aurl.compare.caveats import MOST_LISTED, adaptive, entangled, gaps
from aurl.show.wording import shortened


def test_sampling_that_closes_in_is_adaptive() -> None:
    rng = np.random.default_rng(0)
    even = rng.uniform(0, 1, 60)
    closing = np.concatenate([even[:30], 0.3 + 0.05 * rng.standard_normal(30)])
    assert adaptive({"x": even.tolist()}) == []
    (told,) = adaptive({"x": closing.tolist(), "y": even.tolist()})
    assert "adaptive" in told
    assert "in x (" in told


def test_a_grid_in_order_is_not_adaptive() -> None:
    assert adaptive({"x": [1.0] * 20 + [2.0] * 20, "model": ["a"] * 20 + ["b"] * 20}) == []


def test_numbers_that_moved_together() -> None:
    rng = np.random.default_rng(1)
    x = rng.random(30)
    (told,) = entangled({"x": x.tolist(), "y": (x + 0.05 * rng.random(30)).tolist(), "z": rng.random(30).tolist()})
    assert "x and y" in told
    assert "z" not in told.split(":")[1]


def test_ranges_without_runs() -> None:
    rng = np.random.default_rng(2)
    crowded = [0.0, *rng.uniform(0, 0.1, 28).tolist(), 1.0]
    assert "x" in gaps({"x": crowded, "y": rng.uniform(0, 1, 30).tolist()})[0]


def test_long_lists_are_cut() -> None:
    assert shortened(list("abcdefg"), MOST_LISTED) == "a, b, c, d, e and 2 more"
