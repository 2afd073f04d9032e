"""`throughput_degradation`: steps take longer than they did, and stay slow."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.blocks import Blocks, median, noise
from aurl.anomaly.statistics.curve import LEVEL, Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Record

_STEP_TIME, _THROUGHPUT = Role.STEP_TIME, Role.THROUGHPUT
_SLOWER = math.log(1.5)
_STILL = math.log(1.3)
_CRITICAL = math.log(5.0)
_LAST, _NEEDED = 10, 8
_BLOCK = 16
_BLOCKS_HIGH = 3
_NOISES = 4.0
_RATE_KEPT = 64
_RATE_FALLS = math.log(1.2)


class ThroughputDegradation(Rule):
    """The log of the step time against its level, fast and slow.

    Fast: eight of the last ten steps take 1.5 times the recent level and exceed its usual range. Slow: three block
    medians in a row lie 1.5 times and four noise widths above the lower quartile of all earlier ones. Neither counts
    while a logged throughput (samples or tokens per second) holds up, for then the steps do more; and where a further
    loss or norm is logged for the first time, as when a discriminator joins in, what steps took before is forgotten. A
    warning, critical from five times, until the step time is back within 1.3 times of what it was.

    Args:
        zscore: robust standard deviations of the log step time, > 0.
        warmup: steps before anything is told, at least 8.
    """

    type = "throughput_degradation"
    needs = frozenset({Role.STEP_TIME})
    memory = (
        "_times", "_marks", "_before", "_onset", "_high", "_rates", "_first_rates", "_seen", "_measured", "_learnt",
    )  # fmt: skip

    def __init__(self, *, zscore: float = 5.0, warmup: int = 16) -> None:
        super().__init__(zscore)
        require("warmup", warmup, warmup >= 8, "8 or more")
        self.warmup = warmup
        self._times = Blocks(_BLOCK)
        self._marks = self._high = self._onset = self._seen = 0
        self._measured = 0  # metrics that are known
        self._learnt = 0  # the observation from which the recent level is one of steps as they are now
        self._before: float | None = None  # log of the usual step time, while it is exceeded
        self._rates: list[float] = []
        self._first_rates: list[float] = []

    def look(self, record: Record) -> Iterable[Record]:
        seconds = self.context.value(_STEP_TIME)
        if seconds is None or seconds <= 0:
            return ()
        self._seen += 1
        if self._seen <= 2:
            return ()  # compilation, caches
        if self.context.measured != self._measured:
            self._forget()
        rate = self.context.value(_THROUGHPUT)
        if rate is not None and rate > 0:
            self._note_rate(math.log(rate))
        if self._seen % _BLOCK == 0:
            curve = self.context.curve(_STEP_TIME)
            if curve is not None and curve.unit is None and self._times.fill(curve.trail):
                self._slow(curve)
        return ()

    @property
    def following(self) -> bool:
        return self._before is not None or self._marks != 0

    def look_closer(self, record: Record) -> Iterable[Record]:
        curve = self.context.curve(_STEP_TIME)
        if curve is None or curve.unit is not None or self._seen <= 2:
            return ()
        if self._before is not None and curve.y < self._before + _STILL and curve.level < self._before + _STILL:
            self._before, self._marks, self._high = None, 0, 0
        self._fast(curve)
        if self._before is None or not self._rate_falls():
            return ()
        return (self._tell(curve, self._before),)

    def _forget(self) -> None:
        self._measured = self.context.measured
        self._learnt = self._seen + LEVEL
        self._times.restart()
        self._marks = self._high = 0

    def _fast(self, curve: Curve) -> None:
        if self._seen < self._learnt:
            return
        slow = curve.rise > self.scale * _SLOWER and curve.rise > curve.limit(self.zscore, scale=self.scale)
        if not slow and not self._marks:
            return  # the usual case
        self._marks = ((self._marks << 1) | slow) & ((1 << _LAST) - 1)
        if slow and self._marks.bit_count() == 1:
            self._onset = self.context.record.step
        if self._before is None and self._marks.bit_count() >= _NEEDED and curve.seen > self.warmup:
            self._before = curve.level

    def _slow(self, curve: Curve) -> None:
        medians = self._times.medians
        if self._before is not None or len(medians) < 8:
            return
        past = sorted(medians[1:-2])
        usual = past[len(past) // 4]
        needed = self.scale * max(_SLOWER, _NOISES * noise(medians))
        self._high = self._high + 1 if self._times.last > usual + needed else 0
        if self._high == 1:
            self._onset = self.context.record.step
        if self._high >= _BLOCKS_HIGH:
            self._before = usual

    def _note_rate(self, rate: float) -> None:
        if len(self._first_rates) < _RATE_KEPT:
            self._first_rates.append(rate)
        self._rates.append(rate)
        if len(self._rates) > 4 * _LAST:
            del self._rates[:-_LAST]

    def _rate_falls(self) -> bool:
        """Whether fewer samples or tokens go through; true where that is not logged."""
        if len(self._first_rates) < self.warmup or not self._rates:
            return True
        return median(self._rates[-_LAST:]) < median(self._first_rates) - _RATE_FALLS

    def _tell(self, curve: Curve, before: float) -> Record:
        slower = max(curve.y, before) - before
        name, usual = curve.name, math.exp(before)
        share = self.context.value(Role.DATA_SHARE)
        waiting = (f"{100 * share:.0f} % of the step is waiting for data",) if share is not None else ()
        return self.found(
            grade(slower, warning=0.0, critical=_CRITICAL),
            f"{name} is {curve.value:.4g}, {math.exp(min(slower, 700)):.2g} times the usual {usual:.4g}",
            metric=name,
            value=curve.value,
            expected=(None, usual * 1.5),
            suggestions=(
                self.settings.scale("workers", 2.0, why="if steps wait for data"),
                "look at the machine: clock throttling, other processes, a slow disk",
                "log and evaluate less often if pauses are inside the step",
            ),
            evidence=waiting,
            onset_step=self._onset,
        )
