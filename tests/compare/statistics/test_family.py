"""The tests of a family, against SciPy and statsmodels where they have them, and by simulation where truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multicomp import pairwise_tukeyhsd
from statsmodels.stats.power import TTestIndPower

from aurl.compare.statistics import family
from aurl.compare.statistics.noise import EQUAL
from aurl.compare.statistics.power import power, seeds_needed
from benchmarks.simulated_sweeps import NOISES, all_pairs, baseline_pairs, claimed, sweeps
from benchmarks.simulated_sweeps import power as shown_power

RNG = np.random.default_rng(0)


def test_with_one_variance_for_all_it_is_tukey_s_test() -> None:
    x = RNG.normal(size=(1, 4, 5)) + np.arange(4)[None, :, None]
    found = family.differences(x, all_pairs(4), matched=False, baseline=False, intervals=True, prior=EQUAL)
    oracle = pairwise_tukeyhsd(x[0].ravel(), np.repeat(np.arange(4), 5))
    np.testing.assert_allclose(-found.delta_bp[0], oracle.meandiffs, atol=1e-10)
    assert (found.half_bp[0] >= (oracle.confint[:, 1] - oracle.confint[:, 0]) / 2 - 1e-3).all(), "both tests must agree"
    decided = oracle.pvalues > found.p_pair_bp[0] * family.ALPHA / 0.03
    np.testing.assert_allclose(found.adjusted_bp[0][decided], oracle.pvalues[decided], atol=1e-3)
    assert decided.any()


def test_with_one_variance_against_a_baseline_it_is_dunnett_s_test() -> None:
    x = RNG.normal(size=(1, 4, 6)) + 0.7 * np.arange(4)[None, :, None]
    found = family.differences(x, baseline_pairs(4), matched=False, baseline=True, prior=EQUAL)
    oracle = stats.dunnett(*x[0, 1:], control=x[0, 0])
    expected = np.maximum(oracle.pvalue, np.minimum(found.p_pair_bp[0] * family.ALPHA / 0.03, 1.0))
    np.testing.assert_allclose(found.adjusted_bp[0], expected, atol=4e-3)


def test_two_groups_are_the_paired_or_welch_s_t_test() -> None:
    x = RNG.normal(size=(1, 2, 6)) + RNG.normal(size=(1, 1, 6))
    paired = family.differences(x, [(0, 1)], matched=True, baseline=False, intervals=True)
    oracle = stats.ttest_rel(x[0, 0], x[0, 1])
    assert paired.delta_bp[0, 0] / paired.se_bp[0, 0] == pytest.approx(oracle.statistic)
    assert paired.p_pair_bp[0, 0] == paired.adjusted_bp[0, 0] == pytest.approx(oracle.pvalue)
    assert paired.half_bp[0, 0] == pytest.approx(paired.se_bp[0, 0] * stats.t.ppf(0.975, 5), rel=1e-3)
    apart = family.differences(x, [(0, 1)], matched=False, baseline=False)
    assert apart.adjusted_bp[0, 0] == pytest.approx(stats.ttest_ind(x[0, 0], x[0, 1], equal_var=False).pvalue)


def test_an_interval_leaves_out_zero_exactly_where_a_claim_is_made() -> None:
    x = RNG.normal(size=(60, 4, 4)) + 1.2 * np.arange(4)[None, :, None]
    for matched in (True, False):
        for baseline in (True, False):
            pairs = baseline_pairs(4) if baseline else all_pairs(4)
            found = family.differences(x, pairs, matched=matched, baseline=baseline, intervals=True)
            np.testing.assert_array_equal(np.abs(found.delta_bp) > found.half_bp, found.shown_bp)
            assert 0 < found.shown_bp.mean() < 1


def test_one_group_that_blew_up_leaves_the_other_pairs_alone() -> None:
    x = 0.02 * RNG.normal(size=(1, 3, 5)) + np.array([1.0, 1.3, 0.8])[None, :, None]
    calm = {m: family.differences(x, all_pairs(3), matched=m, baseline=False, intervals=True) for m in (True, False)}
    x[0, 2, 0] = 1e6
    for matched, before in calm.items():
        found = family.differences(x, all_pairs(3), matched=matched, baseline=False, intervals=True)
        assert found.shown_bp.tolist() == [[True, False, False]]
        assert found.half_bp[0, 0] < 3 * before.half_bp[0, 0]


def test_heavy_tails_are_compared_by_interquartile_means() -> None:
    calm = RNG.normal(size=(200, 3, 10))
    wild = RNG.standard_t(2, size=(200, 3, 10))
    for matched in (True, False):
        assert family.heavy_tailed(calm, matched=matched).mean() < 0.1
        assert family.heavy_tailed(wild, matched=matched).mean() > 0.4
        assert not family.heavy_tailed(wild[:, :, :6], matched=matched).any(), "six runs tell nothing about tails"
    x = np.zeros((1, 2, 8)) + np.arange(8)
    x[0, 1] += 3.0
    x[0, :, 7] = 1e4
    found = family.differences(x, [(0, 1)], matched=False, baseline=False)
    assert found.delta_bp[0, 0] == pytest.approx(stats.trim_mean(x[0, 0], 0.25) - stats.trim_mean(x[0, 1], 0.25))


def test_what_a_seed_does_to_all_groups_is_no_noise() -> None:
    x = RNG.normal(size=(1, 3, 5))
    shifted = x + 100.0 * np.arange(5)
    plain, moved = (family.differences(y, all_pairs(3), matched=True, baseline=False) for y in (x, shifted))
    np.testing.assert_allclose(plain.delta_bp, moved.delta_bp, atol=1e-9)
    np.testing.assert_allclose(plain.se_bp, moved.se_bp, atol=1e-9)


def test_a_missing_run_leaves_the_others_matched() -> None:
    x = RNG.normal(size=(1, 3, 5)) + 100.0 * np.arange(5)
    x[0, 1, 2] = math.nan
    assert family.are_matched(x[0])
    found = family.differences(x, [(0, 1)], matched=True, baseline=False)
    assert abs(found.delta_bp[0, 0]) < 5.0, "the mean over other seeds alone would be off by tens"
    shared = [0, 1, 3, 4]
    assert found.p_pair_bp[0, 0] == pytest.approx(stats.ttest_rel(x[0, 0, shared], x[0, 1, shared]).pvalue)
    x[0, 1, 3:] = math.nan
    assert not family.are_matched(x[0])


def test_seeds_that_few_groups_share_are_no_design() -> None:
    x = np.full((2, 8), 1.0)
    x[0, 5:] = math.nan
    x[1, :2] = math.nan
    assert not family.are_matched(x), "three seeds are shared, of five and six"
    x[1, 5:] = math.nan
    assert family.are_matched(x)
    assert not family.are_matched(x[:, :4]), "two are too few"


@pytest.mark.parametrize("noise", list(NOISES))
@pytest.mark.parametrize("matched", [True, False])
def test_false_claims_stay_rare(noise: str, matched: bool) -> None:
    # 0.05, and three standard errors of 500; where one of six groups is five times as noisy, up to 0.10 is measured
    limit = 0.135 if "times" in noise else 0.08
    for groups in (2, 6):
        for seeds in (3, 5):
            x = sweeps(noise, groups, seeds, count=500, seed=5)
            for baseline in (False, True):
                assert claimed(x, matched=matched, baseline=baseline).any(axis=1).mean() <= limit


def test_matched_seeds_and_a_baseline_have_the_power_that_is_promised() -> None:
    for seeds, least, against in ((3, 0.18, 0.25), (5, 0.60, 0.72)):
        x = sweeps("shared seeds (60 % of the variance)", 6, seeds, count=1000, effect=1.5)
        assert shown_power(claimed(x, matched=True, baseline=False), 6, baseline=False) >= least - 0.03
        assert shown_power(claimed(x, matched=True, baseline=True), 6, baseline=True) >= against - 0.03


@pytest.mark.parametrize("effect", [0.0, 1.5])
def test_the_best_set_holds_the_best(effect: float) -> None:
    x = sweeps("gaussian", 6, 5, count=1000, effect=effect)
    for matched in (True, False):
        behind = family.behind_the_best(x, matched=matched, lower_is_better=True)
        assert not behind[:, np.arange(6), np.arange(6)].any()
        assert (~behind.any(axis=2))[:, 1].mean() >= 0.94
        mirrored = family.behind_the_best(-x, matched=matched, lower_is_better=False)
        np.testing.assert_array_equal(behind, mirrored)
    assert family.behind_the_best(x[:, :1], matched=False, lower_is_better=True).sum() == 0


@pytest.mark.parametrize(("effect", "n", "alpha"), [(0.5, 20, 0.05), (1.5, 5, 0.01), (0.2, 3, 0.05)])
def test_power_is_statsmodels(effect: float, n: int, alpha: float) -> None:
    assert power(effect, n, alpha) == pytest.approx(TTestIndPower().power(effect, n, alpha), abs=1e-9)


def test_seeds_needed_is_the_smallest_number_that_has_power() -> None:
    assert seeds_needed(1.0, 1) == math.ceil(TTestIndPower().solve_power(1.0, alpha=0.05, power=0.8))
    assert seeds_needed(1.0, 15) == math.ceil(TTestIndPower().solve_power(1.0, alpha=0.05 / 15, power=0.8))
    assert seeds_needed(50.0, 1) == 2
    assert seeds_needed(0.05, 1) is None
    assert seeds_needed(math.nan, 1) is None
    assert seeds_needed(0.12, 66) is None, "more than a thousand runs is no advice"
