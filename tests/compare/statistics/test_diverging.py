from __future__ import annotations

import numpy as np
import pytest

from aurl.compare.search_space import Setting
from aurl.compare.statistics.diverging import diverging


def columns(count: int = 40) -> dict[str, list[Setting]]:
    rng = np.random.default_rng(0)
    return {
        "optim.lr": (10 ** rng.uniform(-5, -1, count)).tolist(),
        "model": rng.choice(["a", "b"], count).tolist(),
        "width": rng.choice([64, 128], count).tolist(),
    }


def test_a_rate_that_is_too_high() -> None:
    settings = columns()
    failed = [rate > 0.02 for rate in settings["optim.lr"]]
    (found,) = diverging(settings, failed)
    assert (found.name, found.side) == ("optim.lr", ">=")
    assert found.setting == min(rate for rate in settings["optim.lr"] if rate > 0.02)
    assert (found.failed, found.tried, found.failed_else) == (sum(failed), sum(failed), 0)
    assert found.p < 1e-3
    assert "mannwhitneyu" in found.method


def test_one_level_and_then_another_setting() -> None:
    settings = columns(60)
    failed = [m == "b" or r > 0.03 for m, r in zip(settings["model"], settings["optim.lr"], strict=True)]
    found = diverging(settings, failed)
    assert [one.name for one in found] == ["model", "optim.lr"]
    assert (found[0].side, found[0].setting) == ("=", "b")
    assert found[1].tried + found[1].tried_else == sum(model == "a" for model in settings["model"])


@pytest.mark.parametrize("failed", [[False] * 40, [True] * 40])
def test_nothing_to_tell_apart(failed: list[bool]) -> None:
    assert diverging(columns(), failed) == []


def test_failures_by_chance_are_seldom_blamed_on_a_setting() -> None:
    rng = np.random.default_rng(1)
    blamed = sum(bool(diverging(columns(), (rng.random(40) < 0.2).tolist())) for _ in range(100))
    assert blamed <= 11  # 5 expected; more than 11 has a probability of 0.4 %
