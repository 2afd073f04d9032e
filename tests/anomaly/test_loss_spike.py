from __future__ import annotations

import json
import math

import numpy as np
import pytest

from aurl.anomaly.loss_spike import LossSpike
from aurl.errors import ConfigError
from aurl.record import Kind, Record


def curve(n: int = 600, seed: int = 0) -> list[float]:
    """A loss that decays under multiplicative noise."""
    rng = np.random.default_rng(seed)
    return list((0.5 + 4.0 * np.exp(-np.arange(n) / 80.0)) * np.exp(0.08 * rng.standard_normal(n)))


def observe(detector: LossSpike, values: list[float], start: int = 1) -> list[Record]:
    found: list[Record] = []
    for step, value in enumerate(values, start):
        found += detector.observe(Record(Kind.STEP, step, {"loss/total": value}))
    return found


@pytest.mark.parametrize("seed", range(10))
def test_a_healthy_noisy_decay_is_silent(seed: int) -> None:
    assert observe(LossSpike(), curve(seed=seed)) == []


@pytest.mark.parametrize(("factor", "severity"), [(1.8, "info"), (4.0, "warning"), (15.0, "critical")])
def test_a_spike_is_found_at_its_step_with_its_severity(factor: float, severity: str) -> None:
    values = curve()
    values[400] *= factor
    [alert] = observe(LossSpike(zscore=6.0), values)
    assert (alert.step, alert.fields["severity"], alert.fields["type"]) == (401, severity, "loss_spike")
    assert alert.fields["value"] == values[400]
    assert isinstance(alert.fields["expected"], list)
    assert alert.fields["expected"][1] < values[400]


def test_zscore_decides_what_counts() -> None:
    values = curve()
    values[400] *= 1.6
    assert observe(LossSpike(zscore=3.0), values)
    assert not observe(LossSpike(zscore=30.0), values)


def test_the_cooldown_counts_and_does_not_repeat() -> None:
    values = curve()
    for step in (400, 405, 410, 480):
        values[step] *= 4.0
    alerts = observe(LossSpike(cooldown=50), values)
    assert [alert.step for alert in alerts] == [401, 481]
    assert [alert.fields["count"] for alert in alerts] == [1, 3]


def test_a_new_level_is_learnt() -> None:
    values = [1.0 + 0.01 * (i % 7) for i in range(100)] + [5.0 + 0.05 * (i % 7) for i in range(300)]
    alerts = observe(LossSpike(cooldown=0), values)
    assert alerts
    assert max(alert.step for alert in alerts) <= 101 + 64


def test_nothing_is_said_during_the_warm_up_or_about_what_is_no_loss() -> None:
    detector = LossSpike(warmup=32)
    assert observe(detector, [1.0] * 20 + [50.0]) == []
    for step in range(100):
        assert not list(detector.observe(Record(Kind.STEP, step, {"grad/norm": 1.0 if step < 99 else 1e9})))
        assert not list(detector.observe(Record(Kind.STEP, step, {"loss/x": math.nan, "loss/y": -1.0})))


def test_a_resumed_run_judges_as_the_uninterrupted_one() -> None:
    values = curve()
    values[400] *= 4.0
    values[430] *= 9.0
    whole = observe(LossSpike(), values)
    first = LossSpike()
    head = observe(first, values[:410])
    second = LossSpike()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert head + observe(second, values[410:], 411) == whole


@pytest.mark.parametrize("bad", [{"zscore": 0.0}, {"iqr": -1.0}, {"window": 3}, {"warmup": 1}, {"cooldown": -1}])
def test_values_out_of_range_name_the_key(bad: dict[str, float]) -> None:
    [(key, value)] = bad.items()
    with pytest.raises(ConfigError, match=f"anomaly.{key}={value}"):
        LossSpike(**bad)  # type: ignore[arg-type]
