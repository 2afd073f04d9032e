"""`training_divergence`: the loss climbs away from the best that it had reached, and stays there."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record, Severity

_RISE = 0.25  # in log: 28 % above the best
_SPREADS = 2.0
_DOUBLED = math.log(2.0)
_ABOVE_START = math.log(1.5)
_FATAL_BLOCKS = 4
_AS_GOOD = 1.15  # times the best validation loss
_FINE = 1
_FALLING = 0.5  # spreads; a loss that falls again is a step up, as of harder data


class TrainingDivergence(Rule):
    """Medians of 16 losses (3 epochs in a log of epochs) against the second best of all earlier ones.

    Two in a row that lie 28 % and two robust standard deviations above it, the second not clearly lower than the
    first, are a warning; critical from twice the best level, or when the validation loss rises as well; fatal when
    four in a row lie 1.5 times above where the run began. One degree milder while the evaluations since then say
    that the validation loss is as good as ever: the training data got harder, as in a curriculum.

    Args:
        confirm: blocks in a row, at least 1; one less than `anomaly.confirm`.
        warmup: losses before anything is told, at least 2.
    """

    type = "training_divergence"
    kinds = frozenset({Kind.STEP, Kind.EPOCH, Kind.EVAL})
    needs = frozenset({Role.LOSS, Role.LOSS_PART, Role.VAL_LOSS})
    epochs_in_block = 3
    memory = (
        "_lowest", "_before", "_high", "_lost", "_onset", "_validation_rises", "_best_validation", "_fine", "_start",
    )  # fmt: skip

    def __init__(self, *, confirm: int = 3, warmup: int = 16) -> None:
        super().__init__()
        require("confirm", confirm, confirm >= 2, "2 or more for training_divergence")
        require("warmup", warmup, warmup >= 2, "2 or more")
        self.confirm, self.warmup = confirm - 1, warmup
        self._best_validation: float | None = None
        self._validation_rises = False
        self._fine = 0  # evaluations in a row that are as good as ever
        self.forget()

    def forget(self) -> None:
        self._lowest: list[float] = []  # the two lowest medians, without the newest
        self._before: float | None = None
        self._high = self._lost = self._onset = 0
        self._start: float | None = None

    def block(self, curve: Curve) -> Iterable[Record]:
        now = self.blocks.last
        before, self._before = self._before, now
        if before is None:
            self._start = now
            return ()
        lowest = list(self._lowest)
        insort(self._lowest, before)
        del self._lowest[2:]
        if len(lowest) < 2:
            return ()
        best = lowest[1]
        rise = now - best
        falling = self._high and now < before - _FALLING * curve.spread and rise < _DOUBLED
        if rise <= max(_RISE, _SPREADS * curve.spread) or falling:
            self._high = self._lost = 0
            return ()
        self._high += 1
        if self._high == 1:
            self._fine = 0
            self._onset = self.context.step - self.blocks.size * self.context.gap
        start = self._start if self._start is not None else now
        self._lost = self._lost + 1 if now > start + _ABOVE_START else 0
        return (self._tell(curve, best, rise),) if self._high >= self.confirm else ()

    def _tell(self, curve: Curve, best: float, rise: float) -> Record:
        severity = Severity.WARNING
        if rise > _DOUBLED or self._validation_rises:
            severity = Severity.CRITICAL
        if self._lost >= _FATAL_BLOCKS:
            severity = Severity.FATAL
        if self._fine >= _FINE:
            severity = Severity.WARNING if severity.rank > Severity.WARNING.rank else Severity.INFO
        evidence = [f"{self._high} blocks of {self.blocks.size} in a row"]
        if self._validation_rises:
            evidence.append("the validation loss rises too")
        elif self._fine >= _FINE:
            evidence.append("the validation loss does not rise")
        lr = self.context.last(Role.LR)
        return self.found(
            severity,
            f"{curve.name} is at {curve.show(self.blocks.last):.4g}, {math.exp(min(rise, 700)):.3g} times the "
            f"{curve.show(best):.4g} it had reached",
            metric=curve.name,
            value=curve.show(self.blocks.last),
            expected=(None, curve.show(best + _RISE)),
            suggestions=(
                f"go back to a checkpoint before step {self._onset}",
                self.settings.scale("lr", 1 / 3, lr),
                self.settings.scale("warmup_steps", 2.0, why="if it began in the warm-up"),
            ),
            evidence=evidence,
            onset_step=self._onset,
        )

    def evaluated(self, loss: float) -> Iterable[Record]:
        value = loss
        best = value if self._best_validation is None else min(self._best_validation, value)
        self._best_validation, self._validation_rises = best, value > 1.25 * best
        self._fine = self._fine + 1 if value <= _AS_GOOD * best else 0
        return ()
