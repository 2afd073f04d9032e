"""Sobol indices of functions whose indices are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from aurl.compare.impact.sobol import indices, pair_index
from aurl.compare.search_space import Category, Number, Space
from aurl.show.arrays import Floats

CUBE = Space(tuple(Number(name, 0.0, 1.0) for name in "abc"))


def ishigami(x: Floats) -> Floats:
    a, b, c = (2 * x - 1).T * np.pi
    return (np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a))[None]


def test_ishigami() -> None:
    """Ishigami & Homma, 1990; the indices are those of its closed form with a = 7, b = 0.1."""
    found = indices(ishigami, CUBE, points=4096)
    assert found.first[0] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.02)
    assert found.total[0] == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.02)
    assert pair_index(ishigami, CUBE, (0, 2), points=4096)[0] == pytest.approx(0.2437, abs=0.03)
    assert pair_index(ishigami, CUBE, (0, 1), points=4096)[0] == pytest.approx(0.0, abs=0.03)


def test_several_functions_at_once_and_a_constant_one() -> None:
    def functions(x: Floats) -> Floats:
        return np.stack([x[:, 0], x[:, 0] + x[:, 1], np.ones(len(x))])

    found = indices(functions, CUBE, points=1024)
    assert found.total == pytest.approx(np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0, 0]]), abs=0.03)


def test_levels_have_equal_shares() -> None:
    space = Space((Category("model", ("a", "b", "c")), Number("x", 0.0, 1.0)))

    def function(x: Floats) -> Floats:
        return (2 * x[:, 2] + 0 * x[:, 3])[None]

    assert indices(function, space, points=1024).total[0] == pytest.approx([1, 0], abs=0.01)
