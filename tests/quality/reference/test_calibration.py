"""Distances from a reference, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurl.music.notes import Notes
from aurl.quality.metric import ContrastMetric, Measure, Metric, Values
from aurl.quality.reference.calibration import Calibration, calibrate, distance, raw_distance
from aurl.quality.reference.table import Table
from aurl.quality.sheet import Sheet

NONE = Table((), np.zeros((0, 0), np.float32))
NORMAL = np.sort(np.random.default_rng(0).normal(10, 2, 4001)).astype(np.float32)


class Given(Metric):
    """Takes its measures from the test."""

    name = "given"
    measures = (Measure("low", "low", 0.1), Measure("both", "both", 0.1))

    def measure(self, sheet: Sheet) -> Values:
        return {}


class Loud(Metric):
    name = "loud"
    measures = (Measure("loudness", "both", 0.1, least=2.0),)

    def measure(self, sheet: Sheet) -> Values:
        return {}


class Growing(Metric):
    name = "growing"
    measures = (Measure("size", "both", 0.1, log=True),)

    def measure(self, sheet: Sheet) -> Values:
        return {}


class Contrast(ContrastMetric):
    name = "contrast"
    measures = (Measure("signal", "low", 0.1), Measure("nothing", "low", 0.1))

    def null(self, notes: Notes, rng: np.random.Generator) -> Notes:
        return notes

    def measure(self, sheet: Sheet) -> Values:
        return {}


def table(**columns: object) -> Table:
    return Table(tuple(columns), np.stack([np.asarray(c, np.float32) for c in columns.values()], axis=1))


def fitted(metric: Metric, reference: Table, nulls: Table = NONE) -> Calibration:
    found = calibrate(metric, reference, nulls)
    assert isinstance(found, Calibration)
    return found


def test_scales_are_those_of_the_normal_distribution() -> None:
    scale = fitted(Given(), table(low=NORMAL, both=NORMAL)).scales["both"]
    assert scale.centre == pytest.approx(10, abs=0.1)
    assert scale.below == pytest.approx(2, rel=0.05)
    assert scale.above == pytest.approx(2, rel=0.05)


def test_sides_floors_and_missing_measures() -> None:
    flat = fitted(Given(), table(low=np.full(50, 1.0), both=np.full(50, 1.0)))
    assert flat.unit == 0.6
    at = lambda **values: raw_distance(Given(), flat, values)  # noqa: E731
    assert at(low=1.0, both=1.0) == 0
    assert at(low=5.0, both=1.0) == 0  # high is not bad
    assert at(low=0.9, both=1.0) == pytest.approx(1 / 2, rel=1e-5)  # one floor below, of two measures
    assert at(low=1.0, both=1.2) == pytest.approx(2 / 2, rel=1e-5)
    assert at(low=1.0, both=99.0) == pytest.approx(12 / 2, rel=1e-5)
    assert at(low=1.0, both="too short") == pytest.approx(4 / 2)
    assert at(low=1.0) == pytest.approx(4 / 2)


def test_one_in_ten_of_the_reference_is_beyond_1_28() -> None:
    rng = np.random.default_rng(1)
    reference = table(low=rng.normal(size=2000), both=rng.normal(size=2000))
    found = fitted(Given(), reference)
    beyond = [distance(Given(), found, row) > 1.2816 for row in reference.rows()]
    assert np.mean(beyond) == pytest.approx(0.1, abs=0.01)


def test_a_measure_that_the_reference_lacks_does_not_count() -> None:
    half = np.where(np.arange(50) < 25, 1.0, np.nan)
    found = fitted(Given(), table(low=half, both=np.full(50, 1.0)))
    assert set(found.scales) == {"both"}
    assert raw_distance(Given(), found, {"low": 99.0, "both": 1.0}) == 0
    assert calibrate(Given(), table(low=half, both=half), NONE) == "under 80% of the reference have any of its measures"


def test_a_metric_that_does_not_apply_to_the_reference() -> None:
    assert calibrate(Loud(), table(loudness=np.linspace(0, 2, 50)), NONE) == (
        "95 % of the reference have loudness under 2"
    )
    assert isinstance(calibrate(Loud(), table(loudness=np.linspace(0, 3, 50)), NONE), Calibration)


def test_logarithms() -> None:
    found = fitted(Growing(), table(size=np.exp(np.linspace(-1, 1, 101))))
    twice, half = (raw_distance(Growing(), found, {"size": value}) for value in (math.e, 1 / math.e))
    assert twice == pytest.approx(half, rel=1e-3)


def test_the_discriminant_finds_what_tells_music_from_its_null() -> None:
    rng = np.random.default_rng(2)
    real = table(signal=rng.normal(3, 1, 300), nothing=rng.normal(0, 1, 300))
    null = table(signal=rng.normal(0, 1, 300), nothing=rng.normal(0, 1, 300))
    found = fitted(Contrast(), real, null)
    assert found.direction["signal"] > 10 * abs(found.direction["nothing"])
    away = [distance(Contrast(), found, {"signal": signal, "nothing": 0.0}) for signal in (6.0, 3.0, 0.0, -30.0)]
    assert away[0] == 0
    assert away[1] < 0.5
    assert 2 < away[2] < away[3]
    assert math.isnan(distance(Contrast(), found, {"signal": "too short", "nothing": "too short"}))
    chance = distance(Contrast(), found, {"signal": "too short", "nothing": 0.0})
    assert chance == pytest.approx(away[2])  # undefined counts as chance, 0
    assert calibrate(Contrast(), real, NONE) == "fewer than 8 null samples"
