from __future__ import annotations

import numpy as np
import pytest

from aurl.compare.run_data import RunData
from aurl.compare.statistics.pareto import front, pareto
from tests.compare.made import made, made_run

QUALITY = "quality/mean/overall"


def runs(points: dict[str, tuple[float, float]], *, seeds: int = 1, noise: float = 0.0) -> list[RunData]:
    rng = np.random.default_rng(0)
    return [
        made_run(
            f"{name}{seed}",
            loss + noise * float(rng.standard_normal()),
            {"model": name},
            seed=seed,
            finals={QUALITY: quality + noise * float(rng.standard_normal())},
        )
        for name, (loss, quality) in points.items()
        for seed in range(seeds)
    ]


def test_single_runs_are_dominated_by_plain_values() -> None:
    comparison = made(
        runs({"a": (1.0, 0.5), "b": (2.0, 0.9), "c": (2.1, 0.8), "d": (3.0, 0.4)}), objectives={QUALITY: "max"}
    )
    found = front(comparison)
    by = {point.group: point.dominated_by for point in found.points}
    assert [name for name, other in by.items() if other is None] == ["model=a", "model=b"]
    assert by["model=c"] == "model=b"
    assert not found.repeated
    assert {*pareto(comparison)} == {"a0", "b0"}


def test_what_is_worse_within_the_noise_stays() -> None:
    near = {"a": (1.0, 0.90), "b": (1.01, 0.89), "c": (2.0, 0.3)}
    found = front(made(runs(near, seeds=4, noise=0.1), objectives={QUALITY: "max"}))
    by = {point.group: point.dominated_by for point in found.points}
    assert by["model=a"] is None
    assert by["model=b"] is None
    assert by["model=c"] is not None
    assert found.repeated


def test_the_knee_is_the_balanced_one() -> None:
    points = {"a": (1.0, 0.1), "b": (1.2, 0.8), "c": (3.0, 0.9)}
    found = front(made(runs(points), objectives={QUALITY: "max"}))
    assert found.knee == "model=b"


@pytest.mark.parametrize("objectives", [{}, {QUALITY: "max"}])
def test_without_a_second_objective_there_is_nothing_to_weigh(objectives: dict[str, str]) -> None:
    same = [made_run(name, value, {"model": name}, finals={QUALITY: 0.5}) for name, value in (("a", 1.0), ("b", 2.0))]
    comparison = made(same, objectives=objectives)  # type: ignore[arg-type]
    assert front(comparison).points == ()
    assert comparison.pareto == ()


def test_no_run_counts() -> None:
    comparison = made([made_run("a", None, {"model": "a"}), made_run("b", None, {"model": "b"})])
    assert comparison.pareto == ()
    assert comparison.objectives == {}, "an objective is one that a counted run has a value for"


@pytest.mark.parametrize("seed", range(5))
def test_dominated_points_are_those_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = {f"m{at}": (float(rng.random()), float(rng.random())) for at in range(25)}
    found = front(made(runs(points), objectives={QUALITY: "max"}))
    for point in found.points:
        loss, quality = points[point.group.removeprefix("model=")]
        beaten = any(a <= loss and q >= quality and (a, q) != (loss, quality) for a, q in points.values())
        assert (point.dominated_by is not None) == beaten
