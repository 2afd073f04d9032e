"""Three small statistics that several metrics use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aurl.quality.sheet import Ints


def entropy(counts: NDArray[np.int64] | NDArray[np.float64]) -> float:
    """Shannon entropy in bits of a histogram with at least one count."""
    share = counts[counts > 0] / counts.sum()
    return float((share * np.log2(1 / share)).sum())


def gini_mean_difference(values: NDArray[np.int64] | NDArray[np.float64]) -> float:
    """The mean absolute difference of two different ones of N >= 2 values: what random order would give on average.

    By order statistics, 2 sum((2i - n - 1) x_(i)) / (n (n - 1)); David, "Order Statistics", 1970.
    """
    n = len(values)
    rank = 2 * np.arange(1, n + 1) - n - 1
    return float(2 * (rank * np.sort(values)).sum() / (n * (n - 1)))


def distinct(codes: NDArray[np.uint64], n: int) -> float:
    """Distinct-n: the share of n-grams that are different ones, of at least n codes.

    Li et al., "A diversity-promoting objective function for neural conversation models", NAACL 2016.
    """
    grams = np.sort(ngrams(codes, n))
    return float((1 + np.count_nonzero(np.diff(grams))) / len(grams))


def ngrams(codes: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """One 64-bit polynomial hash for each n-gram, uint64 [N - n + 1]; arithmetic is modulo 2^64.

    Karp & Rabin, "Efficient randomized pattern-matching algorithms", IBM Journal 1987.
    """
    count = max(0, len(codes) - n + 1)
    total = np.zeros(count, np.uint64)
    for step in range(n):
        total += codes[step : step + count] * np.uint64(pow(_BASE, step, 1 << 64))
    return total


def random_codes(size: int, seed: int) -> NDArray[np.uint64]:
    """Fixed random 64-bit words, one for each symbol; a set is coded by the sum of its members' words.

    Zobrist, "A new hashing method with application for game playing", 1970.
    """
    return np.random.default_rng(seed).integers(1, 1 << 63, size, dtype=np.uint64)


def clipped_counts(values: Ints, top: int) -> Ints:
    """The histogram of values from 0, those above `top` counted as `top`."""
    return np.bincount(np.minimum(values, top))


_BASE = 6364136223846793005  # Knuth's MMIX multiplier: odd, so that every power is invertible modulo 2^64
