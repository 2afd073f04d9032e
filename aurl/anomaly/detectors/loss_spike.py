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
_VAL_WARN = math.log(3.0)
_VAL_SEEN = 6


class LossSpike(Rule):
    """A one-sided robust z-score, Tukey's fence and the past's own tail, on the log distances of the training loss.

    A loss is unusual when its distance above the recent level exceeds all of: `zscore` robust standard deviations
    (Iglewicz & Hoaglin 1993, with the interquartile range for the deviation), Tukey's fence q75 + `iqr` * (q75 - q25),
    1.6 times the 99.7 % quantile of past distances, and a factor 1.4. That alone is worth an info. It is a warning from
    twice the level if clearly above the limit, from 1.6 times when three of six values stand out, or when the gradient
    norm is an outlier at the same time; critical from ten times the level. A validation loss above three times the
    median of the last eight, and six times their noise, is a warning too.

    Args:
        zscore: robust standard deviations above the recent level, > 0; 1.6 times as many in the first 200 values.
        iqr: Tukey's fence factor, >= 0.
        window: distances remembered, at least 16.
        warmup: values before anything below a factor ten is told, at least 2.
    """

    type = "loss_spike"
    kinds = frozenset({Kind.STEP, Kind.EPOCH, Kind.EVAL})
    needs = frozenset({Role.LOSS, Role.LOSS_PART, Role.VAL_LOSS})
    memory = ("_validation", "_gradient_at")

    def __init__(self, *, zscore: float = 5.0, iqr: float = 1.5, window: int = 96, warmup: int = 16) -> None:
        require("zscore", zscore, zscore > 0, "a number above 0")
        require("iqr", iqr, iqr >= 0, "0 or more")
        require("window", window, window >= 16, "16 or more")
        require("warmup", warmup, warmup >= 2, "2 or more")
        self.zscore, self.iqr, self.window, self.warmup = zscore, iqr, window, warmup
        super().__init__()
        self._validation: list[float] = []  # logs of the last eight
        self._gradient_at = -9

    def evaluated(self, loss: float) -> Iterable[Record]:
        return self._validate(math.log(loss), loss)

    def look_closer(self, record: Record) -> Iterable[Record]:
        curve, gradient = self.context.training_loss, self.context.curve(Role.GRAD_NORM)
        if gradient is not None and gradient.rise > MIN_JUMP and gradient.seen > self.warmup:
            self._note_gradient(gradient)
        return self._train(curve) if curve is not None and curve.rise > MIN_JUMP else ()

    def _note_gradient(self, gradient: Curve) -> None:
        if gradient.rise > gradient.limit(self.zscore):
            self._gradient_at = self.context.index

    def _train(self, curve: Curve) -> Iterable[Record]:
        context = self.context
        limit = curve.limit(self.zscore, self.iqr)
        rise = curve.rise
        if curve.seen <= self.warmup:
            if curve.seen > 3 and rise > _CRITICAL and rise > limit and curve.value > curve.first:
                yield self._tell(curve, limit, Severity.CRITICAL)
            return
        joint = context.index - self._gradient_at <= 1 and rise > _JOINT * limit
        if rise > limit:
            severity = grade(rise, warning=max(_WARN, _CLEAR * limit), critical=_CRITICAL)
            if severity is Severity.INFO and (joint or (rise > _LASTING and curve.high >= _HIGH)):
                severity = Severity.WARNING
            yield self._tell(curve, limit, severity)
        elif joint:
            yield self._tell(curve, limit, Severity.WARNING)

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
        if y - middle > max(_VAL_WARN, 6.0 * noise(past)):
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
