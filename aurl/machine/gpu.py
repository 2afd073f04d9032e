"""NVIDIA GPUs through NVML (`pynvml`, from nvidia-ml-py), and this process's own CUDA memory through torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aurl.machine.source import GB, AbsentError, ProbeSource, SourceError

_Reading = Callable[[Any, Any], Mapping[str, float]]


@dataclass(slots=True)
class Device:
    """One visible GPU: its NVML handle, and the readings it supports."""

    handle: Any
    readings: list[_Reading] = field(default_factory=lambda: [_memory, _utilisation, _power, _temperature])


class Gpus(ProbeSource):
    """`system/gpu_*` of the GPU that this process computes on, as the driver sees it (all processes together).

    `gpu_used_gb`, `gpu_total_gb`, `gpu_percent` (of the last sampling period of the driver, about a second),
    `gpu_watts`, `gpu_celsius`. Where several GPUs are visible, each also appears under its number, `gpu0_used_gb`.
    The one computed on is the one where torch holds most memory in this process, else the first visible.

    Args:
        visible: CUDA_VISIBLE_DEVICES: numbers or (beginnings of) UUIDs; None for all. NVML counts in PCI order,
            CUDA too where CUDA_DEVICE_ORDER=PCI_BUS_ID or all GPUs are alike.
    """

    def __init__(self, visible: str | None = None) -> None:
        self._visible = os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible
        self._nvml: Any = None
        self._devices: list[Device] = []

    def sample(self) -> Mapping[str, float]:
        """One value of each reading that the devices support.

        Raises:
            AbsentError: no NVML, no driver or no visible device.
            SourceError: the driver gave an error, as when a GPU has fallen off the bus.
        """
        self._open()
        try:
            values = [self._read(device) for device in self._devices]
        except self._nvml.NVMLError as error:
            raise SourceError(f"NVML: {error}") from error
        main = min(busiest_device(), len(values) - 1)
        scalars = {f"system/gpu_{name}": value for name, value in values[main].items()}
        if len(values) > 1:
            for number, device_values in enumerate(values):
                scalars |= {f"system/gpu{number}_{name}": value for name, value in device_values.items()}
        return scalars

    def describe(self) -> list[dict[str, Any]]:
        """`{"name", "memory_gb", "driver"}` of each visible GPU. Raises as `sample` does."""
        self._open()
        nvml = self._nvml
        try:
            driver = _text(nvml.nvmlSystemGetDriverVersion())
            return [
                {
                    "name": _text(nvml.nvmlDeviceGetName(device.handle)),
                    "memory_gb": self._read(Device(device.handle, [_memory])).get("total_gb"),
                    "driver": driver,
                }
                for device in self._devices
            ]
        except nvml.NVMLError as error:
            raise SourceError(f"NVML: {error}") from error

    def close(self) -> None:
        """Let go of NVML, which counts who has opened it."""
        if self._nvml is not None:
            nvml, self._nvml, self._devices = self._nvml, None, []
            try:
                nvml.nvmlShutdown()
            except nvml.NVMLError as error:
                raise SourceError(f"NVML: {error}") from error

    def _open(self) -> None:
        if self._nvml is not None:
            return
        try:
            import pynvml
        except ImportError as error:
            raise AbsentError("pynvml is not installed; pip install nvidia-ml-py") from error
        try:
            pynvml.nvmlInit()
            self._nvml = pynvml
            self._devices = [Device(handle) for handle in _visible_handles(pynvml, self._visible)]
        except pynvml.NVMLError as error:
            raise AbsentError(f"NVML: {error}") from error
        if not self._devices:
            raise AbsentError(f"no GPU is visible (CUDA_VISIBLE_DEVICES={self._visible!r})")

    def _read(self, device: Device) -> dict[str, float]:
        values: dict[str, float] = {}
        for reading in list(device.readings):
            try:
                values |= reading(self._nvml, device.handle)
            except self._nvml.NVMLError_NotSupported:  # a card without, for good: do not ask again
                device.readings.remove(reading)
        return values


class CudaMemory(ProbeSource):
    """`system/cuda_allocated_gb` and `system/cuda_reserved_gb`: what torch holds in this process, on its own device.

    Never imports torch and never starts CUDA: nothing is said until the training has done so.
    """

    def sample(self) -> Mapping[str, float]:
        """Tensors in use, and memory kept by torch's allocator, in GB; nothing before CUDA is in use."""
        device = busiest_device()
        cuda = _running_cuda()
        if cuda is None:
            return {}
        return {
            "system/cuda_allocated_gb": cuda.memory_allocated(device) / GB,
            "system/cuda_reserved_gb": cuda.memory_reserved(device) / GB,
        }


def busiest_device() -> int:
    """The visible device on which torch holds most memory in this process; 0 where it holds none.

    CUDA's current device is a property of the thread, so the probe's thread cannot ask for the training thread's.
    """
    cuda = _running_cuda()
    return max(range(cuda.device_count()), key=cuda.memory_reserved, default=0) if cuda else 0


def _running_cuda() -> Any:
    # torch may be half imported by the training thread while this one looks.
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    started = getattr(cuda, "is_initialized", None)
    return cuda if started is not None and started() else None


def _visible_handles(nvml: Any, visible: str | None) -> list[Any]:
    handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
    if visible is None:
        return handles
    chosen: list[Any] = []
    for entry in filter(None, map(str.strip, visible.split(","))):
        if entry.startswith("MIG-"):
            chosen.append(nvml.nvmlDeviceGetHandleByUUID(entry))
        elif entry.isdecimal() and int(entry) < len(handles):
            chosen.append(handles[int(entry)])
        elif found := [handle for handle in handles if _text(nvml.nvmlDeviceGetUUID(handle)).startswith(entry)]:
            chosen.append(found[0])
        else:  # CUDA, too, ignores everything from the first unknown entry on
            break
    return chosen


def _memory(nvml: Any, handle: Any) -> Mapping[str, float]:
    info = nvml.nvmlDeviceGetMemoryInfo(handle)
    return {"used_gb": info.used / GB, "total_gb": info.total / GB}


def _utilisation(nvml: Any, handle: Any) -> Mapping[str, float]:
    return {"percent": float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)}


def _power(nvml: Any, handle: Any) -> Mapping[str, float]:
    return {"watts": nvml.nvmlDeviceGetPowerUsage(handle) / 1000}


def _temperature(nvml: Any, handle: Any) -> Mapping[str, float]:
    return {"celsius": float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))}


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value  # older pynvml gives bytes
