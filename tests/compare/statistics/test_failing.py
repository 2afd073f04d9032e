"""Which configurations fail more often than others."""

from __future__ import annotations

import pytest
from scipy.stats import fisher_exact

from aurl.compare.gathering import differences, groups_of
from aurl.compare.model import Group
from aurl.compare.statistics.failing import failure_tests
from tests.compare.made import METRIC, made_run


def groups(failed: dict[str, tuple[int, int]]) -> list[Group]:
    """Groups by name, with how many of how many runs failed."""
    runs = [
        made_run(f"{name}{at}", None if at < lost else 1.0 + 0.1 * at, {"k": name}, seed=at)
        for name, (lost, tried) in failed.items()
        for at in range(tried)
    ]
    return groups_of(runs, differences(runs), METRIC, "min")


def test_only_pairs_with_other_rates_are_told_with_the_one_that_fails_more_first() -> None:
    found = failure_tests(groups({"a": (0, 8), "b": (6, 8), "c": (0, 8), "d": (1, 8)}))
    assert [(test.a, test.b) for test in found[:2]] == [("k=b", "k=a"), ("k=b", "k=c")]
    assert {(test.a, test.b) for test in found} == {
        ("k=b", "k=a"), ("k=b", "k=c"), ("k=b", "k=d"), ("k=d", "k=a"), ("k=d", "k=c"),
    }  # fmt: skip
    first = found[0]
    assert (first.failed_a, first.tried_a, first.failed_b, first.tried_b) == (6, 8, 0, 8)
    assert first.p == pytest.approx(fisher_exact([[6, 2], [0, 8]]).pvalue)
    assert first.p_adjusted == pytest.approx(min(1.0, 6 * first.p)), "Holm over all six pairs"
    assert [test.p for test in found] == sorted(test.p for test in found)


def test_where_nothing_failed_nothing_is_told() -> None:
    assert failure_tests(groups({"a": (0, 4), "b": (0, 4)})) == ()
    assert failure_tests(groups({"a": (2, 4), "b": (2, 4)})) == ()
    assert failure_tests(groups({"a": (2, 4)})) == ()
