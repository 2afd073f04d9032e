"""A pynvml with GPUs of our choosing, for machines that have none. Same names and units as nvidia-ml-py."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any


class NVMLError(Exception):
    pass


class NVMLError_NotSupported(NVMLError):  # noqa: N801, N818  NVML's own name
    pass


class FakeNvml(ModuleType):
    """`gpus` are dicts with uuid, name, used and total (bytes), percent, milliwatts, celsius; None = not supported."""

    NVML_TEMPERATURE_GPU = 0
    NVMLError = NVMLError
    NVMLError_NotSupported = NVMLError_NotSupported

    def __init__(self, gpus: list[dict[str, Any]], *, driver: bool = True) -> None:
        super().__init__("pynvml")
        self.gpus = gpus
        self.driver = driver
        self.opened = 0
        self.lost = False
        self.asked: list[str] = []

    def nvmlInit(self) -> None:
        if not self.driver:
            raise NVMLError("NVML Shared Library Not Found")
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.opened -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:
        for index, gpu in enumerate(self.gpus):
            if gpu["uuid"] == uuid:
                return index
        raise NVMLError("Not Found")

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return str(self.gpus[handle]["uuid"])

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return str(self.gpus[handle]["name"]).encode()

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.1"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(used=self._get(handle, "used"), total=self._get(handle, "total"))

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(gpu=self._get(handle, "percent"), memory=0)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> Any:
        return self._get(handle, "milliwatts")

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> Any:
        assert sensor == self.NVML_TEMPERATURE_GPU
        return self._get(handle, "celsius")

    def _get(self, handle: int, name: str) -> Any:
        self.asked.append(name)
        if self.lost:
            raise NVMLError("GPU is lost")
        if self.gpus[handle][name] is None:
            raise NVMLError_NotSupported("Not Supported")
        return self.gpus[handle][name]


def gpu(uuid: str = "GPU-a", gigabytes: int = 4, **values: Any) -> dict[str, Any]:
    """A GPU with a quarter of its memory used."""
    total = gigabytes * 2**30
    usual = {"name": "Fake", "used": total // 4, "total": total, "percent": 50, "milliwatts": 70_500, "celsius": 61}
    return {"uuid": uuid, **usual, **values}
