"""Samples the machine on a timer, off the training thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from aurl.errors import ConfigError, EventLogError
from aurl.machine.gpu import CudaMemory, Gpus
from aurl.machine.host import FreeDisk, MachineMemory, ProcessTree
from aurl.machine.source import AbsentError, ProbeSource, SourceError
from aurl.record import Kind, Record

_JOIN_SECONDS = 2.0


class SystemProbe:
    """Writes a SYSTEM record at once and then every few seconds, from a daemon thread.

    A source that fails is switched off, with a NOTE that says why; the others go on.

    Args:
        write: takes a record; called on the probe's thread.
        step: the current optimiser step.
        every: seconds between two samples.
        outputs: a folder on the disk whose free space matters.
        sources: what to read, by name; by default everything this machine has.

    Raises:
        ConfigError: `every` is not above 0.
    """

    def __init__(
        self,
        write: Callable[[Record], None],
        step: Callable[[], int],
        *,
        every: float = 5.0,
        outputs: str | Path = ".",
        sources: Mapping[str, ProbeSource] | None = None,
    ) -> None:
        if not every > 0:
            raise ConfigError(f"system probe: every={every} seconds is not above 0; give 5.0, or leave the probe out")
        self._write = write
        self._step = step
        self._every = every
        self._sources = dict(default_sources(Path(outputs)) if sources is None else sources)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin sampling; a second call while it runs does nothing."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._work, name="aurl-system", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread at once, not after the interval; a second call does nothing.

        A sample that hangs, as on a dead network disk, is left behind after two seconds.
        """
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join(_JOIN_SECONDS)

    def _work(self) -> None:
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                self._sample()
                self._stopping.wait(max(0.0, began + self._every - time.monotonic()))
        except EventLogError:
            return  # the log takes no more; the training thread meets the same error and ends the run
        finally:
            for name, source in self._sources.items():
                self._close(name, source)

    def _sample(self) -> None:
        scalars: dict[str, float] = {}
        for name, source in list(self._sources.items()):
            try:
                scalars |= source.sample()
            except AbsentError:
                self._close(name, self._sources.pop(name))
            except Exception as error:  # noqa: BLE001  drivers fail in ways of their own; the run must go on, told why
                self._close(name, self._sources.pop(name))
                self._note(f"system probe: {name} is switched off: {_reason(error)}")
        if scalars:
            self._write(Record(Kind.SYSTEM, self._step(), scalars, time=time.time()))

    def _close(self, name: str, source: ProbeSource) -> None:
        try:
            source.close()
        except SourceError as error:
            self._note(f"system probe: {name} did not close: {error}")

    def _note(self, message: str) -> None:
        fields = {"message": message, "level": "warning", "module": "system"}
        self._write(Record(Kind.NOTE, self._step(), fields=fields, time=time.time()))


def default_sources(outputs: Path) -> dict[str, ProbeSource]:
    """Everything the probe knows to read; what this machine lacks leaves itself out."""
    return {
        "process": ProcessTree(),
        "memory": MachineMemory(),
        "disk": FreeDisk(outputs),
        "gpu": Gpus(),
        "cuda": CudaMemory(),
    }


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, SourceError) else f"{type(error).__name__}: {error}"
