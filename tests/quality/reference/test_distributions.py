"""Overlap and divergence of known distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurl.quality.reference.distributions import overlap, set_overlaps
from aurl.quality.reference.table import Table

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(0, 1, 4000)


def test_equal_sets_overlap_wholly() -> None:
    found = overlap(NORMAL, NORMAL)
    assert found.area == pytest.approx(1.0)
    assert found.divergence == pytest.approx(0.0, abs=1e-9)


def test_normal_distributions_one_apart() -> None:
    found = overlap(NORMAL, RNG.normal(1, 1, 4000))
    assert found.area == pytest.approx(0.617, abs=0.03)  # 2 Phi(-1/2)
    assert found.divergence == pytest.approx(0.5, abs=0.1)


def test_the_scale_of_the_numbers_does_not_matter() -> None:
    other = RNG.normal(1, 2, 500)
    near, far = overlap(NORMAL, other), overlap(NORMAL * 1e6, other * 1e6)
    assert near.area == pytest.approx(far.area)


def test_sets_far_apart_and_degenerate_ones() -> None:
    assert overlap(NORMAL, NORMAL + 100).area < 1e-6
    assert overlap(np.full(5, 2.0), np.full(9, 2.0)).area == 1.0
    assert math.isnan(overlap(np.array([1.0, np.nan]), NORMAL).area)


def test_sets_of_samples() -> None:
    reference = Table(("a", "b"), RNG.normal(size=(200, 2)).astype(np.float32))
    alike = Table(("a", "b"), RNG.normal(size=(100, 2)).astype(np.float32))
    found = set_overlaps(alike, reference)
    assert found["a"].area > 0.9
    shifted = Table(("a", "b"), alike.values + np.array([4, 0], np.float32))
    found = set_overlaps(shifted, reference)
    assert found["a"].area < 0.3
    assert found["b"].area > 0.9
