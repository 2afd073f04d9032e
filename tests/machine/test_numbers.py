"""What is taken as a step, a value and a name, and what is refused with its name in the error."""

from __future__ import annotations

import math
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from aurl.errors import RecordError
from aurl.machine.numbers import named_values, plain_name, real_number, whole_step

OBJECT = pytest.param(object(), id="an object")  # its own id, so that two workers collect the same tests


class Colour(Enum):
    RED = "red"


class Word(StrEnum):
    LOSS = "loss"


INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
STEPS: list[Any] = [
    *(kind(3) for kind in INTEGERS),
    *(kind(3) for kind in (float, np.float16, np.float32, np.float64, np.longdouble, Decimal, Fraction)),
    np.array(3), np.array([3]), np.array(3.0), torch.tensor(3), torch.tensor([3]), torch.tensor(3.0),
    torch.tensor(3, dtype=torch.uint8), torch.tensor(3.0, dtype=torch.bfloat16),
]  # fmt: skip
NO_STEPS: list[Any] = [
    None, True, np.bool_(True), torch.tensor(True),
    "3", b"3", 3.5, math.nan, math.inf, -1, -1.0, 2**53 + 1, 2**64, 1e300,
    3j, [3], (3,), {}, OBJECT, np.array([1, 2]), np.array([]), torch.tensor([1, 2]), torch.tensor(1j), Decimal("NaN"),
    np.datetime64(3, "s"), torch.ones((), device="meta"),
]  # fmt: skip
VALUES: list[tuple[Any, float]] = [
    (1, 1.0), (True, 1.0), (np.bool_(False), 0.0), (Decimal("0.5"), 0.5), (Fraction(1, 4), 0.25), (10**400, math.inf),
    (-(10**400), -math.inf), (np.float16(0.5), 0.5), (np.int64(2), 2.0), (np.array(0.5), 0.5), (np.array([[0.5]]), 0.5),
    (torch.tensor(0.5, requires_grad=True), 0.5), (torch.tensor([[2]]), 2.0), (torch.tensor(True), 1.0),
    (torch.tensor(0.5, dtype=torch.bfloat16), 0.5), (math.inf, math.inf),
]  # fmt: skip
NO_VALUES: list[Any] = [
    None, "0.5", b"1", 1j, np.complex64(1), [0.5], {}, OBJECT, np.ones(2), np.array([]), np.array(["1"]),
    np.array([None]), torch.ones(2), torch.tensor(1j), torch.ones((), device="meta"), np.datetime64(3, "s"),
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{type(step).__name__}-{step!r}")
def test_a_whole_number_of_any_type_is_a_step(step: Any) -> None:
    assert (found := whole_step(step)) == 3
    assert type(found) is int


@pytest.mark.parametrize("step", NO_STEPS, ids=lambda step: f"{type(step).__name__}-{step!r}"[:50])
def test_anything_else_is_one_error_that_names_the_step(step: Any) -> None:
    with pytest.raises(RecordError, match="^step="):
        whole_step(step)


def test_the_largest_step() -> None:
    assert whole_step(2**53) == whole_step(float(2**53)) == 2**53


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=lambda value: f"{type(value).__name__}-{value!r}"[:40])
def test_any_real_number_is_a_value(value: Any, expected: float) -> None:
    assert (found := real_number("acc", value)) == expected
    assert type(found) is float


@pytest.mark.parametrize("value", NO_VALUES, ids=lambda value: f"{type(value).__name__}-{value!r}"[:40])
def test_what_is_no_number_is_an_error_that_names_the_metric(value: Any) -> None:
    with pytest.raises(RecordError, match="'acc'"):
        real_number("acc", value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", "a"), (7, "7"), (0.5, "0.5"), (b"acc", "acc"), (Colour.RED, "red"), (Word.LOSS, "loss"), ("\ud800", "?"),
     (np.str_("a"), "a"), (np.int64(7), "7")],
)  # fmt: skip
def test_names_become_text(name: Any, expected: str) -> None:
    assert (found := plain_name(name)) == expected
    assert type(found) is str


@pytest.mark.parametrize("name", [None, (1, 2), OBJECT])
def test_a_name_that_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(RecordError, match="the name of a metric is text"):
        plain_name(name)


def test_two_names_that_are_one_are_refused_and_so_is_no_mapping() -> None:
    with pytest.raises(RecordError, match="two names are the same text"):
        named_values({7: 1.0, "7": 2.0})
    with pytest.raises(RecordError, match="metrics come as a mapping"):
        named_values([1.0])  # type: ignore[arg-type]
