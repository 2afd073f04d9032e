"""Analysis of grids against hand-made effects, Monte Carlo, and the textbook's one-way case."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aurl.compare.search_space import Setting
from aurl.compare.statistics.anova import analyse, is_grid, omega_squared


def grid(seeds: int = 5) -> tuple[dict[str, list[Setting]], list[int]]:
    rows = [(model, rate, seed) for model in "abc" for rate in (0.1, 0.01) for seed in range(seeds)]
    models, rates, drawn = zip(*rows, strict=True)
    return {"model": list(models), "lr": list(rates)}, list(drawn)


def test_what_is_a_grid() -> None:
    columns, _ = grid()
    assert is_grid(columns)
    assert not is_grid({name: column[:-5] for name, column in columns.items()})
    assert not is_grid({"lr": np.random.default_rng(0).random(30).tolist()})
    assert not is_grid({})


def test_effects_are_found_and_the_rest_is_not() -> None:
    columns, seeds = grid()
    rng = np.random.default_rng(0)
    y = np.array([{"a": 0.0, "b": 1.0, "c": 1.1}[model] for model in columns["model"]]) + 0.2 * rng.standard_normal(30)
    found = analyse(columns, y, seeds)
    first, second = found.settings
    assert first.names == ("model",)
    assert first.p < 1e-6
    assert first.share > 0.7
    assert first.ci[0] < first.share < first.ci[1] <= 1
    assert second.p > 0.05
    assert second.ci[0] == 0
    assert found.blocked
    assert [level for level, _, _ in found.means["lr"]] == [0.01, 0.1]
    for level, mean, (low, high) in found.means["model"]:
        assert mean == pytest.approx(y[[model == level for model in columns["model"]]].mean())
        assert low < mean < high


def test_what_two_settings_do_only_together() -> None:
    columns, seeds = grid()
    both = [(model == "a") == (rate == 0.1) for model, rate in zip(*columns.values(), strict=True)]
    y = np.array(both, float) + 0.1 * np.random.default_rng(1).standard_normal(30)
    found = analyse(columns, y, seeds)
    assert found.pairs[0].p < 1e-6
    assert all(effect.p < 1e-3 for effect in found.settings)


def test_seeds_are_blocks_also_where_a_run_is_missing() -> None:
    columns, seeds = grid()
    rng = np.random.default_rng(2)
    y = np.array([5.0 * seed for seed in seeds]) + np.array([0.4 * (m == "a") for m in columns["model"]])
    y += 0.1 * rng.standard_normal(30)
    less = {name: column[1:] for name, column in columns.items()}
    for found in (analyse(columns, y, seeds), analyse(less, y[1:], seeds[1:])):
        assert found.blocked
        assert found.settings[0].names == ("model",)
        assert found.settings[0].p < 0.01
        assert found.noise < 0.2
    assert not analyse(columns, y, [0] * 30).blocked


@pytest.mark.slow
def test_pure_noise_is_seldom_an_effect() -> None:
    columns, seeds = grid(3)
    rng = np.random.default_rng(3)
    claimed = [min(e.p for e in analyse(columns, rng.standard_normal(18), seeds).settings) < 0.05 for _ in range(60)]
    assert sum(claimed) <= 8  # 3 expected; more than 8 has a probability of 0.4 %


def test_one_way_omega_squared() -> None:
    """Three groups of known data: omega squared by its definition, SS and MS from the definition as well."""
    rng = np.random.default_rng(4)
    groups = [rng.normal(mean, 1, 8) for mean in (0, 1, 2)]
    y = np.concatenate(groups)
    f, _ = stats.f_oneway(*groups)
    within = sum(((group - group.mean()) ** 2).sum() for group in groups)
    total = ((y - y.mean()) ** 2).sum()
    ms = within / 21
    expected = (total - within - 2 * ms) / (total + ms)
    share, (low, high) = omega_squared(float(f), 2, 21, float(ms / total), 24)
    assert share == pytest.approx(expected)
    assert 0 <= low < share < high < 1
    assert analyse({"g": ["a"] * 8 + ["b"] * 8 + ["c"] * 8}, y, [0] * 24).settings[0].share == pytest.approx(expected)


def test_interval_holds_the_true_share() -> None:
    """Two levels, true effect variance 1 and noise variance 1: the true share is a half."""
    rng = np.random.default_rng(5)
    level = np.repeat([-1.0, 1.0], 15)
    held = 0
    for _ in range(300):
        y = level + rng.standard_normal(30)
        f, _ = stats.f_oneway(y[:15], y[15:])
        rest = y[:15].var() + y[15:].var()
        ms = rest * 15 / 28
        _, (low, high) = omega_squared(float(f), 1, 28, float(ms / ((y - y.mean()) ** 2).sum()), 30)
        held += low <= 0.5 <= high
    assert held >= 0.90 * 300
