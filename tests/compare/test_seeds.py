"""Which key is the seed, and which make no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from aurl.compare.comparing import compare
from aurl.compare.run_data import RunData
from aurl.compare.seeds import with_seeds
from aurl.errors import ConfigError
from aurl.record import Json
from tests.compare.runs import curve, write_run


def runs(configs: Sequence[Mapping[str, Json]], seeds: Sequence[Json] | None = None) -> list[RunData]:
    given = seeds or [None] * len(configs)
    return [RunData(Path(str(at)), str(at), "x", "done", config=c, seed=given[at]) for at, c in enumerate(configs)]


@pytest.mark.parametrize(
    "key", ["data.rng", "replicate", "rep", "trial", "exp.repeat_id", "init.seeds.torch", "seedling"]
)
def test_a_seed_under_another_key_is_recognised_by_its_name_and_values(key: str) -> None:
    found, [told] = with_seeds(runs([{key: value, "lr": lr} for lr in (0.1, 0.2) for value in (1, 2, 3)]))
    assert [run.seed for run in found] == [1, 2, 3, 1, 2, 3]
    assert all(list(run.config) == ["lr"] for run in found)
    assert key in told
    assert "--seed-key" in told


@pytest.mark.parametrize(
    ("key", "values"), [("rep", (1, 2, 1)), ("trial", ("a", "b", "c")), ("rng", (0.1, 0.2, 0.3)), ("depth", (1, 2, 3))]
)
def test_few_values_others_than_whole_numbers_or_another_name_are_a_setting(key: str, values: Sequence[Json]) -> None:
    found, told = with_seeds(runs([{key: value} for value in values]))
    assert [run.config for run in found] == [{key: value} for value in values]
    assert told == []


def test_a_seed_key_is_taken_as_said_and_a_wrong_one_is_named() -> None:
    found, told = with_seeds(runs([{"fold": "a", "lr": 1}, {"fold": "b", "lr": 1}], [0, 0]), "fold")
    assert ([run.seed for run in found], told) == (["a", "b"], [])
    assert all(run.config == {"lr": 1} for run in found)
    with pytest.raises(ConfigError, match="--seed-key fould: no run has such a setting. Did you mean 'fold'"):
        with_seeds(runs([{"fold": "a"}]), "fould")


def test_ignored_keys_with_all_below_them_make_no_difference() -> None:
    found, _ = with_seeds(runs([{"data.a": at, "data.b": 1, "database": 2} for at in range(2)], [1, 2]), None, ["data"])
    assert [run.config for run in found] == [{"database": 2}] * 2
    with pytest.raises(ConfigError, match="--ignore dat: no run has"):
        with_seeds(runs([{"data.a": 1}]), None, ["dat"])


def test_runs_that_differ_in_an_ignored_key_or_a_second_seed_are_not_the_same_run_twice() -> None:
    crossed = [{"host": host, "lr": 1} for host in ("p", "q") for _ in (1, 2)]
    found, _ = with_seeds(runs(crossed, [1, 2, 1, 2]), None, ["host"])
    assert len({str(run.seed) for run in found}) == 4
    second, _ = with_seeds(runs([{"data_seed": at, "lr": 1} for at in (5, 6, 7)], [1, 1, 1]))
    assert len({str(run.seed) for run in second}) == 3


def test_a_comparison_with_a_seed_under_another_key_groups_by_the_settings(tmp_path: Path) -> None:
    for kind in "ab":
        for at in range(4):
            final = 1.0 + 0.1 * at + (kind == "b")
            write_run(tmp_path / f"{kind}{at}", curve(final), {"model.kind": kind, "exp.replicate": at}, seed=0)
    comparison = compare([tmp_path])
    assert [(group.id, group.n) for group in comparison.groups] == [("model.kind=a", 4), ("model.kind=b", 4)]
    assert comparison.claims[0].verdict == "better"
    assert any("exp.replicate is taken for a seed" in warning for warning in comparison.warnings)
    whole = compare([tmp_path], seed_key="seed")
    assert len(whole.groups) == 8
