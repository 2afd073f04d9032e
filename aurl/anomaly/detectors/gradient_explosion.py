"""`gradient_explosion`: the gradient norm leaves its range, and the loss answers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Record, Severity

_LARGE = math.log(10.0)
_HUGE = math.log(100.0)
_FAR = 2.0  # times the limit, in log
_ANSWER = math.log(1.4)  # a rise of the loss that counts as an answer
_ANSWER_SHARE = 0.6  # of the rise from which the loss itself would be unusual
_SOON = 3  # observations in which it must come
_HIGH = 4  # of the last six gradient norms, all far above the level


class GradientExplosion(Rule):
    """An outlier of the log gradient norm, judged by what it does.

    Gradient norms jump in every healthy run, so an outlier alone is an info. It is critical above ten times the recent
    level when the loss answers within three observations, by 1.4 times and 0.6 of what would make it a spike. Without
    an answer, one above a hundred times and far above the limit is a warning, or four of six above ten times.

    Args:
        zscore: robust standard deviations of the log norm above its recent level, > 0.
        iqr: Tukey's fence factor, >= 0.
        window: distances remembered, at least 16.
        warmup: gradient norms before anything is told, at least 2.
    """

    type = "gradient_explosion"
    needs = frozenset({Role.GRAD_NORM})
    memory = ("_outlier_at", "_outlier_step", "_outlier_rise", "_marks")

    def __init__(self, *, zscore: float = 5.0, iqr: float = 1.5, window: int = 96, warmup: int = 16) -> None:
        require("iqr", iqr, iqr >= 0, "0 or more")
        require("window", window, window >= 16, "16 or more")
        require("warmup", warmup, warmup >= 2, "2 or more")
        self.iqr, self.window, self.warmup = iqr, window, warmup
        super().__init__(zscore)
        self._outlier_at, self._outlier_step, self._outlier_rise = -9, 0, 0.0
        self._marks = 0

    @property
    def following(self) -> bool:
        return self._marks != 0 or self.context.index - self._outlier_at <= _SOON

    def look_closer(self, record: Record) -> Iterable[Record]:
        index = self.context.index
        gradient = self.context.curve(Role.GRAD_NORM)
        if gradient is None or gradient.seen <= self.warmup:
            return ()
        limit = gradient.limit(self.zscore, self.iqr, self.scale)
        outlier = gradient.rise > limit
        self._marks = ((self._marks << 1) & 63) | (outlier and gradient.rise > self.scale * _LARGE)
        if outlier and (index - self._outlier_at > _SOON or gradient.rise > self._outlier_rise):
            self._outlier_at, self._outlier_step, self._outlier_rise = index, record.step, gradient.rise
        if index - self._outlier_at > _SOON:
            return ()
        loss = self.context.training_loss
        least = self.scale * _ANSWER
        answered = loss is not None and loss.rise > max(
            least, _ANSWER_SHARE * loss.limit(self.zscore, scale=self.scale)
        )
        severity = self._severity(answered, limit)
        if not outlier and severity is Severity.INFO:
            return ()
        return (self._tell(gradient, limit, severity, loss if answered else None),)

    def _severity(self, answered: bool, limit: float) -> Severity:
        if self._outlier_rise > self.scale * _LARGE and answered:
            return Severity.CRITICAL
        alone = self._outlier_rise > max(self.scale * _HUGE, _FAR * limit) or self._marks.bit_count() >= _HIGH
        return Severity.WARNING if alone else Severity.INFO

    def _tell(self, gradient: Curve, limit: float, severity: Severity, loss: Curve | None) -> Record:
        factor = math.exp(min(self._outlier_rise, 700))
        evidence = [f"robust z {self._outlier_rise / gradient.spread:.1f}"]
        if loss is not None:
            evidence.append(f"{loss.name} rose to {math.exp(min(loss.rise, 700)):.3g} times its level")
        return self.found(
            severity,
            f"{gradient.name} rose to {factor:.3g} times its recent level {gradient.usual:.4g}",
            metric=gradient.name,
            value=gradient.value,
            expected=(None, gradient.usual * math.exp(min(limit, 700))),
            suggestions=self._advice(gradient),
            evidence=evidence,
            onset_step=self._outlier_step,
        )

    def _advice(self, gradient: Curve) -> tuple[str, ...]:
        clip, lr = self.settings.value("clip_norm"), self.context.last(Role.LR)
        wanted = float(f"{1.5 * gradient.usual:.1g}")
        clipping = self.settings.put("clip_norm", wanted, "1.5 times the usual gradient norm")
        if clip and clip <= wanted:
            clipping = self.settings.scale("clip_norm", 0.5)
        return (clipping, self.settings.scale("lr", 0.5, lr), self.settings.scale("warmup_steps", 2.0))
