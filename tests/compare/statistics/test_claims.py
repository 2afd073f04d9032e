"""The rule by which one group is called better than another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.compare.gathering import groups_of
from aurl.compare.model import Claim, Group
from aurl.compare.run_data import RunCurve, RunData
from aurl.compare.statistics.claims import Question, best_set, claims
from aurl.compare.statistics.failing import failure_tests
from benchmarks.simulated_sweeps import all_pairs, claimed, sweeps
from tests.compare.runs import METRIC

MIN = Question("min")


def run(group: str, seed: int | None, value: float | None) -> RunData:
    curve = RunCurve(np.array([1]), np.array([value or 0.0]), np.array([1.0]))
    finals = {} if value is None else {METRIC: value}
    fate = "failed" if value is None else "counted"
    name = f"{group}{seed}"
    return RunData(
        Path(name), name, "x", "done", fate, seed=seed, finals=finals, curves={METRIC: curve}, config={"k": group}
    )


def grouped(values: dict[str, Sequence[float | None]], *, seeds: bool = True, mode: str = "min") -> list[Group]:
    """Groups with these finals, None for a failed run; without `seeds` each run has a seed that no other has."""
    number = itertools.count(100)
    runs = [
        run(name, at if seeds else next(number), value) for name, row in values.items() for at, value in enumerate(row)
    ]
    return groups_of(runs, {"k": [one.config["k"] for one in runs]}, METRIC, "min" if mode == "min" else "max")


def only(found: tuple[Claim, ...]) -> Claim:
    [claim] = found
    return claim


def test_a_clear_difference_on_matched_seeds() -> None:
    claim = only(claims(grouped({"a": [1.0, 2.0, 3.0], "b": [2.01, 3.0, 4.02]}), MIN))
    assert (claim.a, claim.b, claim.verdict, claim.n_a, claim.n_b) == ("k=a", "k=b", "better", 3, 3)
    assert claim.delta == pytest.approx(-1.01)
    assert claim.ci is not None
    assert claim.ci[0] < claim.delta < claim.ci[1] < 0
    assert claim.effect is not None
    assert claim.effect > 0
    assert "ttest_rel" in claim.test
    assert claim.seeds_needed is None


def test_the_same_numbers_on_other_seeds_show_nothing_and_say_how_many_runs_would() -> None:
    claim = only(claims(grouped({"a": [1.0, 2.0, 3.0], "b": [2.01, 3.0, 4.02]}, seeds=False), MIN))
    assert claim.verdict == "no evidence"
    assert "ttest_ind" in claim.test
    assert claim.seeds_needed is not None
    assert claim.seeds_needed > 3


@pytest.mark.parametrize("counts", [(1, 1), (2, 2), (2, 5), (1, 9)])
def test_nothing_is_claimed_with_fewer_than_three_runs_a_side(counts: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    rows = {name: list(at * 1000.0 + rng.normal(size=n)) for at, (name, n) in enumerate(zip("ab", counts, strict=True))}
    claim = only(claims(grouped(rows), MIN))
    assert claim.verdict == "too few runs"
    assert claim.p is None
    assert claim.ci is None
    assert claim.seeds_needed == (3 if max(counts) > 1 else None)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=2), min_size=2))
def test_no_values_whatever_of_two_runs_are_a_claim(rows: dict[str, list[float]]) -> None:
    groups = grouped(dict(rows))
    assert all(claim.verdict == "too few runs" for claim in claims(groups, MIN))
    assert best_set(groups, "min") == ()


def test_where_higher_is_better_the_verdict_turns_and_the_difference_does_not() -> None:
    groups = grouped({"a": [1.0, 2.0, 3.0], "b": [2.01, 3.0, 4.02]}, mode="max")
    claim = only(claims(groups, Question("max")))
    assert (claim.a, claim.b, claim.verdict) == ("k=b", "k=a", "better")
    assert claim.delta == pytest.approx(1.01)
    assert claim.effect is not None
    assert claim.effect > 0


def test_a_baseline_is_side_b_and_may_be_beaten_or_not() -> None:
    rows = {"a": [1.0, 2.0, 3.0], "base": [2.0, 3.02, 4.0], "c": [3.01, 4.0, 5.02]}
    found = claims(grouped(rows), Question("min", baseline="k=base"))
    assert {(claim.a, claim.b, claim.verdict) for claim in found} == {
        ("k=a", "k=base", "better"),
        ("k=c", "k=base", "worse"),
    }
    assert all("Dunnett" in claim.test for claim in found)


def test_a_baseline_with_too_few_runs() -> None:
    found = claims(grouped({"a": [1.0, 2.0, 3.0], "base": [9.0]}), Question("min", baseline="k=base"))
    assert only(found).verdict == "too few runs"


def test_a_group_that_fails_more_is_not_better_on_its_survivors() -> None:
    rows: dict[str, Sequence[float | None]] = {"a": [1.0, 2.0, 3.0, None], "b": [2.01, 3.0, 4.02, 5.0]}
    claim = only(claims(grouped(rows), MIN))
    assert claim.verdict == "no evidence"
    assert "1 of 4 runs of k=a failed, and 0 of 4 of k=b" in claim.reason
    assert best_set(grouped(rows), "min") == ("k=a", "k=b")
    rows["b"] = [2.01, 3.0, 4.02, None]
    assert only(claims(grouped(rows), MIN)).verdict == "better"
    assert best_set(grouped(rows), "min") == ("k=a",)


def test_a_worse_group_that_fails_more_is_still_worse() -> None:
    rows = {"a": [1.0, 2.0, 3.0, 4.0], "base": [1.5, 2.52, 3.5, 4.51], "c": [9.0, 10.02, 11.0, None]}
    found = {claim.a: claim.verdict for claim in claims(grouped(rows), Question("min", baseline="k=base"))}
    assert found == {"k=a": "better", "k=c": "worse"}


def test_a_difference_within_the_rope_is_none_and_a_narrow_one_is_equal() -> None:
    rows = {"a": [1.0, 2.0, 3.0], "b": [1.01, 2.011, 3.012]}
    equal = only(claims(grouped(rows), Question("min", rope=0.1)))
    assert (equal.verdict, equal.equivalent) == ("no evidence", True)
    assert "practically equal" in equal.reason
    unsure = only(claims(grouped(rows), Question("min", rope=0.0105)))
    assert (unsure.verdict, unsure.equivalent) == ("no evidence", False)
    assert "not shown to exceed" in unsure.reason
    assert only(claims(grouped(rows), MIN)).verdict == "better"


def test_identical_runs_are_no_evidence_however_different_the_groups() -> None:
    claim = only(claims(grouped({"a": [1.0, 1.0, 1.0], "b": [2.0, 2.0, 2.0]}), MIN))
    assert claim.verdict == "no evidence"
    assert "identical" in claim.reason
    same = only(claims(grouped({"a": [1.0, 1.0, 1.0], "b": [1.0, 1.0, 1.0]}), MIN))
    assert (same.verdict, same.delta) == ("no evidence", 0.0)


def test_of_many_groups_only_the_pairs_with_the_best_are_listed() -> None:
    rng = np.random.default_rng(0)
    rows = {f"{at:02}": list(rng.normal(size=3)) for at in range(40)}
    groups = grouped(rows)
    found = claims(groups, MIN)
    assert len(found) == 39
    assert {claim.a for claim in found} == {groups[0].id}


def test_it_decides_as_the_simulated_rule_does() -> None:
    x = sweeps("shared seeds (60 % of the variance)", 4, 5, count=12, effect=1.5)
    shown = claimed(x, matched=True, baseline=False)
    for at, sweep in enumerate(x):
        found = claims(grouped({name: list(row) for name, row in zip("abcd", sweep, strict=True)}), MIN)
        said = {frozenset((claim.a[-1], claim.b[-1])) for claim in found if claim.verdict == "better"}
        expected = {
            frozenset(("abcd"[i], "abcd"[j])) for (i, j), yes in zip(all_pairs(4), shown[at], strict=True) if yes
        }
        assert said == expected


def test_failure_rates_are_compared_with_fisher_and_holm() -> None:
    rows: dict[str, Sequence[float | None]] = {"a": [1.0] * 10, "b": [None] * 9 + [1.0], "c": [1.0] * 9 + [None]}
    found = failure_tests(grouped(rows))
    assert [(test.a, test.b) for test in found] == [("k=b", "k=a"), ("k=b", "k=c"), ("k=c", "k=a")]
    assert found[0].p < 0.001
    assert found[0].p_adjusted >= found[0].p
    assert found[-1].p_adjusted == 1.0
    assert failure_tests(grouped({"a": [1.0], "b": [2.0]})) == ()
