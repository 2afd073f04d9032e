"""Sweeps with known truth: finals of groups x seeds under many kinds of noise, and the rules that people use on them.

Arrays are B sweeps x G groups x S seeds; lower is better. Between seeds of a group the standard deviation is 1, but
where the noise itself says otherwise.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from aurl.compare.statistics import family

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rng = np.random.Generator

EFFECT = 1.5
SHARED = 0.6
_BETTER = 1  # the group that is better where one is


def _gaussian(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    return rng.normal(size=shape)


def _shared_seed(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    sweeps, _, seeds = shape
    own = rng.normal(size=shape)
    return np.asarray(SHARED**0.5 * rng.normal(size=(sweeps, 1, seeds)) + (1 - SHARED) ** 0.5 * own)


def _skewed(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    drawn = np.exp(rng.normal(size=shape))
    return np.asarray((drawn - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e))


def _divergent(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    return rng.normal(size=shape) + 6.0 * (rng.random(shape) < 0.1)


def _uneven(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    sigma = np.linspace(1.0, 5.0, shape[1]) / 3.0
    return np.asarray(rng.normal(size=shape) * sigma[None, :, None])


def _one_uneven(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    sigma = np.where(np.arange(shape[1]) == shape[1] - 1, 5.0, 1.0)
    return np.asarray(rng.normal(size=shape) * sigma[None, :, None])


def _t3(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    return np.asarray(rng.standard_t(3, size=shape) / 3**0.5)


def _bimodal(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    return np.asarray((2.0 * (rng.random(shape) < 0.5) - 1.0 + 0.3 * rng.normal(size=shape)) / 1.09**0.5)


def _often_divergent(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    return rng.normal(size=shape) + 6.0 * (rng.random(shape) < 0.2)


def _blown_up(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    x = rng.normal(size=shape)
    x[:, -1, 0] += 1e6
    return x


def _sd_by_group(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    return np.asarray(rng.normal(size=shape) * np.exp(0.7 * rng.normal(size=(*shape[:2], 1))))


def _seeds_by_group(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    sweeps, groups, seeds = shape
    effects = rng.normal(size=(sweeps, 2, seeds))
    return np.asarray(0.8**0.5 * effects[:, np.arange(groups) % 2] + 0.2**0.5 * rng.normal(size=shape))


def _ties(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    return np.asarray(np.round(2 * rng.normal(size=shape)) / 2)


def _near_the_top(rng: Rng, shape: tuple[int, int, int]) -> Floats:
    """An accuracy near 1, in units of its spread: many runs near the top, some far below."""
    return np.asarray((rng.gamma(2.0, size=shape) - 2.0) / 2**0.5)


NOISES: Mapping[str, Callable[[Rng, tuple[int, int, int]], Floats]] = {
    "gaussian": _gaussian,
    "shared seeds (60 % of the variance)": _shared_seed,
    "skewed (lognormal)": _skewed,
    "10 % divergent seeds (+6 sd)": _divergent,
    "sd from 1 to 5": _uneven,
    "one group of 5 times the sd": _one_uneven,
    "heavy tails (t, 3 df)": _t3,
    "bimodal": _bimodal,
    "20 % divergent seeds (+6 sd)": _often_divergent,
    "one run blown up": _blown_up,
    "sd lognormal by group (sigma 0.7)": _sd_by_group,
    "seeds act by group": _seeds_by_group,
    "ties (rounded to half an sd)": _ties,
    "accuracy near 1": _near_the_top,
}


def sweeps(noise: str, groups: int, seeds: int, *, count: int, effect: float = 0.0, seed: int = 0) -> Floats:
    """Finals of simulated sweeps; group 1 is better by `effect`.

    Returns:
        float64, shape (count, groups, seeds).
    """
    rng = np.random.default_rng([seed, groups, seeds, list(NOISES).index(noise)])
    x = NOISES[noise](rng, (count, groups, seeds))
    x[:, _BETTER] -= effect
    return x


def claimed(x: Floats, *, matched: bool, baseline: bool) -> Bools:
    """Which pairs `aurl compare` calls different, shape (B, P): all pairs, or all others against group 0."""
    pairs = baseline_pairs(x.shape[1]) if baseline else all_pairs(x.shape[1])
    return family.differences(x, pairs, matched=matched, baseline=baseline).shown_bp


def all_pairs(groups: int) -> list[tuple[int, int]]:
    return list(itertools.combinations(range(groups), 2))


def baseline_pairs(groups: int) -> list[tuple[int, int]]:
    return [(0, other) for other in range(1, groups)]


def power(shown: Bools, groups: int, *, baseline: bool) -> float:
    """How often the better group is shown to differ from another one, or from the baseline."""
    pairs = baseline_pairs(groups) if baseline else all_pairs(groups)
    about = [_BETTER in pair for pair in pairs]
    return float(shown[:, about][:, 0].mean() if baseline else shown[:, about].mean())


def best_mean_wins(x: Floats) -> Bools:
    """Every sorted table: the smallest mean is called the best."""
    return np.ones((len(x), 1), bool)


def bars_apart(x: Floats) -> Bools:
    """Standard errors that do not overlap."""
    mean, half = x.mean(axis=2), x.std(axis=2, ddof=1) / x.shape[2] ** 0.5
    return np.stack([abs(mean[:, i] - mean[:, j]) > half[:, i] + half[:, j] for i, j in all_pairs(x.shape[1])], axis=1)


def t_tests(x: Floats) -> Bools:
    """Welch's t test of each pair, uncorrected."""
    return np.asarray(_welch(x) < family.ALPHA)


def welch_holm(x: Floats) -> Bools:
    """Welch's t test of each pair, Holm over all of them."""
    p = _welch(x)
    order = np.argsort(p, axis=1)
    count = p.shape[1]
    ranked = np.take_along_axis(p, order, axis=1) * np.arange(count, 0, -1)
    adjusted = np.maximum.accumulate(ranked, axis=1)
    shown = np.empty_like(adjusted)
    np.put_along_axis(shown, order, adjusted, axis=1)
    return np.asarray(shown < family.ALPHA)


def bootstraps(x: Floats, resamples: int = 500) -> Bools:
    """A percentile bootstrap interval of each difference that leaves out zero."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, x.shape[2], (resamples, x.shape[1], x.shape[2]))
    means = np.stack([np.stack([x[:, g, c[g]].mean(axis=1) for g in range(x.shape[1])], axis=1) for c in chosen])
    found = []
    for i, j in all_pairs(x.shape[1]):
        low, high = np.percentile(means[:, :, i] - means[:, :, j], [2.5, 97.5], axis=0)
        found.append((low > 0) | (high < 0))
    return np.stack(found, axis=1)


def _welch(x: Floats) -> Floats:
    tests = [stats.ttest_ind(x[:, i], x[:, j], axis=1, equal_var=False) for i, j in all_pairs(x.shape[1])]
    return np.stack([np.asarray(test.pvalue, np.float64) for test in tests], axis=1)


COMMON: Mapping[str, Callable[[Floats], Bools]] = {
    "best mean wins": best_mean_wins,
    "standard errors do not overlap": bars_apart,
    "t test, uncorrected": t_tests,
    "bootstrap interval without 0": bootstraps,
    "Welch and Holm": welch_holm,
}
