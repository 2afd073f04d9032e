"""`overfitting`: the validation loss has turned and rises while the training loss still falls."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.blocks import median, noise
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record

_RISE = 0.10
_FAST = 0.25
_CRITICAL = math.log(1.5)
_NOISES = 3.0
_TRAIN_FALL = 0.02
_TRAIN_SPREADS = 0.5  # of single losses; the median of 32 of them wanders by a quarter
_BACK, _BACK_BY = 4, 0.02  # evaluations ago, and how much higher it was then
_SWING = math.log(2.5)


class Overfitting(Rule):
    """The smoothed validation loss against its best, in logarithms.

    Smoothed is the median of three. It must lie 10 % and three times its own noise above the best for `confirm`
    evaluations, or 25 % for one fewer, while the training loss is 2 % and half a spread below what it was at the best,
    and the validation loss neither swings nor comes back from something worse. A warning; critical from 50 % above the
    best.

    Args:
        confirm: evaluations in a row, at least 2.
    """

    type = "overfitting"
    kinds = frozenset({Kind.STEP, Kind.EVAL, Kind.EPOCH})
    needs = frozenset({Role.VAL_LOSS})
    memory = ("_recent", "_best", "_best_step", "_train_at_best", "_count")

    def __init__(self, *, confirm: int = 3) -> None:
        super().__init__()
        require("confirm", confirm, confirm >= 2, "2 or more for overfitting")
        self.confirm = confirm
        self._recent: list[float] = []
        self._best: float | None = None
        self._best_step = 0
        self._train_at_best: float | None = None
        self._count = 0

    def evaluated(self, loss: float) -> Iterable[Record]:
        value, step = loss, self.context.record.step
        self._recent = [*self._recent[-11:], math.log(value)]
        smooth = median(self._recent[-3:])
        train = self._train_level()
        if self._best is None or smooth < self._best:
            self._best, self._best_step, self._train_at_best, self._count = smooth, step, train, 0
            return ()
        rise = smooth - self._best
        needed = max(_RISE, _NOISES * noise(self._recent))
        if not self._train_falls(train) or rise <= min(needed, _FAST) or self._swings() or self._comes_back(smooth):
            self._count = 0
            return ()
        self._count += 1
        if self._count < self.confirm - (rise > _FAST):
            return ()
        return (self._tell(value, math.exp(self._best), rise),)

    def _training(self) -> Curve | None:
        curve = self.context.statistics("loss/recon") or self.context.known(Role.LOSS)
        return curve if curve is not None and curve.seen else None

    def _train_level(self) -> float | None:
        """Log of the training loss now: its recent level, or in a log of epochs the last one's."""
        curve = self._training()
        if curve is None:
            return None
        return curve.y if self.context.coarse else curve.level

    def _train_falls(self, train: float | None) -> bool:
        """Whether the training loss is lower than it was at the best, by more than the noise of its level."""
        curve = self._training()
        if train is None or self._train_at_best is None or curve is None:
            return False
        needed = _TRAIN_FALL if self.context.coarse else max(_TRAIN_FALL, _TRAIN_SPREADS * curve.spread)
        return self._train_at_best - train > needed

    def _comes_back(self, smooth: float) -> bool:
        """It is still on its way down from something worse, as after a blow-up."""
        return len(self._recent) >= _BACK + 3 and smooth < median(self._recent[-_BACK - 3 : -_BACK]) - _BACK_BY

    def _swings(self) -> bool:
        """Up and down by more than a factor 2.5 within the last evaluations: that is instability."""
        steps = [b - a for a, b in zip(self._recent, self._recent[1:], strict=False)]
        return max(steps) > _SWING and min(steps) < -_SWING

    def _tell(self, value: float, best: float, rise: float) -> Record:
        name, settings = self.context.name(Role.VAL_LOSS), self.settings
        dropout = settings.value("dropout")
        return self.found(
            grade(rise, warning=0.0, critical=_CRITICAL),
            f"{name} is {value:.4g}, {100 * math.expm1(min(rise, 700)):.0f} % above its best {best:.4g} of step "
            f"{self._best_step}, while the training loss falls",
            metric=name,
            value=value,
            expected=(None, best * math.exp(_RISE)),
            suggestions=(
                f"keep the checkpoint of step {self._best_step}, or stop early",
                settings.put("dropout", round(min(0.5, (dropout or 0.0) + 0.1), 2)),
                settings.scale("weight_decay", 3.0),
                "more data or augmentation",
            ),
            evidence=(f"{self._count} evaluations in a row",),
            onset_step=self._best_step,
        )
