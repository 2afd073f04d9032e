"""Entropy, Gini's mean difference, n-grams."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.quality.counting import clipped_counts, distinct, entropy, gini_mean_difference, ngrams, random_codes


def test_entropy() -> None:
    assert entropy(np.array([5])) == 0
    assert entropy(np.array([1, 0, 1, 1, 1])) == 2
    assert entropy(np.array([1, 3])) == pytest.approx(2 - 0.75 * math.log2(3))


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=30))
def test_gini_mean_difference_is_the_mean_over_pairs(values: list[int]) -> None:
    pairs = [abs(a - b) for a, b in itertools.combinations(values, 2)]
    assert gini_mean_difference(np.array(values)) == pytest.approx(sum(pairs) / len(pairs))


@given(st.lists(st.integers(0, 3), min_size=3, max_size=40), st.integers(1, 3))
def test_distinct_counts_different_ngrams(symbols: list[int], n: int) -> None:
    grams = [tuple(symbols[i : i + n]) for i in range(len(symbols) - n + 1)]
    assert distinct(random_codes(4, seed=9)[symbols], n) == len(set(grams)) / len(grams)


def test_ngrams_tell_order() -> None:
    a, b = random_codes(2, seed=9)
    assert ngrams(np.array([a, b]), 2) != ngrams(np.array([b, a]), 2)
    assert len(ngrams(np.array([a]), 2)) == 0


def test_counts_are_clipped() -> None:
    assert clipped_counts(np.array([1, 2, 9, 100]), 4).tolist() == [0, 1, 1, 0, 2]
