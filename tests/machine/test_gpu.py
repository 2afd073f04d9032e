"""GPU readings through a fake pynvml; torch's CUDA through a fake that says what it holds."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from aurl.machine.gpu import CudaMemory, Gpus, busiest_device
from aurl.machine.source import AbsentError, SourceError
from tests.machine.fake_nvml import FakeNvml, gpu

GIB = 2**30


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(*gpus: dict[str, Any], driver: bool = True) -> FakeNvml:
        module = FakeNvml(list(gpus), driver=driver)
        monkeypatch.setitem(sys.modules, "pynvml", module)
        return module

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return put


def fake_cuda(monkeypatch: pytest.MonkeyPatch, reserved: list[int], *, started: bool = True) -> None:
    cuda = SimpleNamespace(
        is_initialized=lambda: started,
        device_count=lambda: len(reserved),
        memory_reserved=lambda device: reserved[device],
        memory_allocated=lambda device: reserved[device] // 2,
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))


def test_one_gpu(install: Any) -> None:
    nvml = install(gpu(used=3 * GIB))
    gpus = Gpus()
    assert gpus.sample() == {
        "system/gpu_used_gb": 3.0,
        "system/gpu_total_gb": 4.0,
        "system/gpu_percent": 50.0,
        "system/gpu_watts": 70.5,
        "system/gpu_celsius": 61.0,
    }
    gpus.sample()
    assert nvml.opened == 1
    gpus.close()
    assert nvml.opened == 0


def test_several_gpus_are_numbered_and_the_plain_names_are_the_one_computed_on(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(gpu("GPU-a", 4), gpu("GPU-b", 8, percent=90))
    fake_cuda(monkeypatch, [0, 7 * GIB])
    scalars = Gpus().sample()
    assert scalars["system/gpu0_total_gb"] == 4
    assert scalars["system/gpu1_total_gb"] == scalars["system/gpu_total_gb"] == 8
    assert scalars["system/gpu_percent"] == 90


@pytest.mark.parametrize(
    ("visible", "totals"),
    [
        ("1", [8]),
        ("2,0", [16, 4]),
        ("GPU-b", [8]),
        ("GPU-cc", [16]),
        ("MIG-d", [1]),
        ("0,7,1", [4]),
        (" 1 , 0 ", [8, 4]),
    ],
)
def test_visible_devices(install: Any, visible: str, totals: list[int]) -> None:
    install(gpu("GPU-a", 4), gpu("GPU-b", 8), gpu("GPU-cc", 16), gpu("MIG-d", 1))
    assert [found["memory_gb"] for found in Gpus(visible).describe()] == totals


@pytest.mark.parametrize("visible", ["", "-1", "9"])
def test_no_visible_device_is_absence(install: Any, visible: str) -> None:
    nvml = install(gpu())
    gpus = Gpus(visible)
    with pytest.raises(AbsentError, match="no GPU is visible"):
        gpus.sample()
    gpus.close()
    assert nvml.opened == 0


def test_visible_devices_come_from_the_environment(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install(gpu("GPU-a", 4), gpu("GPU-b", 8))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert Gpus().sample()["system/gpu_total_gb"] == 8


def test_no_driver_is_absence(install: Any) -> None:
    install(driver=False)
    with pytest.raises(AbsentError, match="Shared Library Not Found"):
        Gpus().sample()


def test_no_package_is_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(AbsentError, match="nvidia-ml-py"):
        Gpus().sample()


def test_an_unsupported_reading_is_asked_once_and_left_out(install: Any) -> None:
    nvml = install(gpu(percent=None, milliwatts=None))
    gpus = Gpus()
    gpus.sample()
    assert set(gpus.sample()) == {"system/gpu_used_gb", "system/gpu_total_gb", "system/gpu_celsius"}
    assert nvml.asked.count("percent") == nvml.asked.count("milliwatts") == 1


def test_a_lost_gpu_is_an_error(install: Any) -> None:
    nvml = install(gpu())
    gpus = Gpus()
    gpus.sample()
    nvml.lost = True
    with pytest.raises(SourceError, match="GPU is lost"):
        gpus.sample()


def test_describe(install: Any) -> None:
    install(gpu("GPU-a", 80, name="Fake H100"))
    assert Gpus().describe() == [{"name": "Fake H100", "memory_gb": 80.0, "driver": "580.1"}]


def test_cuda_memory_is_that_of_the_busiest_device(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cuda(monkeypatch, [GIB, 4 * GIB, 2 * GIB])
    assert busiest_device() == 1
    assert CudaMemory().sample() == {"system/cuda_allocated_gb": 2.0, "system/cuda_reserved_gb": 4.0}


@pytest.mark.parametrize("torch", [None, SimpleNamespace(), SimpleNamespace(cuda=SimpleNamespace())])
def test_torch_that_is_missing_or_half_imported_says_nothing(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert CudaMemory().sample() == {}


def test_cuda_that_is_not_started_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cuda(monkeypatch, [GIB], started=False)
    assert CudaMemory().sample() == {}
    assert busiest_device() == 0
