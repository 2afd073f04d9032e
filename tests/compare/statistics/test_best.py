from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aurl.compare.statistics.best import best, best_group, chances, passed_over, rerun, typical_run
from tests.compare.made import grid, made, made_run, searched


def test_the_clear_winner_is_picked_and_wins_always() -> None:
    comparison = made(grid(effect=1.0))
    chosen = best(comparison)
    assert str(chosen["group"]).startswith("model=a")
    share = chances(comparison)
    assert sum(share.values()) == pytest.approx(1)
    assert share["model=b, optim.lr=0.001"] < 0.001
    assert set(chosen) == {"group", "run", "config", "why"}


def test_ties_share_the_chance_of_being_best() -> None:
    runs = [made_run(f"{m}{at}", 1.0 + 0.1 * at, {"model": m}, seed=at) for m in "ab" for at in range(3)]
    assert chances(made(runs)) == pytest.approx({"model=a": 0.5, "model=b": 0.5}, abs=0.03)


def test_identical_runs_have_no_noise_to_judge_by() -> None:
    runs = [made_run(f"{m}{at}", 1.0, {"model": m}, seed=at) for m in "ab" for at in range(3)]
    assert chances(made(runs)) == {}


def test_three_seeds_make_nobody_certain() -> None:
    runs = [
        made_run(f"{m}{at}", value + (m == "b"), {"model": m}, seed=10 * ord(m) + at)
        for m in "ab"
        for at, value in enumerate((1.0, 1.3, 1.6))
    ]
    assert 0.8 < chances(made(runs))["model=a"] < 0.99


def test_one_that_ended_ahead_but_failed_more_is_passed_over_and_named() -> None:
    runs = [made_run(f"a{at}", 0.8 + 0.01 * at, {"k": "a"}, seed=at) for at in range(3)]
    runs += [made_run(f"a{at}", None, {"k": "a"}, seed=at) for at in (3, 4)]
    runs += [made_run(f"b{at}", 1.0 + 0.013 * at, {"k": "b"}, seed=at) for at in range(5)]
    comparison = made(runs)
    chosen = best_group(comparison)
    assert chosen is not None
    assert chosen.id == "k=b"
    passed = passed_over(comparison, chosen)
    assert passed is not None
    assert passed.id == "k=a"
    assert "failed less often than k=a, which ended lower" in str(comparison.best["why"])
    assert "probability" not in str(comparison.best["why"])


def test_the_typical_run_is_the_one_at_the_median() -> None:
    runs = [made_run(f"r{at}", value, {"model": "a"}, seed=at) for at, value in enumerate((0.1, 1.0, 1.1, 1.2, 9.0))]
    assert typical_run(made(runs).groups[0]).id == "r2"


def test_of_equals_the_one_that_failed_less() -> None:
    runs = grid(effect=0.0, noise=0.3, seeds=6)
    first = made(runs)
    leading = best_group(first)
    assert leading is not None
    lost = {run.id for run in leading.runs[:2]}
    again = made([replace(run, fate="failed", finals={}) if run.id in lost else run for run in runs])
    chosen = best_group(again)
    assert chosen is not None
    assert chosen.failed == 0


def test_single_runs_are_picked_with_a_warning() -> None:
    chosen = best(searched(12))
    assert "fresh seeds" in str(chosen["why"])
    assert chances(searched(12)) == {}


def test_nothing_counts() -> None:
    assert best(made([made_run("a", None, {"model": "a"})]))["group"] is None


def test_rerun_takes_the_overrides_that_hydra_noted(tmp_path: Path) -> None:
    run = replace(made_run("a", 1.0, {}), path=tmp_path, argv=("train.py", "-m", "optim.lr=1e-3,1e-4"))
    assert rerun(run) == ""
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "overrides.yaml").write_text("- optim.lr=0.001\n- name=it's mine\n")
    assert rerun(run) == "python train.py optim.lr=0.001 'name=it'\"'\"'s mine'"
    (tmp_path / ".hydra" / "overrides.yaml").write_text("{{{ not yaml")
    assert rerun(run) == ""


def test_rerun_of_a_single_run_is_its_own_command() -> None:
    assert rerun(replace(made_run("a", 1.0, {}), argv=("train.py", "seed=1"))) == "python train.py seed=1"
    assert rerun(made_run("a", 1.0, {})) == ""
