"""How the metric moves with a setting, and what is said where two surrogates disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aurl.compare.impact.dependence import curve, surface
from aurl.compare.impact.importance import _disagreement
from aurl.compare.impact.sensitivity import Sensitivity, sensitivity


@pytest.fixture(scope="module")
def found() -> Sensitivity:
    """A metric that rises by 3 over a number, by 1 from level a to b of a category, and not over another number."""
    rng = np.random.default_rng(0)
    width, kind, idle = rng.uniform(0, 1, 30), rng.choice(["a", "b"], 30), rng.uniform(0, 1, 30)
    y = 3 * width + 1.0 * (kind == "b") + 0.01 * rng.normal(size=30)
    result = sensitivity({"width": width.tolist(), "kind": kind.tolist(), "idle": idle.tolist()}, y)
    assert isinstance(result, Sensitivity)
    return result


def test_a_number_is_followed_over_its_range_and_a_category_at_its_levels(found: Sensitivity) -> None:
    number, category = curve(found, 0), curve(found, 1)
    low, high = found.space.parameters[0].setting(0.0), found.space.parameters[0].setting(1.0)
    assert number["x"] == pytest.approx(np.linspace(low, high, 21).tolist())
    assert np.ptp(np.array(number["y"])) == pytest.approx(3 * (high - low), rel=0.1)
    assert category["x"] == ["a", "b"]
    first, second = (float(str(value)) for value in category["y"])  # type: ignore[union-attr]
    assert second - first == pytest.approx(1.0, abs=0.1)
    assert (number["log"], category["log"]) == (False, False)


def test_a_surface_has_a_row_for_each_value_of_the_second_setting(found: Sensitivity) -> None:
    drawn = surface(found, ["kind", "width"])
    assert drawn["x"] == ["a", "b"]
    assert np.array(drawn["z"]).shape == (12, 2)


def test_surrogates_that_put_another_setting_first_are_told(found: Sensitivity) -> None:
    agreed = replace(
        found, total=np.array([0.8, 0.2, 0.0]), low=np.array([0.7, 0.1, 0.0]), high=np.array([0.9, 0.3, 0.1])
    )
    assert _disagreement(replace(agreed, cross=np.array([0.6, 0.5, 0.0]))) == []
    [told] = _disagreement(replace(agreed, cross=np.array([0.2, 0.9, 0.0])))
    assert "puts kind first instead of width" in told
    near = replace(agreed, high=np.array([0.9, 0.75, 0.1]))
    assert _disagreement(replace(near, cross=np.array([0.2, 0.9, 0.0]))) == [], "their intervals overlap"
    [silent] = _disagreement(replace(agreed, cross=np.array([0.2, np.nan, 0.0])))
    assert "does not predict" in silent
