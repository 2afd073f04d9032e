"""`loss_spike`: a loss jumps far above its recent level."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from typing import Any

from aurl.anomaly.base import Detector, alert
from aurl.errors import ConfigError
from aurl.record import Json, Kind, Record, Severity

_LEVEL = 32  # values whose median is the level a loss is compared with
_MIN_JUMP = math.log(1.4)  # a smaller rise is noise whatever its z
_WARN_JUMP = math.log(2.0)
_CRITICAL_JUMP = math.log(10.0)
_SCALE_FLOOR = 0.01
_MAD_TO_SD = 1.4826  # median absolute deviation to standard deviation, normal distribution


class LossSpike(Detector):
    """A one-sided robust z-score and Tukey fence on the log residuals of each training loss.

    Losses decay and their noise is multiplicative, so the residual is log(loss) minus the median of the last 32 log
    values. It is a spike when its modified z-score (Iglewicz & Hoaglin 1993: residual minus median, over 1.4826 MAD)
    exceeds `zscore`, it lies above Tukey's fence q75 + `iqr` * (q75 - q25), and the loss is at least 1.4 times its
    level. Spikes do not enter the statistics, so one does not hide the next; a level that persists for 32 values is
    learnt anew. Severity: info, warning from twice the level, critical from ten times.

    Args:
        zscore: robust standard deviations above the recent level, > 0.
        iqr: Tukey's fence factor, >= 0.
        window: residuals remembered, at least 16.
        warmup: values of a loss before anything is said about it, at least 8.
        cooldown: steps in which a metric's further spikes are counted but not told again, >= 0.
    """

    def __init__(
        self, *, zscore: float = 8.0, iqr: float = 1.5, window: int = 96, warmup: int = 32, cooldown: int = 50
    ) -> None:
        _require("zscore", zscore, zscore > 0, "a number above 0")
        _require("iqr", iqr, iqr >= 0, "0 or more")
        _require("window", window, window >= 16, "16 or more")
        _require("warmup", warmup, warmup >= 8, "8 or more")
        _require("cooldown", cooldown, cooldown >= 0, "0 or more")
        self.zscore, self.iqr, self.window, self.warmup, self.cooldown = zscore, iqr, window, warmup, cooldown
        self._streams: dict[str, _Stream] = {}

    def observe(self, record: Record) -> Iterable[Record]:
        if record.kind is not Kind.STEP:
            return ()
        found = []
        for name, value in record.scalars.items():
            if name.startswith("loss/") and 0 < value < math.inf:
                stream = self._streams.get(name)
                if stream is None:
                    stream = self._streams[name] = _Stream(self.window)
                jump = math.log(value) - stream.level
                if stream.seen >= self.warmup and jump > _MIN_JUMP and self._is_outlier(stream, jump):
                    found += self._spike(record, name, value, jump, stream)
                else:
                    stream.learn(math.log(value))
        return found

    def state_dict(self) -> dict[str, Json]:
        return {name: stream.state_dict() for name, stream in self._streams.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._streams = {name: _Stream(self.window, **saved) for name, saved in state.items()}

    def _is_outlier(self, stream: _Stream, jump: float) -> bool:
        centre, deviation, low, high = stream.spread()
        return jump - centre > self.zscore * deviation and jump > high + self.iqr * (high - low)

    def _spike(self, record: Record, name: str, value: float, jump: float, stream: _Stream) -> list[Record]:
        stream.reject(math.log(value))
        stream.quiet += 1
        if record.step - stream.told < self.cooldown and jump <= stream.worst + _WARN_JUMP:
            return []
        centre, deviation, _, _ = stream.spread()
        level = math.exp(stream.level)
        limit = level * math.exp(max(centre + self.zscore * deviation, _MIN_JUMP))
        severity = Severity.CRITICAL if jump > _CRITICAL_JUMP else Severity.INFO
        if _WARN_JUMP < jump <= _CRITICAL_JUMP:
            severity = Severity.WARNING
        count, stream.quiet, stream.told, stream.worst = stream.quiet, 0, record.step, jump
        found = alert(
            record,
            "loss_spike",
            severity,
            f"{name} rose to {value:.4g}, {value / level:.1f} times its recent level {level:.4g} "
            f"(robust z {(jump - centre) / deviation:.1f})",
            metric=name,
            value=value,
            expected=(None, limit),
            suggestions=(
                "look at the batch of this step for outliers",
                "lower trainer.clip_norm or optim.lr if spikes recur",
            ),
            count=count,
        )
        return [found]


class _Stream:
    """Level and spread of one loss in log space; O(log window) per value."""

    def __init__(
        self,
        window: int,
        *,
        recent: list[float] | None = None,
        residuals: list[float] | None = None,
        seen: int = 0,
        told: int = -(10**9),
        quiet: int = 0,
        worst: float = 0.0,
        rejected: list[float] | None = None,
    ) -> None:
        self.recent = deque(recent or (), maxlen=_LEVEL)
        self.residuals = deque(residuals or (), maxlen=window)
        self.rejected = list(rejected or ())
        self.seen, self.told, self.quiet, self.worst = seen, told, quiet, worst
        self._sorted_recent = sorted(self.recent)
        self._sorted_residuals = sorted(self.residuals)

    @property
    def level(self) -> float:
        ordered = self._sorted_recent
        return ordered[len(ordered) // 2] if ordered else math.inf

    def learn(self, value: float) -> None:
        if self._sorted_recent:
            _push(self.residuals, self._sorted_residuals, value - self.level)
        _push(self.recent, self._sorted_recent, value)
        self.seen += 1
        self.rejected.clear()

    def reject(self, value: float) -> None:
        """Leave an outlier out; where a whole level's worth of them came in a row, they are the new level."""
        self.rejected.append(value)
        if len(self.rejected) >= _LEVEL:
            fresh, self.rejected = self.rejected, []
            for item in fresh:
                _push(self.recent, self._sorted_recent, item)

    def spread(self) -> tuple[float, float, float, float]:
        """Median, robust standard deviation, lower and upper quartile of the residuals."""
        ordered = self._sorted_residuals
        n = len(ordered)
        centre = ordered[n // 2]
        low, high = ordered[n // 4], ordered[(3 * n) // 4]
        distances = sorted(abs(item - centre) for item in ordered)
        return centre, max(_MAD_TO_SD * distances[n // 2], _SCALE_FLOOR), low, high

    def state_dict(self) -> dict[str, Json]:
        return {
            "recent": list(self.recent),
            "residuals": list(self.residuals),
            "seen": self.seen,
            "told": self.told,
            "quiet": self.quiet,
            "worst": self.worst,
            "rejected": list(self.rejected),
        }


def _push(window: deque[float], ordered: list[float], value: float) -> None:
    if len(window) == window.maxlen:
        del ordered[bisect_left(ordered, window[0])]
    window.append(value)
    insort(ordered, value)


def _require(key: str, value: float, fine: bool, allowed: str) -> None:
    if not fine:
        raise ConfigError(f"anomaly.{key}={value}: allowed is {allowed}")
