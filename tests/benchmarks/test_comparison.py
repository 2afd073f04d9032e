"""The tables of the comparison benchmark, on few sweeps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from benchmarks import comparison
from benchmarks.simulated_sweeps import NOISES, all_pairs, bars_apart, best_mean_wins, sweeps, t_tests, welch_holm


@pytest.mark.slow
@pytest.mark.parametrize("part", ["power", "best_set"])
def test_a_part_is_a_table_and_is_kept(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(comparison, "_count", lambda quick: 40)
    monkeypatch.setattr(sys, "argv", ["comparison.py", "--groups", "2", "3", "--only", part])
    comparison.main()
    first = capsys.readouterr().out
    assert "(40 sweeps a cell)" in first
    assert all(noise in first for noise in NOISES)
    monkeypatch.setattr(comparison, "_count", lambda quick: 50)
    comparison.main()
    assert "(40 sweeps a cell)" in capsys.readouterr().out, "what is known is not computed again"
    monkeypatch.setattr(sys, "argv", ["comparison.py", "--groups", "2", "3", "--only", part, "--again"])
    comparison.main()
    assert "(50 sweeps a cell)" in capsys.readouterr().out


@pytest.mark.parametrize("noise", list(NOISES))
def test_noise_has_the_spread_it_says(noise: str) -> None:
    x = sweeps(noise, 3, 4, count=20_000)
    assert x.shape == (20_000, 3, 4)
    if noise in {"gaussian", "shared seeds (60 % of the variance)", "skewed (lognormal)"}:
        np.testing.assert_allclose(x.std(), 1.0, atol=0.1)
        np.testing.assert_allclose(x.mean(), 0.0, atol=0.02)
    if "shared" in noise:
        between = np.corrcoef(x[:, 0, 0], x[:, 1, 0])[0, 1]
        assert between == pytest.approx(0.6, abs=0.03)
    better = sweeps(noise, 3, 4, count=20_000, effect=1.5)
    np.testing.assert_allclose(x[:, 1] - better[:, 1], 1.5)


def test_the_common_rules_are_what_they_are_called() -> None:
    x = sweeps("gaussian", 4, 5, count=5, effect=1.5)
    assert best_mean_wins(x).all()
    assert bars_apart(x).shape == (5, 6)
    p = np.array([[_welch(sweep[i], sweep[j]) for i, j in all_pairs(4)] for sweep in x])
    np.testing.assert_array_equal(t_tests(x), p < 0.05)
    np.testing.assert_array_equal(welch_holm(x), [multipletests(row, method="holm")[0] for row in p])


def _welch(a: np.ndarray, b: np.ndarray) -> float:  # type: ignore[type-arg]
    from scipy.stats import ttest_ind

    return float(ttest_ind(a, b, equal_var=False).pvalue)


def test_a_cell_beyond_its_bound_is_marked() -> None:
    assert comparison._marked(np.arange(1000) < 100, 0.05, above=True) == "0.100!"
    assert comparison._marked(np.arange(1000) < 55, 0.05, above=True) == "0.055"
    assert comparison._marked(np.arange(1000) < 900, 0.95, above=False) == "0.900!"
