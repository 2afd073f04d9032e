"""What the system probe reads from: anything that gives numbers about the machine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

GB = 2**30  # bytes, as nvidia-smi, free and torch mean it; a "4 GB" card has 4.00 of these


class SourceError(RuntimeError):
    """A reading failed and will fail again; the probe switches the source off and says so."""


class AbsentError(SourceError):
    """The machine has no such device or library; the probe leaves the source out without a word."""


class ProbeSource(ABC):
    """Read every few seconds on the probe's thread; opens what it needs at its first sample."""

    @abstractmethod
    def sample(self) -> Mapping[str, float]:
        """Current values by scalar name; one that is not known now is left out."""

    def close(self) -> None:  # noqa: B027  most sources hold nothing
        """Let go of handles. Called once, also after a failed sample."""
