"""The tests of a family, against SciPy and statsmodels where they have them, and by simulation where truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multicomp import pairwise_tukeyhsd
from statsmodels.stats.power import TTestIndPower

from aurl.compare.statistics import family
from aurl.compare.statistics.dunnett import dunnett_critical, dunnett_sf
from aurl.compare.statistics.power import power, seeds_needed
from benchmarks.simulated_sweeps import NOISES, all_pairs, baseline_pairs, claimed, sweeps
from benchmarks.simulated_sweeps import power as shown_power

RNG = np.random.default_rng(0)


def test_unmatched_all_pairs_are_tukey_s() -> None:
    x = RNG.normal(size=(1, 4, 5)) + np.arange(4)[None, :, None]
    found = family.differences(x, all_pairs(4), matched=False, baseline=False)
    oracle = pairwise_tukeyhsd(x[0].ravel(), np.repeat(np.arange(4), 5))
    np.testing.assert_allclose(-found.delta_bp[0], oracle.meandiffs, atol=1e-10)
    half = found.critical * found.se_bp[0]
    np.testing.assert_allclose(half, (oracle.confint[:, 1] - oracle.confint[:, 0]) / 2, rtol=1e-3)
    p = family.adjusted_p(found.delta_bp[0] / found.se_bp[0], 4, 16, baseline=False)
    np.testing.assert_allclose(p, oracle.pvalues, atol=1e-3)


def test_against_a_baseline_unmatched_it_is_dunnett_s() -> None:
    x = RNG.normal(size=(1, 4, 6)) + 0.7 * np.arange(4)[None, :, None]
    found = family.differences(x, baseline_pairs(4), matched=False, baseline=True)
    oracle = stats.dunnett(*x[0, 1:], control=x[0, 0])
    np.testing.assert_allclose(-found.delta_bp[0] / found.se_bp[0], oracle.statistic, rtol=1e-9)
    p = family.adjusted_p(found.delta_bp[0] / found.se_bp[0], 4, 20, baseline=True)
    np.testing.assert_allclose(p, oracle.pvalue, atol=2e-3)


def test_two_matched_groups_are_the_paired_t_test() -> None:
    x = RNG.normal(size=(1, 2, 6)) + RNG.normal(size=(1, 1, 6))
    found = family.differences(x, [(0, 1)], matched=True, baseline=False)
    oracle = stats.ttest_rel(x[0, 0], x[0, 1])
    assert found.delta_bp[0, 0] / found.se_bp[0, 0] == pytest.approx(oracle.statistic)
    assert found.p_pair_bp[0, 0] == pytest.approx(oracle.pvalue)
    assert family.adjusted_p(np.array([oracle.statistic]), 2, 5, baseline=False)[0] == pytest.approx(
        oracle.pvalue, abs=1e-4
    )


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


def test_many_p_values_are_interpolated_closely() -> None:
    t = np.linspace(0.0, 8.0, 40)
    quick = family.adjusted_p(t, 6, 20, baseline=False)
    exact = np.concatenate([family.adjusted_p(part, 6, 20, baseline=False) for part in np.array_split(t, 2)])
    np.testing.assert_allclose(quick, exact, atol=2e-3)
    np.testing.assert_array_equal(quick < 0.05, exact < 0.05)


@pytest.mark.parametrize(("count", "df", "table"), [(2, 5, 3.03), (5, 10, 2.99), (9, 60, 2.77), (1, 10, 2.23)])
def test_dunnett_s_two_sided_table(count: int, df: int, table: float) -> None:
    assert dunnett_critical(count, df, 0.95) == pytest.approx(table, abs=0.006)


@pytest.mark.parametrize(("count", "df", "table"), [(2, 5, 2.44), (1, 10, 1.81), (2, 6, 2.34)])
def test_dunnett_s_one_sided_table(count: int, df: int, table: float) -> None:
    critical = dunnett_critical(count, df, 0.95, two_sided=False)
    assert critical == pytest.approx(table, abs=0.006)
    assert dunnett_sf(critical, count, df, two_sided=False) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("noise", list(NOISES))
@pytest.mark.parametrize("matched", [True, False])
def test_false_claims_stay_rare(noise: str, matched: bool) -> None:
    limit = (
        0.13 if "times" in noise or "from 1 to 5" in noise else 0.09
    )  # 0.11 and 0.07, and three standard errors of 1,000
    for groups in (2, 6):
        for seeds in (3, 5):
            x = sweeps(noise, groups, seeds, count=1000, seed=5)
            for baseline in (False, True):
                assert claimed(x, matched=matched, baseline=baseline).any(axis=1).mean() <= limit


def test_matched_seeds_and_a_baseline_have_the_power_that_is_promised() -> None:
    for seeds, least, against in ((3, 0.20, 0.24), (5, 0.65, 0.70)):
        x = sweeps("shared seeds (60 % of the variance)", 6, seeds, count=2000, effect=1.5)
        assert shown_power(claimed(x, matched=True, baseline=False), 6, baseline=False) >= least - 0.02
        assert shown_power(claimed(x, matched=True, baseline=True), 6, baseline=True) >= against - 0.02


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
