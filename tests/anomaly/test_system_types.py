"""Anomalies of the machine: runs that have them, and healthy neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from aurl.record import Kind, Record
from tests.anomaly.runs import first, healthy, loud, records


def system(columns: dict[str, np.ndarray]) -> list[Record]:
    return records(columns, Kind.SYSTEM, every=10)


def test_steps_that_take_twice_as_long_are_found() -> None:
    columns = healthy()
    columns["time/step"][400:] *= 2.0
    found = first(records(columns), "throughput_degradation")
    assert 405 <= found.step <= 412


def test_steps_that_slow_down_little_by_little_are_found() -> None:
    columns = healthy(2000)
    columns["time/step"] *= np.exp(np.maximum(0.0, np.arange(2000) - 500) / 1500.0)
    assert first(records(columns), "throughput_degradation").step <= 1400


@pytest.mark.parametrize("period", [2, 50])
def test_steps_of_two_kinds_are_fine(period: int) -> None:
    columns = healthy(2000)
    columns["time/step"][::period] *= 6.0
    assert loud(records(columns)) == []


def test_longer_steps_that_do_more_are_fine() -> None:
    columns = healthy()
    columns["throughput/tokens"] = 1000.0 / columns["time/step"] * 0.1
    columns["time/step"][400:] *= 2.5
    assert loud(records(columns)) == []


def test_steps_that_take_longer_since_a_discriminator_joined_in_are_fine() -> None:
    columns = healthy()
    columns["time/step"][200:] *= 1.8
    assert "throughput_degradation" in {type_ for type_, _, _ in loud(records(columns))}
    joined = records(columns | {"loss/adv": np.full(800, 0.7)})[200:]
    assert loud([*records(columns)[:200], *joined]) == []


def test_stalls_of_the_loader_are_found() -> None:
    columns = healthy()
    for at in (400, 401):
        columns["time/data"][at] = 0.6
        columns["time/step"][at] += 0.6
    assert first(records(columns), "data_stall").step == 402


def test_one_slow_batch_is_an_info() -> None:
    columns = healthy()
    columns["time/data"][400], columns["time/step"][400] = 0.6, 0.7
    assert loud(records(columns)) == []


def test_a_loader_that_has_become_the_bottleneck_is_found() -> None:
    columns = healthy()
    columns["time/data"][400:] += np.linspace(0.0, 0.4, 400)
    columns["time/step"][400:] += np.linspace(0.0, 0.4, 400)
    assert first(records(columns), "data_stall").step <= 700


def test_a_leak_is_found_with_the_step_of_its_end() -> None:
    rng = np.random.default_rng(0)
    use = 4.0 + 0.02 * np.arange(200) + 0.05 * rng.random(200)
    found = first(system({"system/ram_gb": use, "system/ram_total_gb": np.full(200, 16.0)}), "memory_overflow")
    assert found.step <= 1200
    expected = 10 * 12.0 / 0.02
    told = int(str(found.fields["message"]).rsplit(" ", 1)[1])
    assert 0.8 * expected < told < 1.2 * expected


def test_memory_that_is_nearly_full_is_found() -> None:
    use = np.full(100, 20.0)
    use[60:] = 23.6
    columns = {"system/gpu_used_gb": use, "system/gpu_total_gb": np.full(100, 24.0)}
    assert first(system(columns), "memory_overflow").step <= 640


def test_a_cache_that_fills_and_an_allocator_that_keeps_what_it_has_are_fine() -> None:
    filling = 4.0 + 2.0 * (1.0 - np.exp(-np.arange(300) / 40.0))
    kept = np.full(300, 23.0)
    total = {"system/ram_total_gb": np.full(300, 32.0), "system/gpu_total_gb": np.full(300, 24.0)}
    assert loud(system({"system/ram_gb": filling, "system/gpu_used_gb": kept, **total})) == []


def test_an_idle_gpu_is_found_and_a_busy_one_is_fine() -> None:
    rng = np.random.default_rng(0)
    assert first(system({"system/gpu_percent": 8.0 * rng.random(80)}), "gpu_idle").step == 400
    assert loud(system({"system/gpu_percent": 80.0 + 20.0 * rng.random(80)})) == []
