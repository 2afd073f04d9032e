from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.lint.readers.cells import number, numbers


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("0.5", 0.5),
        (" 1e-3 ", 1e-3),
        ("0,5", 0.5),
        ("-1,25e-3", -1.25e-3),
        ("-Infinity", -math.inf),
        ("1.#INF", math.inf),
    ],
)
def test_numbers_in_cells(cell: str, expected: float) -> None:
    assert number(cell) == expected


@pytest.mark.parametrize("cell", ["nan", "NaN", "-nan(ind)", "1.#QNAN", "-1.#IND"])
def test_nan_is_a_number(cell: str) -> None:
    value = number(cell)
    assert value is not None
    assert math.isnan(value)


@pytest.mark.parametrize("cell", ["", "  ", "null", "None", "n/a", "-", "epoch 3", "1,234,567", "0x10"])
def test_what_was_not_logged(cell: str) -> None:
    assert number(cell) is None


@given(st.floats())
def test_what_python_writes_is_read_back(value: float) -> None:
    read = number(repr(value))
    assert read == value or (math.isnan(value) and read is not None and math.isnan(read))


@given(st.text())
def test_any_text_is_a_number_or_none(text: str) -> None:
    value = number(text)
    assert value is None or isinstance(value, float)


def test_nested_objects_are_flattened_and_only_numbers_kept() -> None:
    entry = {"loss": 1, "val": {"loss": 0.5, "top": {"k": "NaN"}}, "ok": True, "name": "x", "sizes": [1, 2], "no": None}
    found = numbers(entry)
    assert set(found) == {"loss", "val/loss", "val/top/k"}
    assert found["loss"] == 1.0
    assert found["val/loss"] == 0.5
    assert math.isnan(found["val/top/k"])


def test_a_number_too_large_for_a_float_is_infinite() -> None:
    assert numbers({"a": 10**400, "b": -(10**400)}) == {"a": math.inf, "b": -math.inf}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=4), _JSON, max_size=4))
def test_any_object_gives_floats(entry: dict[str, Any]) -> None:
    assert all(type(value) is float for value in numbers(entry).values())


def test_nesting_has_an_end() -> None:
    deep: dict[str, Any] = {"x": 1.0}
    for _ in range(5000):
        deep = {"x": deep}
    assert numbers(deep) == {}
