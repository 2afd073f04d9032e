"""The Frechet distance of known Gaussians."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurl.quality.reference.frechet import frechet_distance, real_band
from aurl.quality.reference.table import Table

NAMES = ("a", "b", "c")


def gaussian(n: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> Table:
    values = np.random.default_rng(seed).normal(size=(n, 3)) * (2.0, 30.0, 0.1) * scale + (5.0, 9.0, 1.0)
    values[:, 0] += shift
    return Table(NAMES, values.astype(np.float32))


def test_a_shift_is_squared_in_standard_deviations() -> None:
    reference = gaussian(6000, 1)
    assert frechet_distance(reference, reference) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(gaussian(6000, 2), reference) < 0.05
    assert frechet_distance(gaussian(6000, 3, shift=6.0), reference) == pytest.approx(9.0, rel=0.05)


def test_another_spread() -> None:
    spread = frechet_distance(gaussian(6000, 2, scale=3.0), gaussian(6000, 1))
    assert spread == pytest.approx(3 * (math.sqrt(0.9 * 9 + 0.1) - 1) ** 2, rel=0.1)


def test_undefined_measures() -> None:
    reference = gaussian(100, 1)
    gaps = reference.values.copy()
    gaps[:, 1] = np.nan
    assert frechet_distance(Table(NAMES, gaps), reference) > 0.1  # no spread left in the one that is missing
    assert frechet_distance(reference, Table(NAMES, gaps)) == pytest.approx(
        frechet_distance(Table(("a", "c"), reference.values[:, [0, 2]]), Table(("a", "c"), gaps[:, [0, 2]]))
    )
    assert math.isnan(frechet_distance(gaussian(7, 1), reference))


def test_the_band_of_real_music_shrinks_with_more_samples() -> None:
    reference = gaussian(300, 1)
    small, large = real_band(reference, 10), real_band(reference, 100)
    assert 0 < large[0] < large[1] < small[0] < small[1]
    assert real_band(reference, 10) == small
    assert all(map(math.isnan, real_band(reference, 200)))
    assert all(map(math.isnan, real_band(reference, 4)))
