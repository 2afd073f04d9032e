"""`data_stall`: training waits for its data."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Record, Severity

_DATA_TIME, _STEP_TIME = Role.DATA_TIME, Role.STEP_TIME
_SLOWER = math.log(5.0)
_SHARE = 0.5
_LONG = 30.0  # seconds
_KEPT, _CHRONIC = 32, 28
_EVERY = 8  # steps between two words on a bottleneck
_WORTH = 0.02  # seconds a step, below which waiting is not worth a word
_RISEN = 0.3  # share of the step


class DataStall(Rule):
    """Time spent waiting for the next batch, against the step time.

    A stall is a wait of five times the usual one that makes up half of its step: an info, a warning when it happens
    again within three steps or lasts half a minute. Where 28 of 32 steps wait for half of their time or more, data is
    the bottleneck: a warning if the share has risen by 30 points since the run began, else an info.

    Args:
        zscore: robust standard deviations of the log waiting time, > 0.
        warmup: steps before anything is told, at least 8.
    """

    type = "data_stall"
    needs = frozenset({Role.DATA_TIME})
    memory = ("_stalls", "_shares", "_first_share", "_seen")

    def __init__(self, *, zscore: float = 5.0, warmup: int = 16) -> None:
        super().__init__(zscore)
        require("warmup", warmup, warmup >= 8, "8 or more")
        self.warmup = warmup
        self._stalls = self._seen = 0  # one bit for each of the last three steps
        self._shares = 0  # and of the last 32
        self._first_share: list[float] = []

    def look(self, record: Record) -> Iterable[Record]:
        waited, whole = self.context.value(_DATA_TIME), self.context.value(_STEP_TIME)
        if waited is None or whole is None or waited < 0 or whole <= 0:
            return ()
        self._seen += 1
        share = min(1.0, waited / whole)
        if len(self._first_share) < _KEPT:
            self._first_share.append(share)
        self._shares = ((self._shares << 1) | (share > _SHARE)) & ((1 << _KEPT) - 1)
        chronic = self._shares.bit_count() >= _CHRONIC and whole > _WORTH and self._seen % _EVERY == 0
        self._stalls = (self._stalls << 1) & 7
        if not chronic or self._seen <= self.warmup:
            return ()
        waiting = self.context.curve(_DATA_TIME)
        return (self._bottleneck(waiting, share),) if waiting is not None and waiting.unit is None else ()

    def look_closer(self, record: Record) -> Iterable[Record]:
        waiting, whole = self.context.curve(_DATA_TIME), self.context.value(_STEP_TIME)
        if waiting is None or waiting.unit is not None or not whole or whole <= 0:
            return ()
        share = min(1.0, waiting.value / whole)
        if share <= _SHARE or waiting.rise <= max(self.scale * _SLOWER, waiting.limit(self.zscore, scale=self.scale)):
            return ()
        self._stalls |= 1
        return (self._stall(waiting, share),) if self._seen > self.warmup else ()

    def _stall(self, waiting: Curve, share: float) -> Record:
        again = self._stalls.bit_count() >= 2 or waiting.value >= _LONG
        return self.found(
            Severity.WARNING if again else Severity.INFO,
            f"waited {waiting.value:.3g} s for data, {math.exp(min(waiting.rise, 700)):.3g} times as long as usual, "
            f"{100 * share:.0f} % of the step",
            metric=waiting.name,
            value=waiting.value,
            expected=(None, waiting.usual * 5.0),
            suggestions=self._advice(),
        )

    def _bottleneck(self, waiting: Curve, share: float) -> Record:
        first = sorted(self._first_share)[len(self._first_share) // 2]
        return self.found(
            Severity.WARNING if share - first > _RISEN else Severity.INFO,
            f"{100 * share:.0f} % of the step time is waiting for data",
            metric=waiting.name,
            value=waiting.value,
            expected=(None, None),
            suggestions=self._advice(),
            evidence=(f"{100 * first:.0f} % when the run began",),
            hold=2 * _EVERY,
        )

    def _advice(self) -> tuple[str, ...]:
        return (
            self.settings.scale("workers", 2.0, why="or cache what they compute"),
            "look at the disk or network that the data comes from",
        )
