"""`loss_spike`: the loss jumps far above its recent level."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.blocks import median, noise
from aurl.anomaly.statistics.curve import MIN_JUMP, Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record, Severity

_WARN = math.log(2.0)
_LASTING = math.log(1.6)  # worth a warning when several values stand out
_CRITICAL = math.log(10.0)
_CLEAR = 1.3  # times the limit: clearly above it
_HIGH = 3  # of the last six values well above the level count like one far above
_JOINT = 0.5  # of the limit, when the gradient norm is an outlier too
_NEARLY = 0.7  # of the limit, of both together
_STREAK = 5  # values in a row above everything before, as in a hump
_UNDONE = 0.08  # of what was gained since the start: a rise of less is no loss
_EARLY = math.log(3.0)  # above the start
_VAL_WARN = math.log(3.0)
_VAL_SEEN = 6


class LossSpike(Rule):
    """A one-sided robust z-score, Tukey's fence and the past's own tail, on the log distances of the training loss.

    A loss is unusual when its distance above the recent level exceeds all of: `zscore` robust standard deviations
    (Iglewicz & Hoaglin 1993, with the interquartile range for the deviation), Tukey's fence q75 + `iqr` * (q75 - q25),
    1.6 times the 99.7 % quantile of past distances, and a factor 1.4. That alone is worth an info. It is a warning from
    twice the level if clearly above the limit, from 1.6 times when three of six values stand out, when the gradient
    norm is an outlier at the same time, or when five in a row lie a quarter above the level and above what chance did
    before; critical from ten times the level. A rise that undoes less than a twelfth of what was gained since the
    start is an info. Among the first values, ten times the very first is critical, three times a warning when three in
    a row are. A validation loss above three times the median of the last eight, and six times their noise, is a
    warning too.

    Args:
        zscore: robust standard deviations above the recent level, > 0; up to 2.4 times as many while little is known.
            The factors above are those for 5, and grow and shrink with it.
        iqr: Tukey's fence factor, >= 0.
        window: distances remembered, at least 16.
        warmup: values that are compared with the very first instead of the level, at least 2.
    """

    type = "loss_spike"
    kinds = frozenset({Kind.STEP, Kind.EPOCH, Kind.EVAL})
    needs = frozenset({Role.LOSS, Role.LOSS_PART, Role.VAL_LOSS})
    memory = ("_validation", "_gradient_at", "_gradient_near", "_early")

    def __init__(self, *, zscore: float = 5.0, iqr: float = 1.5, window: int = 96, warmup: int = 16) -> None:
        require("iqr", iqr, iqr >= 0, "0 or more")
        require("window", window, window >= 16, "16 or more")
        require("warmup", warmup, warmup >= 2, "2 or more")
        self.iqr, self.window, self.warmup = iqr, window, warmup
        super().__init__(zscore)
        self._validation: list[float] = []  # logs of the last eight
        self._gradient_at = self._gradient_near = -9
        self._early = 0  # values in a row far above the very first

    def evaluated(self, loss: float) -> Iterable[Record]:
        return self._validate(math.log(loss), loss)

    def look_closer(self, record: Record) -> Iterable[Record]:
        curve, gradient = self.context.training_loss, self.context.curve(Role.GRAD_NORM)
        least = self.scale * MIN_JUMP
        if gradient is not None and gradient.rise > least and gradient.seen > self.warmup:
            self._note_gradient(gradient)
        if curve is None:
            return ()
        if curve.seen <= self.warmup and not curve.era:
            return self._begin(curve)
        return self._train(curve) if curve.rise > least or curve.streak >= _STREAK else ()

    def _note_gradient(self, gradient: Curve) -> None:
        share = gradient.rise / gradient.limit(self.zscore, scale=self.scale)
        if share > 1.0:
            self._gradient_at = self.context.index
        if share > _NEARLY:
            self._gradient_near = self.context.index

    def _begin(self, curve: Curve) -> Iterable[Record]:
        """The first values, against the very first: a jump among them is no level to compare others with."""
        if curve.unit is not None or curve.seen < 2:
            return
        rise, gradient = curve.y - math.log(curve.first), self.context.curve(Role.GRAD_NORM)
        self._early = self._early + 1 if rise > self.scale * _EARLY else 0
        agrees = gradient is not None and gradient.unit is None and gradient.value > 3.0 * gradient.first
        if rise > self.scale * _CRITICAL or (self._early and curve.rise > self.scale * _CRITICAL and agrees):
            yield self._tell(curve, self.scale * _CRITICAL, Severity.CRITICAL)
        elif self._early >= _HIGH:
            yield self._tell(curve, self.scale * _EARLY, Severity.WARNING)

    def _train(self, curve: Curve) -> Iterable[Record]:
        limit = curve.limit(self.zscore, self.iqr, self.scale)
        rise, scale = curve.rise, self.scale
        index = self.context.index
        joint = index - self._gradient_at <= 1 and rise > _JOINT * limit
        joint = joint or (index - self._gradient_near <= 1 and rise > max(_NEARLY * limit, scale * _LASTING))
        lasts = curve.streak >= _STREAK and rise > scale * _LASTING
        if rise <= limit and not joint and not lasts:
            return
        severity = grade(rise, warning=max(scale * _WARN, _CLEAR * limit), critical=scale * _CRITICAL)
        several = rise > scale * _LASTING and curve.high >= _HIGH
        if severity is Severity.INFO and (joint or several or lasts):
            severity = Severity.WARNING
        yield self._tell(curve, limit, Severity.INFO if self._undoes_little(curve) else severity)

    def _undoes_little(self, curve: Curve) -> bool:
        """Whether next to nothing is lost of what was gained since the run began, as with a loss near 0."""
        gained = curve.start - curve.usual
        return curve.unit is None and gained > 0 and curve.value - curve.usual < self.scale * _UNDONE * gained

    def _tell(self, curve: Curve, limit: float, severity: Severity) -> Record:
        context = self.context
        evidence = [f"robust z {curve.z:.1f}", f"past tail x{math.exp(curve.tail):.2f}"]
        if context.index - self._gradient_at <= 1:
            evidence.append("the gradient norm is an outlier too")
        return self.found(
            severity,
            f"{curve.name} rose to {curve.value:.4g}, {math.exp(min(curve.rise, 700)):.3g} times its recent level "
            f"{curve.usual:.4g}",
            metric=curve.name,
            value=curve.value,
            expected=(None, curve.usual * math.exp(min(limit, 700)) if curve.unit is None else None),
            suggestions=self._advice(),
            evidence=evidence,
        )

    def _validate(self, y: float, value: float) -> Iterable[Record]:
        past, self._validation = self._validation, [*self._validation[-7:], y]
        if len(past) < _VAL_SEEN:
            return
        middle = median(past)
        if y - middle > self.scale * max(_VAL_WARN, 6.0 * noise(past)):
            name = self.context.name(Role.VAL_LOSS)
            yield self.found(
                Severity.WARNING,
                f"{name} rose to {value:.4g}, {math.exp(min(y - middle, 700)):.3g} times the last evaluations",
                metric=name,
                value=value,
                expected=(None, math.exp(middle + _VAL_WARN)),
                suggestions=self._advice(),
            )

    def _advice(self) -> tuple[str, ...]:
        clip, lr = self.settings.value("clip_norm"), self.context.last(Role.LR)
        gradient = self.context.known(Role.GRAD_NORM)
        usual = gradient.usual if gradient is not None and gradient.seen > self.warmup else None
        clipping = self.settings.put("clip_norm", float(f"{1.5 * usual if usual else 1.0:.1g}"))
        if clip and (not usual or clip <= 2 * usual):
            clipping = self.settings.scale("clip_norm", 0.5)
        return ("look at the batch of this step", clipping, self.settings.scale("lr", 1 / 3, lr, "if spikes recur"))
