from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.compare.search_space import Category, Conditional, DeclaredRange, Number, Space, space_of, spell


def test_rates_are_searched_in_the_logarithm_and_shares_are_not() -> None:
    rng = np.random.default_rng(0)
    rates = (10 ** rng.uniform(-5, -1, 40)).tolist()
    space, left_out = space_of(
        {"lr": rates, "dropout": rng.uniform(0, 0.5, 40).tolist(), "batch": [16, 32, 64, 128] * 10}
    )
    assert [parameter.log for parameter in space.parameters if isinstance(parameter, Number)] == [True, False, True]
    assert not left_out
    encoded = space.encode({"lr": rates, "dropout": [0.0] * 40, "batch": [16] * 40})
    assert encoded[:, 0].min() == 0
    assert encoded[:, 0].max() == 1
    assert np.corrcoef(encoded[:, 0], np.log(rates))[0, 1] == pytest.approx(1)


def test_a_declared_range_is_kept_where_no_run_went() -> None:
    space, _ = space_of({"lr": [0.01, 0.02, 0.04]}, {"lr": DeclaredRange(1e-4, 1.0, log=True)})
    assert space.parameters == (Number("lr", 1e-4, 1.0, log=True),)
    assert space.encode({"lr": [1e-4, 1e-2, 1.0]})[:, 0] == pytest.approx([0, 0.5, 1])


def test_levels_are_equally_far_apart() -> None:
    model = Category("model", ("a", "b", "c"))
    x = model.encode(["a", "b", "c", "a"])
    assert np.linalg.norm(x[0] - x[1]) == pytest.approx(1)
    assert np.linalg.norm(x[1] - x[2]) == pytest.approx(1)
    assert np.array_equal(x[0], x[3])
    assert np.array_equal(model.at(np.array([0.0, 0.5, 0.99])), x[:3])
    assert [model.setting(u) for u in (0.1, 0.4, 1.0)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ([1, 1.0, 1], "one value"),
        ([0.1, 0.2, 0.3, None], "some of the runs"),
        (["x", "y", "z", "w"], "of its own"),
    ],
)
def test_what_cannot_be_compared_is_left_out_with_a_reason(settings: list[object], reason: str) -> None:
    space, left_out = space_of({"key": settings})
    assert not space.parameters
    assert reason in left_out["key"]


@given(st.lists(st.one_of(st.booleans(), st.none(), st.text(max_size=3), st.integers(0, 3)), min_size=1, max_size=30))
def test_any_column_is_encoded_or_left_out(settings: list[object]) -> None:
    space, left_out = space_of({"key": settings})
    assert len(space.parameters) + len(left_out) == 1
    if space.parameters:
        x = space.encode({"key": settings})
        assert x.shape == (len(settings), sum(parameter.width for parameter in space.parameters))
        assert np.isfinite(x).all()
        same = [x[0].tolist() == row.tolist() for row in x]
        assert same == [spell(setting) == spell(settings[0]) for setting in settings]


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.booleans(), st.floats(0, 1))
def test_unit_coordinates_go_there_and_back(first: float, second: float, log: bool, u: float) -> None:
    low, high = sorted((first, second))
    if high > low * (1 + 1e-6):
        number = Number("x", low, high, log)
        assert Space((number,)).encode({"x": [number.setting(u)]})[0, 0] == pytest.approx(u, abs=1e-6)


def test_spelling_knows_one_from_true() -> None:
    assert spell(1) == spell(1.0)
    assert spell(1) != spell(True)
    assert spell({"b": 1, "a": math.pi}) == spell({"a": math.pi, "b": 1})


def test_a_number_that_goes_with_a_level_of_another_setting_is_idle_elsewhere() -> None:
    kinds = ["adam"] * 4 + ["sgd"] * 4
    columns = {"beta": [0.8, 0.85, 0.9, 0.95, None, None, None, None], "kind": kinds}
    space, left_out = space_of(columns)
    assert not left_out
    [beta, kind] = space.parameters
    assert isinstance(beta, Conditional)
    assert (beta.parent, beta.levels, kind.name) == ("kind", frozenset({'"adam"'}), "kind")
    encoded = space.encode(columns)
    np.testing.assert_allclose(encoded[:, 0], [0, 1 / 3, 2 / 3, 1, 0.5, 0.5, 0.5, 0.5], atol=1e-9)
    there = space.at(np.array([[0.2, 0.1], [0.2, 0.9]]))
    assert there[:, 0].tolist() == [0.2, 0.5], "the second point lies in the half of sgd"
    assert beta.setting(1.0) == pytest.approx(0.95)


def test_a_number_that_is_missing_without_a_reason_is_left_out() -> None:
    _, left_out = space_of({"beta": [0.8, None, 0.9, 0.95, None, 0.7], "kind": ["a", "a", "b", "b", "b", "a"]})
    assert left_out == {"beta": "is set in some of the runs only, and no other setting says in which"}
