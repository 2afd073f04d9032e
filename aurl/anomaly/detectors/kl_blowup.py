"""`kl_blowup`: the KL divergence runs away from where it had settled."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.blocks import Blocks
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Record

_KL, _WEIGHT = Role.KL, Role.KL_WEIGHT
_TIMES = math.log(4.0)
_CRITICAL = math.log(20.0)
_HOLD = 5
_BLOCK = 16
_SETTLED = 4  # blocks
_SETTLED_RANGE = math.log(2.0)
_SLOWLY = math.log(2.0)  # above its recent level
_IMPROVED = 0.01


class KlBlowup(Rule):
    """The log KL against the level at which it last stood still.

    It has settled when four block medians (16 observations each) lie within a factor two; before, a KL that grows is
    just learning. Five observations in a row above four times that level are a warning, above twenty times critical.
    Not told after the KL weight was lowered, when a larger KL is what was asked for, nor of one that grew bit by bit
    while the loss fell, when the code comes into use.

    Args:
        confirm: observations in a row, at least 1; two more than `anomaly.confirm`.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "kl_blowup"
    needs = frozenset({Role.KL})
    memory = ("_kl", "_settled", "_high", "_looks", "_onset", "_weight", "_loss")

    def __init__(self, *, confirm: int = 3, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 1, "1 or more")
        self.hold = max(1, confirm - 3 + _HOLD)
        self._kl = Blocks(_BLOCK)
        self._settled: float | None = None
        self._high = self._onset = self._looks = 0
        self._weight: float | None = None  # of the KL when it settled
        self._loss: float | None = None  # its level, in log, then

    def look(self, record: Record) -> Iterable[Record]:
        value = self.context.value(_KL)
        if value is None:
            return ()
        self._looks += 1
        high = self._settled is not None and value > math.exp(min(700.0, self._settled + self.scale * _TIMES))
        if not (high or self._high or self.context.coarse) and self._looks % _BLOCK:
            return ()  # the usual case
        curve = self.context.curve(_KL)
        if curve is None or curve.unit is not None:
            return ()
        if self._kl.era != curve.era:
            self._begin_anew(curve)
        weight = self.context.last(_WEIGHT)
        if self._settled is not None and weight is not None and self._weight and weight < 0.9 * self._weight:
            self._settled = None
            self._kl.restart()
        if self._settled is not None and high and self._learns(curve):
            self._settled = None
            self._kl.restart()
        if self._settled is not None and high:
            if not self._high:
                self._onset = record.step
            self._high += 1
            return (self._tell(curve, self._settled),) if self._high >= self.hold else ()
        self._high = 0
        if self._looks % self._kl.size == 0 and self._kl.fill(curve.trail):
            self._settle(weight)
        return ()

    def _begin_anew(self, curve: Curve) -> None:
        self._kl.restart(1 if self.context.coarse else _BLOCK)
        self._kl.era = curve.era
        self._settled, self._high = None, 0

    def _learns(self, curve: Curve) -> bool:
        """Whether it grew bit by bit while the loss fell: the code is coming into use."""
        loss = self.context.training_loss
        if loss is None or self._loss is None or self._high:
            return False
        return curve.rise < _SLOWLY and loss.level < self._loss - _IMPROVED

    def _settle(self, weight: float | None) -> None:
        last = self._kl.recent
        if len(last) >= _SETTLED and max(last) - min(last) < _SETTLED_RANGE:
            self._settled, self._weight = max(last), weight
            loss = self.context.training_loss
            self._loss = loss.level if loss is not None else None

    def _tell(self, curve: Curve, settled: float) -> Record:
        usual, context = math.exp(settled), self.context
        times = curve.y - settled
        return self.found(
            grade(times, warning=0.0, critical=_CRITICAL),
            f"{curve.name} is {curve.value:.4g} nats, {math.exp(min(times, 700)):.3g} times the {usual:.4g} it had "
            "settled at",
            metric=curve.name,
            value=curve.value,
            expected=(None, 4.0 * usual),
            suggestions=(
                self.settings.scale("beta", 3.0, context.last(Role.KL_WEIGHT)),
                self.settings.scale("lr", 0.3, context.last(Role.LR)),
                "bound the posterior's log variance, for example to [-8, 8]",
            ),
            onset_step=self._onset,
        )
