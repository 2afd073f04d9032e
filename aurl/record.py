"""The one type that flows through aurl: a loop says what happened once, as a `Record`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

Json: TypeAlias = bool | int | float | str | Sequence[Any] | Mapping[str, Any] | None

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Kind(StrEnum):
    """What a record tells. A log may hold kinds of a later version; readers keep them as plain strings."""

    START = "start"
    STEP = "step"
    EVAL = "eval"
    EPOCH = "epoch"
    DATA = "data"
    SYSTEM = "system"
    SAMPLE = "sample"
    QUALITY = "quality"
    ALERT = "alert"
    CHECKPOINT = "checkpoint"
    NOTE = "note"
    END = "end"

    __hash__ = str.__hash__  # that of enumerations is Python code


class Severity(StrEnum):
    """How bad an alert is, mildest first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    FATAL = "fatal"

    @property
    def rank(self) -> int:
        """0 for info up to 3 for fatal, to compare severities."""
        return list(Severity).index(self)

    @classmethod
    def rank_of(cls, severity: object) -> int:
        """The rank of a severity as an alert's fields name it; -1 for none that is known."""
        return cls(severity).rank if isinstance(severity, str) and severity in set(cls) else -1


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened in a run.

    Attributes:
        kind: what happened (a plain string where a newer aurl wrote a kind unknown here).
        step: optimiser steps finished, over the whole run, resumes included.
        scalars: numbers by name, as in `aurl.scalars`; non-finite values are allowed.
        fields: everything else, JSON values only (`epoch`, `batch`, `path`, `detector`, `severity`, ...).
        time: seconds since the epoch, UTC.
    """

    kind: Kind | str
    step: int
    scalars: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    fields: Mapping[str, Json] = field(default_factory=lambda: _EMPTY)
    time: float = 0.0
