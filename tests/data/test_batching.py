from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.data.batching import Batching, BatchPlan, FixedRows, TokenBudget, cut
from aurl.errors import ConfigError

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=80)


def plan(batching: Batching, lengths: list[int], seed: int = 0, rank: int = 0, world: int = 1) -> BatchPlan:
    asked = np.array(lengths, np.int64)
    return batching.plan(len(lengths), lambda: asked, np.random.default_rng(seed), rank, world)


def batches(planned: BatchPlan) -> list[list[int]]:
    return [planned.batch(number).tolist() for number in range(len(planned))]


@given(LENGTHS, st.integers(60, 400), st.integers(1, 30), st.integers(1, 8), st.integers(0, 3))
def test_every_window_is_in_one_batch_and_none_is_over_the_budget(
    lengths: list[int], budget: int, sort_window: int, multiple: int, seed: int
) -> None:
    batching = TokenBudget(budget, sort_window, multiple, most=60)
    found = batches(plan(batching, lengths, seed))
    assert sorted(number for batch in found for number in batch) == list(range(len(lengths)))
    for batch in found:
        assert batch
        assert len(batch) * batching.width(max(lengths[number] for number in batch), 60) <= budget


@given(LENGTHS, st.integers(60, 200), st.integers(2, 5))
def test_processes_have_as_many_batches_and_all_of_them_together(lengths: list[int], budget: int, world: int) -> None:
    alone = batches(plan(TokenBudget(budget), lengths))
    shares = [batches(plan(TokenBudget(budget), lengths, rank=rank, world=world)) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    assert {tuple(batch) for share in shares for batch in share} == {tuple(batch) for batch in alone}


def test_a_plan_depends_on_its_arguments_alone() -> None:
    lengths = np.random.default_rng(1).integers(5, 60, 300).tolist()
    same = [batches(plan(TokenBudget(200, 64), lengths, seed)) for seed in (1, 1, 2)]
    assert same[0] == same[1] != same[2]


def test_sorting_leaves_little_padding_and_shuffles_batches() -> None:
    lengths = np.random.default_rng(0).normal(120, 25, 2000).clip(20, 192).astype(int).tolist()
    found = batches(plan(TokenBudget(1024), lengths))
    widths = [max(lengths[number] for number in batch) for batch in found]
    cells = sum(width * len(batch) for width, batch in zip(widths, found, strict=True))
    assert 1 - sum(lengths) / cells < 0.015
    assert widths != sorted(widths)
    assert abs(np.corrcoef(widths[:-1], widths[1:])[0, 1]) < 0.2


def test_widths_are_few_where_they_are_multiples() -> None:
    lengths = list(range(1, 193))
    rounded = TokenBudget(1024, multiple=16, most=190)
    widths = {rounded.width(max(lengths[n] for n in batch), 190) for batch in batches(plan(rounded, lengths))}
    assert widths <= {*range(16, 190, 16), 190}
    assert rounded.width(185, 190) == 190


def test_fixed_rows_ask_for_no_lengths() -> None:
    def lengths() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        raise AssertionError("measuring takes time")

    found = batches(FixedRows(4).plan(10, lengths, np.random.default_rng(0), 0, 1))
    assert [len(batch) for batch in found] == [4, 4, 2]
    assert found[0] == np.random.default_rng(0).permutation(10)[:4].tolist()


@given(st.lists(st.integers(1, 20), min_size=1, max_size=30), st.integers(1, 60))
def test_a_row_is_cut_only_where_it_must_be(widths: list[int], budget: int) -> None:
    ends = cut(widths, budget)
    starts = [0, *ends[:-1]]
    for start, end in zip(starts, ends, strict=True):
        assert end - start == 1 or (end - start) * max(widths[start:end]) <= budget
        assert end == len(widths) or (end + 1 - start) * max(widths[start : end + 1]) > budget


@pytest.mark.parametrize(
    ("given_", "message"),
    [((0,), "data.tokens_per_batch=0"), ((9, 0), "data.sort_window=0")],
)
def test_numbers_out_of_range_are_refused(given_: tuple[int, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TokenBudget(*given_)


@pytest.mark.slow
def test_each_of_a_million_windows_comes_once() -> None:
    lengths = np.random.default_rng(0).integers(30, 500, 1_000_000)
    planned = TokenBudget(8192).plan(len(lengths), lambda: lengths, np.random.default_rng(0), 0, 1)
    assert np.array_equal(np.sort(planned.order), np.arange(1_000_000))
    assert sum(len(planned.batch(number)) for number in range(len(planned))) == 1_000_000
