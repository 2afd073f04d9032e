"""`underfitting`: the run has hardly learnt anything since it began."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.blocks import median, noise
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.anomaly.statistics.trend import fall
from aurl.record import Record, Severity
from aurl.show.wording import counted

_GAIN = 0.015
_LOSS = -0.5  # a loss that rises by more has another name
_BLOWN_UP = math.log(1.5)
_SPACING = 1.1
_MEDIAN_ERROR = 1.25  # standard error of a median over that of a mean
_DROP = 0.1  # from the first value to the first block: something was learnt at once
_PLANNED_SHARE = 0.04
_STILL, _STILL_AFTER = 0.002, 48
_FASTER, _TOO_LITTLE = 1.25, 2e-4
_COARSE = 20  # an epoch counts for so many observations


class Underfitting(Rule):
    """Since its first values, the loss fell by less than 1.5 %, with 95 % confidence, after 200 of them.

    After 48 where it stands quite still: all losses so far lie within 0.2 % of each other, and they do not begin to
    fall faster, as without noise they do at first.

    Not told of a run that was resumed, in the first 4 % of a planned run, or while the learning rate still rises. A
    warning; critical once ten times as long.

    Args:
        observations: losses before anything is told, at least 20; epochs count for twenty, and the records of a log
            that holds few for up to twenty.
        zscore: 5 for what is said above; with 10, half of the gain is enough.
    """

    type = "underfitting"
    needs = frozenset({Role.LOSS, Role.LOSS_PART})
    memory = ("_first", "_next", "_lowest", "_highest")

    def __init__(self, *, observations: int = 200, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("detectors.underfitting.observations", observations, observations >= 20, "20 or more")
        self.observations = observations
        self.forget()

    def forget(self) -> None:
        self._first: float | None = None
        self._next = 0.0
        self._lowest = self._highest = 0.0  # of all losses so far

    def block(self, curve: Curve) -> Iterable[Record]:
        if curve.unit is not None or self.context.resumed:
            return ()
        values = curve.trail[-self.blocks.size :]
        if self._first is None:
            self._first = math.log(curve.first) if curve.first > 0 and not curve.era else values[0]
            self._lowest = self._highest = values[0]
        self._lowest, self._highest = min(self._lowest, *values), max(self._highest, *values)
        return self._check(curve)

    def _check(self, curve: Curve) -> Iterable[Record]:
        seen = self.blocks.seen * (_COARSE if self.context.coarse else self.context.worth)
        planned = self.context.planned
        early = planned is not None and self.context.step < _PLANNED_SHARE * planned
        still = self._highest - self._lowest < _STILL / self.scale and not _hastens(self.blocks.medians)
        least = min(_STILL_AFTER, self.observations) if still else self.observations
        if seen < max(least, self._next) or early or self.context.warming_up or self._has_blown_up(curve):
            return ()
        self._next = seen * _SPACING
        severity = Severity.CRITICAL if seen >= 10 * self.observations else Severity.WARNING
        medians = self.blocks.medians
        if still:
            return (self._tell(curve, medians[0] - medians[-1], severity),)
        if len(medians) < 4 or self._first is None:
            return ()
        fell = fall(medians)
        # The spread of single losses tells the noise of a few block medians better than they do.
        single = curve.spread * _MEDIAN_ERROR * math.sqrt(2.0 / (len(medians) // 3 * self.blocks.width))
        at_most = fell.size + 2.0 * min(fell.error, single)
        at_once = self._first - medians[0] > max(_DROP, 5.0 * curve.spread)
        lowest = min(0.5 * (a + b) for a, b in pairwise(medians))
        soon = medians[0] - lowest > _GAIN + 3.0 * noise(medians)
        if at_once or soon or not fell.size > _LOSS or at_most >= _GAIN / self.scale:
            return ()
        gain = medians[0] - median(medians[-3:])
        return (self._tell(curve, gain, severity),)

    def _has_blown_up(self, curve: Curve) -> bool:
        """Whether the loss lies clearly above the very first: that is a divergence, not a lack of learning."""
        return curve.first > 0 and self.blocks.last > math.log(curve.first) + _BLOWN_UP

    def _tell(self, curve: Curve, gain: float, severity: Severity) -> Record:
        lr, side = self.context.last(Role.LR), "below" if gain >= 0 else "above"
        now = curve.show(median(self.blocks.medians[-3:]))
        return self.found(
            severity,
            f"{curve.name} is {now:.4g} after {counted(self.blocks.seen, 'loss', 'losses')}, {100 * abs(gain):.2f} % "
            f"{side} its beginning",
            metric=curve.name,
            value=now,
            expected=(None, curve.show(self.blocks.medians[0] - _GAIN)),
            suggestions=(
                self.settings.scale("lr", 10.0, lr, "if the update is too small to see"),
                "check that inputs and targets belong together, and that the optimiser holds the model's parameters",
                self.settings.scale("d_model", 2.0, why="if a larger model learns where this one does not"),
            ),
            onset_step=0,
            hold=2 * self.block_size + int(2.0 * (_SPACING - 1.0) * self.blocks.seen),
        )


def _hastens(medians: Sequence[float]) -> bool:
    """Whether the last of three blocks or more fell further below its neighbour than the second did."""
    if len(medians) < 3:
        return True
    return medians[-2] - medians[-1] > _FASTER * max(0.0, medians[0] - medians[1]) + _TOO_LITTLE
