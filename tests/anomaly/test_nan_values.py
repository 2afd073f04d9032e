from __future__ import annotations

import math

import pytest

from aurl.anomaly.nan_values import NanValues
from aurl.errors import ConfigError
from aurl.record import Kind, Record


def observe(detector: NanValues, values: list[float], name: str = "loss/total") -> list[tuple[int, str, object]]:
    found: list[Record] = []
    for step, value in enumerate(values, 1):
        found += detector.observe(Record(Kind.STEP, step, {name: value, "lr": 0.1}))
    return [(alert.step, str(alert.fields["severity"]), alert.fields["onset_step"]) for alert in found]


def test_the_first_is_critical_and_the_third_in_a_row_fatal() -> None:
    values = [1.0, math.nan, math.nan, math.nan, math.nan]
    assert observe(NanValues(confirm=3), values) == [(2, "critical", 2), (4, "fatal", 2)]


def test_a_single_bad_batch_is_told_once_and_a_later_one_again() -> None:
    values = [1.0, math.inf, 1.0, 1.0, -math.inf, 1.0]
    assert observe(NanValues(), values) == [(2, "critical", 2), (5, "critical", 5)]


def test_a_gradient_norm_is_never_fatal() -> None:
    assert observe(NanValues(confirm=2), [math.nan] * 5, "grad/norm") == [(1, "critical", 1), (2, "critical", 1)]


def test_finite_values_and_other_kinds_are_silent() -> None:
    detector = NanValues()
    assert observe(detector, [1e308, 1e308, -1e308, 0.0]) == []
    assert list(detector.observe(Record(Kind.SYSTEM, 1, {"system/x": math.nan}))) == []


def test_memory_survives_a_checkpoint() -> None:
    first = NanValues(confirm=3)
    observe(first, [1.0, math.nan, math.nan])
    second = NanValues(confirm=3)
    second.load_state_dict(first.state_dict())
    [alert] = second.observe(Record(Kind.STEP, 4, {"loss/total": math.nan}))
    assert (alert.fields["severity"], alert.fields["onset_step"], alert.fields["count"]) == ("fatal", 2, 3)


def test_confirm_below_two_is_refused() -> None:
    with pytest.raises(ConfigError, match="anomaly.confirm=1"):
        NanValues(confirm=1)
