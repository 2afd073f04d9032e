from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from aurl.lint.axis import AxisTrace, Restart, limits, whole


def trace(steps: Sequence[float], columns: Sequence[tuple[str, ...]] | None = None) -> AxisTrace:
    made = AxisTrace()
    for at, step in enumerate(steps):
        made.see(at + 1, step, columns[at] if columns else ("loss",))
    return made


def test_rising_steps() -> None:
    made = trace([1, 5, 9])
    assert made.is_usable
    assert made.is_unique
    assert made.restarts == []


def test_a_restart_is_a_column_logged_again() -> None:
    assert trace([1, 2, 3, 2, 3, 4]).restarts == [Restart(4, 3, 2, "loss")]


def test_a_column_that_comes_late_is_no_restart() -> None:
    made = trace([1, 2, 3, 2, 4, 3], [("loss",), ("loss",), ("loss",), ("val",), ("loss",), ("val",)])
    assert made.restarts == []


def test_columns_that_return_one_after_the_other_are_one_restart() -> None:
    columns = [("loss",), ("lr",)] * 5
    made = trace([1, 1, 2, 2, 3, 3, 2, 2, 3, 3], columns)
    assert made.restarts == [Restart(7, 3, 2, "loss")]
    assert made.repeats == 0


def test_the_same_number_for_most_rows_counts_nothing() -> None:
    assert not trace([1.0] * 9).is_usable
    assert not trace([1, 1, 1, 2, 2, 2]).is_usable


def test_an_epoch_column_counts_if_each_epoch_has_one_row() -> None:
    assert trace(list(range(30))).is_unique
    two_rows = [("loss",), ("val",)] * 10
    assert trace([epoch for epoch in range(10) for _ in range(2)], two_rows).is_unique
    assert not trace([epoch for epoch in range(10) for _ in range(2)]).is_unique


def test_fractions_and_nan_count_nothing() -> None:
    made = trace([0.1, 0.2, float("nan"), float("inf"), 1.0])
    assert (made.rows, made.unusable) == (1, 4)
    assert not made.is_usable


def test_numbers_that_a_float_cannot_tell_apart_count_nothing() -> None:
    assert not trace([1e300, 2e300, 3e300]).is_usable
    assert [whole(step, None) for step in (3.0, 3.5, 2.0**53, -1e300, math.nan, math.inf, None)] == [3, *[None] * 6]


def test_numbers_up_and_down_count_nothing() -> None:
    assert not trace([3, 9, 1, 7, 2, 8] * 30).is_usable


def with_epochs(steps_per_epoch: int, epochs: Sequence[int]) -> AxisTrace:
    made = AxisTrace()
    row = 0
    for epoch in epochs:
        for batch in range(steps_per_epoch):
            row += 1
            made.see(row, batch, ("loss",), epoch)
    return made


def test_batches_of_an_epoch_are_no_restarts() -> None:
    made = with_epochs(10, range(5))
    assert made.begins_anew_each_epoch
    assert made.is_usable


def test_without_epochs_equal_lengths_tell() -> None:
    assert trace(list(range(10)) * 4).begins_anew_each_epoch
    assert not trace([*range(10), *range(4), *range(20), *range(5)]).begins_anew_each_epoch


def test_a_restart_of_the_whole_log_is_one() -> None:
    made = AxisTrace()
    for row, (step, epoch) in enumerate([(0, 0), (10, 1), (20, 2), (10, 1), (20, 2), (30, 3)]):
        made.see(row, step, ("loss",), epoch)
    assert not made.begins_anew_each_epoch
    assert made.restarts == [Restart(3, 20, 10, "loss", epoch_rose=False)]


def test_a_column_that_counts_epochs_beside_steps() -> None:
    made = AxisTrace(mixed=True)
    row = 0
    for step in range(500):
        row += 1
        made.see(row, step, ("loss",))
        if step % 50 == 49:
            row += 1
            made.see(row, step // 50, ("val",))
    assert made.strangers == {"val"}
    assert made.leader == "loss"
    assert made.restarts == []


def test_columns_of_the_same_steps_are_no_strangers() -> None:
    made = AxisTrace(mixed=True)
    for step in range(100):
        made.see(2 * step, step, ("loss",))
        if step % 10 == 0:
            made.see(2 * step + 1, step, ("val",))
    assert made.strangers == frozenset()


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40))
def test_what_is_kept_rises(steps: list[int]) -> None:
    """Without the rows that a later restart supersedes, a column's steps never fall: whatever the log."""
    restarts = trace(steps).restarts
    bounds = [(restart.row, limit) for restart, limit in zip(restarts, limits(restarts), strict=True)]
    kept = []
    for row, step in enumerate(steps, 1):
        limit = next((limit for at, limit in bounds if row < at), None)
        if limit is None or step < limit:
            kept.append(step)
    assert kept == sorted(kept)
    assert kept[-1] == steps[-1]
