"""What is usual for one metric: its recent level, its noise, and how far chance has taken it before.

Training curves decay, their noise is multiplicative and heavy-tailed. So everything is measured in logarithms: the
level is the median of the last 32 accepted values, the rise of a value is its distance from that level with a steady
descent taken off, and the spread is the interquartile range of such distances. Medians and quartiles are refreshed in
batches, so a value costs a logarithm and a comparison, and a sort of a short list every eighth time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aurl.anomaly.statistics.blocks import median, noise
from aurl.anomaly.statistics.memory import Remembers
from aurl.record import Json

LEVEL = 32  # accepted values whose median is the level; so many rejected in a row are the new level
_BLOCK = 16  # accepted values of which the largest rise is kept for the tail
_TAIL_BLOCKS = 64
_TAIL_RANK = 0.05  # share of the block maxima above the tail: the fourth largest of 64, some 99.7 % of all values
_STEEP = 64
_SLOPE = 24  # last distances whose median is the slope: a descent flattens
_TAIL_FEW = 5  # blocks from which the largest of all is left out
_TAIL_MARGIN = 1.6
_LOCAL = 4.0  # times the noise of neighbours, to which the spread is bounded
_IQR_TO_SD = 1.349  # of a normal distribution
_FLOOR_SD = 0.01
_EARLY_SD = 0.06  # with few values the interquartile range may be small by chance
MIN_JUMP = math.log(1.4)  # a smaller rise is noise whatever its z
_LEARNING = 60  # values by which limits are doubled; with ten times as many they are a tenth wider
_WARY = 1.5
_SANE = math.log(3.0)  # above the first values, of which nothing is known yet: no part of the level
_ABOVE = math.log(1.25)  # above the level: a value of a streak
_START = 8  # first values whose median is the start
_REST = 30  # values after an outlier that do not enter the spread
_MOST = 1e300  # units; beyond, a division overflows
_TINY = 1e-5  # of the first level: below, a positive metric counts as zero
_QUIET_RISE, _QUIET_FALL = 0.8, 1.0  # share of the smallest rise that is marked; below the level, in log
_NEVER = (math.inf, -math.inf)
_TRAIL = 32


class Curve(Remembers):
    """Robust level and spread of one metric; O(1) work and memory for each value.

    A metric that is positive so far is taken as its logarithm, one that is not as asinh(value / unit), which is the
    same for large values. Outliers above the level do not enter the statistics; a level that persists is learnt anew.

    Attributes:
        name: the metric.
        seen: finite values so far.
        value: the last one.
        rise: its distance above the level, in natural logarithms: 0.69 is twice the level.
        before: that of the value before it.
        level: median of the last values, in the same logarithms; `show` gives the metric's own unit.
        spread: robust standard deviation of the distances.
        high: how many of the last six values stood out, though perhaps no one enough to count.
        streak: how many of the last values in a row lie a quarter above the level and above what chance did before.
        first: the very first value, whatever came later; `start` the median of the first eight.
        slope: median distance from the level, below 0 while the metric falls steadily.
        era: counts how often the statistics began anew; values of different eras are not comparable.
        trail: the last 32 values and some before them, outliers among them, in the same logarithms.
        quiet: values between these two are no matter for a rule of sudden changes; none are while little is known.

    Args:
        window: distances remembered for the spread.
        least: the smallest scale of a rule that looks at it, 1 at most: what is quiet for it.
    """

    __slots__ = (
        "_base", "_block_size", "_block_top", "_distances", "_floor", "_fresh", "_marks", "_recent", "_rejected",
        "_rest", "_rhythm_from", "_since_spread", "_soft", "_tops", "_wary_until", "before", "era", "first", "least",
        "level", "name", "quartile_range", "quiet", "rise", "seen", "slope", "spread", "start", "streak", "tail",
        "trail", "unit", "upper_quartile", "value", "window", "y",
    )  # fmt: skip

    memory = tuple(name for name in __slots__ if name not in {"name", "window", "quiet", "least"})

    def __init__(self, name: str, window: int = 96, least: float = 1.0) -> None:
        self.name, self.window, self.least = name, window, least
        self.era = 0
        self.first = self.start = math.nan
        self.unit: float | None = None  # of asinh, for a metric that is not always positive
        self._floor = 1e-300
        self._begin()

    def _begin(self) -> None:
        """Know nothing yet, but for its unit and its first value."""
        self.seen = 0
        self.value = math.nan
        self.y = self.rise = self.before = self.level = self.slope = 0.0
        self.spread = 0.15
        self.quartile_range, self.upper_quartile = 0.2, 0.1
        self.tail = 0.3
        self._base = self._soft = math.inf
        self._marks = 0  # one bit for each of the last six values
        self._rejected: list[float] = []
        self._rest = 0
        self.streak = 0
        self._rhythm_from = 0
        self._wary_until = 0
        self._fresh: list[float] = []
        self._recent: list[float] = []
        self._distances: list[float] = []
        self._block_top = 0.0
        self._block_size = 0
        self._tops: list[float] = []
        self._since_spread = 0
        self.trail: list[float] = []
        self.quiet = _NEVER

    def push(self, value: float) -> None:
        """Take the next finite value."""
        self.value = value
        if self.unit is None:
            if value > self._floor:
                y = math.log(value)
            elif value < 0:
                y = self._become_signed(value)
            elif not self.seen:
                return  # zeros before anything else tell nothing
            else:
                y = math.log(self._floor)
        else:
            y = _asinh(value, self.unit)
        self.seen = seen = self.seen + 1
        self.y = y
        self.trail.append(y)
        self.before = self.rise
        self.rise = rise = y - self._base if seen > 1 else 0.0
        if rise > self._soft:
            self._unusual(y)
            return
        if self._marks:
            self._marks = (self._marks << 1) & 63
        self.streak = 0
        if self._rest:
            self._rest -= 1
        fresh = self._fresh
        fresh.append(y)
        if seen < 64 or len(fresh) >= 8:
            self._learn()

    def limit(self, zscore: float, iqr: float = 0.0, scale: float = 1.0) -> float:
        """The rise from which a value is unusual: `zscore` spreads, Tukey's fence, 1.4 times the level, the past tail.

        While little has been seen, chance is given more room: twice as much after 60 values, a tenth more after 600;
        and 1.5 times as much for a while after a restart.

        Args:
            scale: of all but `zscore`, for a rule that is to be more or less sensitive.
        """
        room = 1.0 + _LEARNING / max(1.0, self.seen - self._rhythm_from)
        fence = self.upper_quartile - min(self.slope, 0.0) + iqr * self.quartile_range
        usual = max(min(room, 2.4) * zscore * self.spread, scale * max(fence, MIN_JUMP, _TAIL_MARGIN * self.tail))
        return usual * _WARY if self.seen < self._wary_until else usual

    @property
    def high(self) -> int:
        return self._marks.bit_count()

    @property
    def z(self) -> float:
        """Robust z-score of the last value."""
        return self.rise / self.spread

    def show(self, y: float) -> float:
        """A level or a level plus a rise, in the metric's own unit."""
        y = min(y, 700.0)
        return math.exp(y) if self.unit is None else math.sinh(y) * self.unit

    @property
    def usual(self) -> float:
        """The recent level in the metric's own unit."""
        return self.show(self._base if self.seen > 1 else self.y)

    def be_wary(self, values: int = LEVEL) -> None:
        """Widen the limits for the next values: after a restart or a change of the logging interval."""
        self._wary_until = max(self._wary_until, self.seen + values)

    def begin_rhythm(self, values: int) -> None:
        """Another logging interval since so many values: level, noise and drift are others from there."""
        self._recent, self._fresh = self.trail[-values:], []
        self._rejected, self._distances, self._tops = [], [], []
        self._marks = self.streak = 0
        self._block_top, self._block_size, self._since_spread = 0.0, 0, 0
        self.spread, self.quartile_range, self.upper_quartile, self.slope, self.tail = 0.15, 0.2, 0.1, 0.0, 0.3
        self._rhythm_from = self.seen
        if self._recent:
            self._set_level()

    def restart(self) -> None:
        """Forget level and noise, as after the run went back to an earlier state."""
        self.era += 1
        self._begin()

    def state_dict(self) -> dict[str, Json]:
        return super().state_dict() | {"trail": list(self.trail[-_TRAIL:])}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._set_quiet()

    def _unusual(self, y: float) -> None:
        """A value well above the level: mark it, and leave it out if it is far above."""
        limit = self.limit(8.0)
        self._marks = ((self._marks << 1) & 63) | (self.rise > 0.6 * limit)
        self.streak = self.streak + 1 if y - self.level > max(_ABOVE, 2.0 * self.spread) else 0
        if self.rise <= limit:
            self._fresh.append(y)
            self._learn()
            return
        self._shorten_trail()
        self._rest = _REST
        self._rejected.append(y)
        if len(self._rejected) > LEVEL:
            self._recent, self._rejected, self._fresh = self._rejected[-LEVEL:], [], []
            self._set_level()

    def _learn(self) -> None:
        """Move level, spread and tail on by the values that waited."""
        self._shorten_trail()
        fresh = self._fresh
        if self.seen == len(fresh) and not self.era:
            self.first = self.value
        if self.seen <= _START and not self.era:
            self.start = self.show(median([*self._recent, *fresh]))
        if self._recent:
            level = self.level
            distances = [y - level for y in fresh]
            if not self._rest:
                self._distances = (self._distances + distances)[-self.window :]
                self._since_spread += len(fresh)
            self._note_top(max(distances), len(fresh))
        self._recent = (self._recent + fresh)[-LEVEL:]
        self._fresh = []
        if self._rejected:
            del self._rejected[: len(fresh)]
        if self.seen < 64 or self._since_spread >= 16:
            self._set_spread()
        self._set_level()

    def _shorten_trail(self) -> None:
        if len(self.trail) > 2 * _TRAIL:
            del self.trail[:-_TRAIL]

    def _set_level(self) -> None:
        self.level = median(self._recent)
        self._base = self.level + min(self.slope, 0.0)
        self._soft = 0.6 * max(MIN_JUMP, _TAIL_MARGIN * self.tail) if self.seen >= 6 else _SANE
        if self.unit is None and self.seen <= 8:
            self._floor = _TINY * math.exp(min(self.level, 700.0)) or 1e-300
        self._set_quiet()

    def _set_quiet(self) -> None:
        if self.unit is None and self.seen >= 64 and abs(self._base) < 700.0:
            low, high = self._base - _QUIET_FALL, self._base + self.least * _QUIET_RISE * self._soft
            self.quiet = (math.exp(low), math.exp(min(high, 700.0)))
        else:
            self.quiet = _NEVER

    def _set_spread(self) -> None:
        self._since_spread = 0
        ordered = sorted(self._distances)
        n = len(ordered)
        if n < 8:
            return
        low, self.upper_quartile = ordered[n // 4], ordered[(3 * n) // 4]
        self.quartile_range = self.upper_quartile - low
        self.slope = median(self._distances[-_SLOPE:])
        floor = _FLOOR_SD if self.seen >= 40 else _EARLY_SD
        local = _LOCAL * noise(self.trail[-_TRAIL:])  # a steep descent is no noise
        self.spread = max(min(self.quartile_range / _IQR_TO_SD, local), floor)
        tops = sorted(self._tops)
        rank = int(_TAIL_RANK * len(tops)) + (len(tops) >= _TAIL_FEW)
        self.tail = max(tops[-1 - rank] if tops else 0.0, 0.15 if len(tops) < 4 else 0.0)

    def _note_top(self, distance: float, size: int) -> None:
        self._block_top = max(self._block_top, distance - min(self.slope, 0.0))
        self._block_size += size
        if self._block_size >= _BLOCK:
            if self.seen < _STEEP:
                self._tops = []  # what the first descent did is no measure for later
            self._tops = [*self._tops[1 - _TAIL_BLOCKS :], self._block_top]
            self._block_top, self._block_size = 0.0, 0

    def _become_signed(self, value: float) -> float:
        """A metric turns out not to be positive: measure it by asinh from here, and learn its level anew."""
        unit = math.exp(self.level) if self._recent else abs(value)
        self.restart()
        self.value, self.unit = value, max(unit, 1e-12)
        return _asinh(value, self.unit)


def _asinh(value: float, unit: float) -> float:
    return math.asinh(max(-_MOST, min(_MOST, value / unit)))
