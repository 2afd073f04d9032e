"""What the settings do, on grids, searches and noise with known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aurl.compare.impact.importance import impact
from aurl.compare.impact.sensitivity import sensitivity
from tests.compare.made import METRIC, grid, made, made_run, search, searched


def params(found: object) -> list[str]:
    return [str(row["param"]) for row in found.rows]  # type: ignore[attr-defined]


def test_a_grid_is_analysed_by_anova() -> None:
    found = impact(made(grid()))
    assert params(found) == ["model", "optim.lr"]
    assert found.tests["model"] < 1e-4
    assert found.tests["optim.lr"] > 0.05
    assert found.r2 is None
    assert found.effects["model"]["x"] == ["a", "b"]
    low, high = found.rows[0]["ci"]  # type: ignore[misc]
    assert low < found.rows[0]["importance"] < high  # type: ignore[operator]


def test_a_grid_of_noise_supports_nothing() -> None:
    found = impact(made(grid(effect=0.0, noise=0.5)))
    assert found.rows == ()
    assert any("not enough evidence" in note for note in found.notes)


def test_a_search_is_learned_by_a_surrogate() -> None:
    found = searched().impact
    assert params(found)[:2] == ["optim.lr", "model"]
    shares = {str(row["param"]): row for row in found.rows}
    assert shares["model.width"]["ci"][1] < 0.1  # type: ignore[index]
    assert shares["optim.lr"]["ci"][0] > 0.5  # type: ignore[index]
    assert found.r2 is not None
    assert found.r2 > 0.8
    effect = found.effects["optim.lr"]
    assert effect["log"]
    lowest = effect["x"][int(np.argmin(effect["y"]))]  # type: ignore[index, arg-type]
    assert 3e-4 < lowest < 3e-3
    assert all(low <= y <= high for low, y, high in zip(effect["low"], effect["y"], effect["high"], strict=True))  # type: ignore[arg-type]


def test_a_search_over_noise_supports_nothing() -> None:
    rng = np.random.default_rng(3)
    runs = [replace(run, finals={METRIC: float(rng.standard_normal())}) for run in search(30)]
    found = impact(made(runs))
    assert found.rows == ()
    assert "leave-one-out R2" in " ".join(found.notes)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_too_few_runs_say_so(count: int) -> None:
    found = impact(made(search(40)[:count]))
    assert found.rows == ()
    assert "not enough evidence" in " ".join(found.notes)


def test_equal_values_and_two_hundred_settings_say_so() -> None:
    same = [replace(run, finals={METRIC: 1.0}) for run in search(12)]
    assert "the same in every run" in " ".join(impact(made(same)).notes)
    rng = np.random.default_rng(0)
    wide = [made_run(f"{at}", 1.0 + at, {f"key{k}": float(rng.random()) for k in range(200)}) for at in range(12)]
    assert "too few" in " ".join(impact(made(wide)).notes)


def test_settings_that_changed_together_are_one() -> None:
    runs = [
        replace(run, config={**run.config, "optim.warmup": 10 if run.config["model"] == "a" else 20}) for run in grid()
    ]
    found = impact(made(runs))
    assert params(found)[0] == "model & optim.warmup"
    assert any("changed together" in note for note in found.notes)


def test_failures_are_information() -> None:
    found = searched(diverging=0.005).impact
    (one,) = found.diverging
    assert (one["name"], one["side"], one["unit"]) == ("optim.lr", ">=", "configurations")
    assert one["failed"] == one["tried"]


def test_seeds_of_one_configuration_are_left_out_together() -> None:
    """Five seeds each of twelve configurations of pure noise between them: their neighbours predict nothing."""
    rng = np.random.default_rng(4)
    x = np.repeat(rng.random(12), 5)
    y = np.repeat(rng.standard_normal(12), 5) + 0.01 * rng.standard_normal(60)
    assert isinstance(sensitivity({"x": x.tolist()}, y), str)


def test_a_run_that_nearly_diverged_does_not_decide() -> None:
    runs = search()
    runs[3] = replace(runs[3], finals={METRIC: 1e6})
    found = impact(made(runs))
    assert any("interquartile" in note for note in found.notes)


@pytest.mark.slow
def test_many_runs_are_thinned() -> None:
    found = impact(made(search(400)))
    assert params(found)[0] == "optim.lr"
    assert any("chosen by lot" in note for note in found.notes)


def test_the_second_time_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = made(search(14, diverging=0.01))
    first = impact(comparison)
    monkeypatch.setattr("aurl.compare.impact.importance._analysed", None)
    assert impact(comparison) == first
    with pytest.raises(TypeError):
        impact(replace(comparison, runs=comparison.runs[1:]))
