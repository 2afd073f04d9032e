"""`loss_oscillation`: the loss swings up and down widely and gains nothing by it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.blocks import median
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record, Severity

_SMOOTH = 5
_RAW = 24  # losses in which swings by a factor ten are told at once
_KEPT = 64
_FEW = 24
_RANGE = math.log(2.5)
_WILD = math.log(10.0)
_CALM = math.log(1.5)  # range that counts when it is also three times what it was
_TIMES_CALM = 3.0
_TIMES_RAW = 2.0
_UNDONE = 0.1  # of the gain since the first loss
_CROSSINGS = 5
_TIMES_GROWN, _MUCH = 4.0, 0.15  # what it was, and of the gain: more than the noise that was always there
_REMEMBERS = 0.35  # share of a swing that the next value keeps
_VAL_REMEMBERS = 0.5  # at the next evaluation, or the one after it
_VAL_KEPT, _VAL_FEW, _VAL_CROSSINGS = 12, 8, 4


class LossOscillation(Rule):
    """Counts swings of the smoothed loss with a Schmitt trigger.

    Medians of five losses, every second one, 64 of them: their 10-90 % range must exceed a factor 2.5, or 1.5 and three
    times what it was earlier in the run; they must cross from below 30 % to above 70 % of it, or back, five times; and
    the last third must not lie below the first; and the swing must undo a tenth of what the run has gained since
    its first loss, or it is the noise of a loss near 0; and neighbours must be alike, or opposite, for losses that
    know nothing of each other are noise, unless the
    range is four times what it was. A warning; critical when the range exceeds ten. The same is
    asked of the last twelve validation losses, eight at least, with four crossings.

    Args:
        confirm: checks in a row, each eight losses apart, at least 1; one less than `anomaly.confirm`.
        zscore: 5 for what is said above; ranges in proportion for other values.
    """

    type = "loss_oscillation"
    kinds = frozenset({Kind.STEP, Kind.EPOCH, Kind.EVAL})
    needs = frozenset({Role.LOSS, Role.LOSS_PART, Role.VAL_LOSS})
    block_size = epochs_in_block = 8
    memory = ("_last", "_smooth", "_streak", "_calm", "_calm_raw", "_validation", "_onset")

    def __init__(self, *, confirm: int = 3, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 2, "2 or more for loss_oscillation")
        self.confirm = confirm - 1
        self._raw: list[float] = []
        self._streak = self._onset = 0
        self._validation: list[float] = []
        self.forget()

    def forget(self) -> None:
        self._last: list[float] = []
        self._smooth: list[float] = []
        self._calm: list[float] = []  # ranges of earlier stretches
        self._calm_raw: list[float] = []

    def block(self, curve: Curve) -> Iterable[Record]:
        self._keep(curve)
        return self._train(curve)

    def evaluated(self, loss: float) -> Iterable[Record]:
        self._validation = [*self._validation[1 - _VAL_KEPT :], math.log(loss)]
        return self._validate(loss)

    def _keep(self, curve: Curve) -> None:
        self._last = [*self._last, *curve.trail[-self.blocks.size :]][-_KEPT:]
        self._raw = curve.trail[-min(_RAW, curve.seen) :]
        for end in range(len(curve.trail) - self.blocks.size + 2, len(curve.trail) + 1, 2):
            if end >= _SMOOTH:
                self._smooth.append(sorted(curve.trail[end - _SMOOTH : end])[2])
        del self._smooth[:-_KEPT]

    def _train(self, curve: Curve) -> Iterable[Record]:
        values, needed = self._smooth, self.confirm
        if len(values) < _FEW or (len(self._raw) == _RAW and self._is_wild()):
            values, needed = self._raw, 1
        if len(values) < _FEW:
            return ()
        low, high = _deciles(values)
        spread = high - low
        if curve.seen % (2 * _KEPT) == 0:
            self._keep_calm(spread)
        usual = median(self._calm) if len(self._calm) >= 2 else math.inf
        wide = self.scale * (_WILD if values is self._raw else min(_RANGE, max(_CALM, _TIMES_CALM * usual)))
        swings = spread > wide and _gains_nothing(values) and _crossings(values, low, high) >= _CROSSINGS
        swings = swings and (abs(_memory(self._last)) > _REMEMBERS or self._has_grown(curve, (low, high), usual))
        if not swings or not _matters(curve, low, high):
            self._streak = 0
            return ()
        self._streak += 1
        if self._streak == 1:
            self._onset = max(0, self.context.step - len(values) * self.context.gap)
        if self._streak < needed:
            return ()
        severity = Severity.CRITICAL if spread > _WILD else Severity.WARNING
        return (self._tell((curve.name, curve.value), (low, high), severity, self._onset),)

    def _has_grown(self, curve: Curve, swing: tuple[float, float], usual: float) -> bool:
        """Whether the range is far wider than ever before, and costs a good part of the progress."""
        spread = swing[1] - swing[0]
        return spread > max(self.scale * _RANGE, _TIMES_GROWN * usual) and _matters(curve, *swing, _MUCH)

    def _keep_calm(self, spread: float) -> None:
        """Remember how wide the curve usually is."""
        self._calm = [*self._calm[-15:], spread]
        low, high = _deciles(self._raw)
        self._calm_raw = [*self._calm_raw[-15:], high - low]

    def _is_wild(self) -> bool:
        """Whether the bare losses swing by a factor of ten, and did not always, as two kinds of batches do."""
        low, high = _deciles(self._raw)
        usual = median(self._calm_raw) if len(self._calm_raw) >= 2 else 0.0
        wild = high - low > self.scale * max(_WILD, _TIMES_RAW * usual)
        return wild and _gains_nothing(self._raw) and _crossings(self._raw, low, high) >= _CROSSINGS

    def _validate(self, value: float) -> Iterable[Record]:
        values = self._validation
        if len(values) < _VAL_FEW:
            return ()
        low, high = _deciles(values)
        # A few evaluations of a noisy metric cross as often; swings by a factor ten are none of its kind.
        remembers = max(abs(_memory(values)), abs(_memory(values, 2)))
        least = self.scale * (_RANGE if remembers > _VAL_REMEMBERS else _WILD)
        if high - low < least or not _gains_nothing(values) or _crossings(values, low, high) < _VAL_CROSSINGS:
            return ()
        return (self._tell((self.context.name(Role.VAL_LOSS), value), (low, high), Severity.WARNING, None),)

    def _tell(
        self, metric: tuple[str, float], swing: tuple[float, float], severity: Severity, onset: int | None
    ) -> Record:
        (name, value), (low, high) = metric, swing
        lr = self.context.last(Role.LR)
        return self.found(
            severity,
            f"{name} swings between {math.exp(min(low, 700)):.4g} and {math.exp(min(high, 700)):.4g}",
            metric=name,
            value=value,
            suggestions=(
                self.settings.scale("lr", 0.3, lr),
                self.settings.scale("batch_size", 2.0, why="or accumulate gradients"),
            ),
            onset_step=onset,
        )


def _matters(curve: Curve, low: float, high: float, share: float = _UNDONE) -> bool:
    """Whether a swing between these levels undoes a good part of what was gained since the run's first loss."""
    if curve.unit is not None or not math.isfinite(curve.first):
        return True
    bottom, top = curve.show(low), curve.show(high)
    return top - bottom > share * (curve.first - bottom)


def _memory(values: Sequence[float], later: int = 1) -> float:
    """How much of its distance from the mean a value keeps so many later: 0 for noise, -1 where it changes sides."""
    middle = sum(values) / len(values)
    away = [value - middle for value in values]
    whole = sum(value * value for value in away)
    return sum(a * b for a, b in zip(away, away[later:], strict=False)) / whole if whole else 0.0


def _deciles(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    tenth = len(ordered) // 10
    return ordered[tenth], ordered[-1 - tenth]


def _crossings(values: Sequence[float], low: float, high: float) -> int:
    """How often the values go from below 30 % to above 70 % of the range, or back."""
    bottom, top = low + 0.3 * (high - low), low + 0.7 * (high - low)
    side, count = 0, 0
    for value in values:
        new = 1 if value > top else -1 if value < bottom else side
        count += side not in {new, 0}
        side = new
    return count


def _gains_nothing(values: Sequence[float]) -> bool:
    third = len(values) // 3
    ordered = list(values)
    low, high = _deciles(ordered)
    return median(ordered[:third]) - median(ordered[-third:]) < 0.5 * (high - low)
