"""`memory_overflow`: memory grows without end, or is nearly full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.memory import Remembers
from aurl.anomaly.statistics.roles import Role
from aurl.record import Json, Kind, Record, Severity

_BLOCK = 8  # samples whose smallest is a floor
_FLOORS = 5
_WIDTHS = (1, 2, 4, 8)  # blocks in a floor: fast leaks and slow ones
_WIDEST = _WIDTHS[-1]
_GROWTH = 0.10
_STEADY = 0.8  # the last rise over the mean one: a cache that fills slows down
_FULL, _OVERFULL = 0.92, 0.97
_HIGH = 3  # samples in a row


class MemoryOverflow(Rule):
    """Floors of memory use, the smallest of 8, 16, 32 or 64 samples, and the share of the limit.

    A leak is five floors in a row that rise, by 10 % together, the last by at least 0.8 of the mean rise (a cache that
    fills slows down): a warning, with the step at which the limit is reached; critical if that comes before the
    planned end. Three samples in a row above 92 % of the limit are a warning, above 97 % critical; where the use stands
    still there since the beginning, as with an allocator that keeps what it has, an info.

    Args:
        warmup: samples before anything is told, at least 8.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "memory_overflow"
    kinds = frozenset({Kind.STEP, Kind.SYSTEM})
    needs = frozenset({Role.MEMORY})

    def __init__(self, *, warmup: int = 16, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("warmup", warmup, warmup >= 8, "8 or more")
        self.warmup = warmup
        self._meters: dict[str, _Meter] = {}

    def look(self, record: Record) -> Iterable[Record]:
        found: list[Record] = []
        for name in self.context.names(Role.MEMORY):
            value = record.scalars[name]
            if 0.0 < value < float("inf"):
                meter = self._meters.setdefault(name, _Meter(self.scale * _GROWTH))
                grew = meter.push(value, record.step)
                if meter.seen > self.warmup:
                    found += self._judge(name, value, meter, grew, record)
        return found

    def state_dict(self) -> dict[str, Json]:
        return {name: meter.state_dict() for name, meter in self._meters.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._meters = {}
        for name, saved in state.items():
            self._meters[name] = _Meter(self.scale * _GROWTH)
            self._meters[name].load_state_dict(saved)

    def _judge(self, name: str, value: float, meter: _Meter, grew: bool, record: Record) -> Iterable[Record]:
        limit = _limit(name, record)
        share = value / limit if limit else 0.0
        meter.high = meter.high + 1 if share > _FULL else 0
        if grew:
            yield self._leak(name, value, meter, limit, record)
        elif meter.high >= _HIGH:
            severity = Severity.CRITICAL if share > _OVERFULL else Severity.WARNING
            if meter.first and value < 1.05 * meter.first:
                severity = Severity.INFO
            yield self._tell(severity, f"{name} is {value:.2f} of {limit:.2f} GB", (name, value, limit), record.step)

    def _leak(self, name: str, value: float, meter: _Meter, limit: float | None, record: Record) -> Record:
        first, last = meter.floors[0], meter.floors[-1]
        per_step = (last - first) / max(1, meter.steps[-1] - meter.steps[0])
        message = f"{name} rose from {first:.2f} to {last:.2f} GB since step {meter.steps[0]}"
        severity = Severity.WARNING
        if limit and per_step > 0:
            full = record.step + int((limit - value) / per_step)
            message += f", and reaches the limit of {limit:.2f} GB at step {full}"
            planned = self.context.planned
            if value / limit > _FULL or (planned is not None and full < planned):
                severity = Severity.CRITICAL
        return self._tell(severity, message, (name, value, limit), meter.steps[0])

    def _tell(self, severity: Severity, message: str, use: tuple[str, float, float | None], onset: int) -> Record:
        name, value, limit = use
        return self.found(
            severity,
            message,
            metric=name,
            value=value,
            expected=(None, _FULL * limit if limit else None),
            suggestions=(
                "look for tensors kept over steps: losses added up without .item() or .detach(), lists of outputs",
                self.settings.scale("batch_size", 0.5, why="accumulate gradients to make up for it"),
                self.settings.put("checkpoint_activations", "true"),
            ),
            onset_step=onset,
        )


class _Meter(Remembers):
    """Floors of one memory metric."""

    memory = ("seen", "high", "first", "floors", "steps", "_lows", "_ends", "_low", "_size")

    def __init__(self, growth: float = _GROWTH) -> None:
        self.growth = growth
        self.seen = self.high = 0
        self.first: float | None = None  # after the first block, when everything is allocated
        self.floors: list[float] = []  # those looked at last
        self.steps: list[int] = []
        self._lows: list[float] = []  # of blocks, and where they end
        self._ends: list[int] = []
        self._low = 1e300
        self._size = 0

    def push(self, value: float, step: int) -> bool:
        """Take a sample; True when it completes a floor that confirms a leak."""
        self.seen += 1
        self._low = min(self._low, value)
        self._size += 1
        if self._size < _BLOCK:
            return False
        low, self._low, self._size = self._low, 1e300, 0
        if self.first is None:
            self.first = low
            return False
        self._lows = [*self._lows[1 - _FLOORS * _WIDEST :], low]
        self._ends = [*self._ends[1 - _FLOORS * _WIDEST :], step]
        return any(self._leaks(width) for width in _WIDTHS)

    def _leaks(self, width: int) -> bool:
        """Whether floors of so many blocks each rise like a leak; keeps them if so."""
        if len(self._lows) < _FLOORS * width:
            return False
        starts = range(len(self._lows) - _FLOORS * width, len(self._lows), width)
        self.floors = [min(self._lows[at : at + width]) for at in starts]
        self.steps = [self._ends[at + width - 1] for at in starts]
        return _leaks(self.floors, self.growth)


def _leaks(floors: list[float], growth: float) -> bool:
    rises = [b - a for a, b in pairwise(floors)]
    mean = sum(rises) / len(rises)
    return min(rises) > 0 and rises[-1] > _STEADY * mean and floors[-1] > (1.0 + growth) * floors[0]


def _limit(name: str, record: Record) -> float | None:
    """The limit that belongs to a metric: `system/gpu_used_gb` has `system/gpu_total_gb`."""
    for known, limit in _LIMITS.items():
        if name == known and record.scalars.get(limit, 0.0) > 0:
            return record.scalars[limit]
    return None


_LIMITS = {
    "system/ram_gb": "system/ram_total_gb",
    "system/gpu_used_gb": "system/gpu_total_gb",
    "system/cuda_allocated_gb": "system/gpu_total_gb",
}
