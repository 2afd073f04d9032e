"""`training_divergence`: the loss climbs away from the best that it had reached, and stays there."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.blocks import median, noise
from aurl.anomaly.statistics.curve import LEVEL, Curve
from aurl.anomaly.statistics.evaluations import TrainingLoss
from aurl.anomaly.statistics.parts import LossParts, RisenPart
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record, Severity
from aurl.show.wording import counted

_RISE = 0.25  # in log: 28 % above the best
_SPREADS = 2.0
_DOUBLED = math.log(2.0)
_ABOVE_START = math.log(1.5)
_FATAL_BLOCKS = 4
_PAST = 12  # blocks
_PART = 0.1  # of the whole at its start
_BACK, _HEALED = 0.05, 1.2  # above the best: as good as back; times what has healed before
_AS_GOOD = 1.15  # times the best validation loss
_FINE = 1
_FALLING = 0.5  # spreads; a loss that falls again is a step up, as of harder data
_EARLY, _EARLY_LAST = 8, 200  # losses in a row above the start, and how long that is asked for
_EARLY_RISE, _EARLY_NOISES = math.log(2.0), 4.0
_CONVERGED = 0.05  # of the loss of the start: less than that is hardly lost


class TrainingDivergence(Rule):
    """Medians of 16 losses (3 epochs in a log of epochs) against the second best of all earlier ones.

    Two in a row that lie 28 % and two robust standard deviations above it, the second not clearly lower than the
    first, are a warning; critical from twice the best level, or when the validation loss rises as well; fatal when
    four in a row lie 1.5 times above where the run began. One degree milder while the evaluations since then say
    that the validation loss is as good as ever: the training data got harder, as in a curriculum; an info where the
    learning rate was raised, as at a warm restart.

    Other losses that are logged beside it, its parts, are a warning from three times their second best block and 1.1
    times their first, two blocks in a row; regularizers, balances and adversarial parts, which grow in healthy runs,
    are left out.

    A validation loss that lies 10 % above its best for `confirm` evaluations, while the training loss is higher too,
    is a warning, and so is one 50 % above it where no training loss is logged; critical from twice the best.

    A run that is wrong from the start: eight losses in a row above 1.5 times the very first, twice as high in the
    middle and four times their own noise above it, is critical within the first 200.

    Args:
        confirm: evaluations in a row, and blocks in a row less one; at least 2.
        warmup: losses before blocks are compared, at least 2.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "training_divergence"
    kinds = frozenset({Kind.STEP, Kind.EPOCH, Kind.EVAL})
    needs = frozenset({Role.LOSS, Role.LOSS_PART, Role.VAL_LOSS})
    epochs_in_block = 3
    memory = (
        "_lowest", "_before", "_high", "_lost", "_onset", "_validation_rises", "_best_validation", "_fine", "_start",
        "_rate_at_best", "_above", "_past", "_top", "_healed", "_parts",
    )  # fmt: skip

    def __init__(self, *, confirm: int = 3, warmup: int = 16, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 2, "2 or more for training_divergence")
        require("warmup", warmup, warmup >= 2, "2 or more")
        self.confirm, self.warmup = confirm, warmup
        self._best_validation: float | None = None
        self._validation_rises = False
        self._fine = 0  # evaluations in a row that are as good as ever
        self._above = 0  # losses in a row above the first
        self.forget()

    def forget(self) -> None:
        self._parts = LossParts()
        self._lowest: list[float] = []  # the two lowest medians, without the newest
        self._before: float | None = None
        self._past: list[float] = []  # the last medians
        self._top = self._healed = 0.0  # the largest rise since the best, and of those that healed
        self._high = self._lost = self._onset = 0
        self._start: float | None = None
        self._rate_at_best: float | None = None

    @property
    def following(self) -> bool:
        return self._above > 0

    def look_closer(self, record: Record) -> Iterable[Record]:
        """Whether the run went wrong at once, so that no good level was ever known."""
        curve = self.context.training_loss
        if curve is None or curve.unit is not None or curve.era or curve.seen > _EARLY_LAST or self.context.resumed:
            self._above = 0
            return ()
        above = curve.y - math.log(curve.first)
        self._above = self._above + 1 if above > self.scale * _ABOVE_START else 0
        if self._above < _EARLY:
            return ()
        last = curve.trail[-_EARLY:]
        rise = median(last) - math.log(curve.first)
        least = max(_EARLY_RISE, _EARLY_NOISES * max(noise(last), noise(curve.trail[-LEVEL:])))
        if rise < self.scale * least or self._rises_with(curve):
            return ()
        return (self._wrong_from_the_start(curve, rise),)

    def _rises_with(self, curve: Curve) -> bool:
        """Whether the first loss was an odd one: a quarter of those since then are no higher."""
        trail = sorted(curve.trail[-LEVEL:])
        return trail[len(trail) // 4] < math.log(curve.first) + self.scale * _ABOVE_START

    def _wrong_from_the_start(self, curve: Curve, rise: float) -> Record:
        rate = self.context.last(Role.LR)
        onset = max(0, self.context.step - (self._above - 1) * self.context.gap)
        return self.found(
            Severity.CRITICAL,
            f"{curve.name} is at {curve.show(median(curve.trail[-_EARLY:])):.4g}, {math.exp(min(rise, 700)):.3g} times "
            f"the {curve.first:.4g} that it had before any training",
            metric=curve.name,
            value=curve.value,
            expected=(None, curve.first),
            suggestions=(
                self.settings.scale("lr", 0.1, rate, "begin anew: these weights are worse than untrained ones"),
                self.settings.scale("warmup_steps", 2.0),
                "check the sign and the scale of the loss, and what the inputs are divided by",
            ),
            evidence=(f"{self._above} losses in a row above it",),
            onset_step=onset,
        )

    def block(self, curve: Curve) -> Iterable[Record]:
        for part in self._parts.block(self._other_losses(curve), self.blocks.size, self.scale):
            if part.blocks >= self.confirm - 1 and _weighs(part, curve):
                yield self._tell_of_part(part)
        yield from self._whole(curve)

    def _other_losses(self, whole: Curve) -> Iterable[Curve]:
        """The statistics of this record's losses beside the whole; a total that moves with its weights is none."""
        context = self.context
        names = context.names(Role.LOSS_PART)
        if context.main.get(Role.LOSS) == whole.name:
            names += context.names(Role.LOSS)
        found = (context.statistics(name) for name in names if name != whole.name)
        return [curve for curve in found if curve is not None]

    def _tell_of_part(self, part: RisenPart) -> Record:
        curve, onset = part.curve, max(0, self.context.step - part.blocks * self.blocks.size * self.context.gap)
        return self.found(
            Severity.WARNING,
            f"{curve.name}, a part of the loss, is at {curve.show(part.now):.4g}, "
            f"{math.exp(min(part.now - part.best, 700)):.3g} times the {curve.show(part.best):.4g} it had reached",
            metric=curve.name,
            value=curve.show(part.now),
            expected=(None, curve.show(part.best)),
            suggestions=(
                "look at what this part is computed from, and at its weight among the others",
                *self._advice(onset)[:2],
            ),
            evidence=(f"{counted(part.blocks, 'block')} of {self.blocks.size} in a row",),
            onset_step=onset,
        )

    def _whole(self, curve: Curve) -> Iterable[Record]:
        now = self.blocks.last
        before, self._before = self._before, now
        if before is None:
            self._start = min(now, math.log(curve.first)) if curve.unit is None and curve.first > 0 else now
            return ()
        lowest = list(self._lowest)
        insort(self._lowest, before)
        del self._lowest[2:]
        if before == self._lowest[0]:
            self._rate_at_best = self.context.last(Role.LR)
        if len(lowest) < 2 or curve.seen < self.warmup:
            return ()
        best = lowest[1]
        rise = now - best
        falling = self._high and now < before - _FALLING * curve.spread and rise < _DOUBLED
        least = max(self.scale * max(_RISE, _SPREADS * curve.spread), _HEALED * self._healed)
        self._note_excursion(rise)
        # A loss that is often as high has only come back from a dip, as where one part of the data is easy.
        usual = median(self._past) if self._past else now
        self._past = [*self._past[1 - _PAST :], now]
        if rise <= least or falling or (not self._high and now < usual + 0.5 * least):
            self._high = self._lost = 0
            return ()
        self._high += 1
        if self._high == 1:
            self._fine = 0
            self._onset = max(0, self.context.step - self.blocks.size * self.context.gap)
        start = self._start if self._start is not None else now
        self._lost = self._lost + 1 if now > start + _ABOVE_START else 0
        return (self._tell(curve, best, rise),) if self._high >= self.confirm - 1 else ()

    def _note_excursion(self, rise: float) -> None:
        """How far it rose before it came back to its best: what has healed by itself may come again."""
        if rise > _BACK:
            self._top = max(self._top, rise)
        elif self._top:
            self._healed, self._top = max(self._healed, self._top), 0.0

    def _tell(self, curve: Curve, best: float, rise: float) -> Record:
        severity = Severity.WARNING
        if rise > _DOUBLED or self._validation_rises:
            severity = Severity.CRITICAL
        if self._lost >= _FATAL_BLOCKS:
            severity = Severity.FATAL
        evidence = [f"{counted(self._high, 'block')} of {self.blocks.size} in a row"]
        if self._validation_rises:
            evidence.append("the validation loss rises too")
        elif self._fine >= _FINE:
            severity = Severity.WARNING if severity.rank > Severity.WARNING.rank else Severity.INFO
            evidence.append("the validation loss does not rise")
        if self._rate_rose() and severity.rank <= Severity.CRITICAL.rank and not self._lost:
            severity = Severity.INFO
            evidence.append("the learning rate was raised")
        elif severity.rank > Severity.INFO.rank and _is_little(curve, self.blocks.last):
            severity = Severity.INFO
        return self.found(
            severity,
            f"{curve.name} is at {curve.show(self.blocks.last):.4g}, {math.exp(min(rise, 700)):.3g} times the "
            f"{curve.show(best):.4g} it had reached",
            metric=curve.name,
            value=curve.show(self.blocks.last),
            expected=(None, curve.show(best + _RISE)),
            suggestions=self._advice(self._onset),
            evidence=evidence,
            onset_step=self._onset,
        )

    def _rate_rose(self) -> bool:
        rate = self.context.last(Role.LR)
        return bool(rate and self._rate_at_best and rate > 1.5 * self._rate_at_best)

    def _advice(self, onset: int) -> tuple[str, ...]:
        return (
            f"go back to a checkpoint before step {onset}",
            self.settings.scale("lr", 1 / 3, self.context.last(Role.LR)),
            self.settings.scale("warmup_steps", 2.0, why="if it began in the warm-up"),
        )

    def evaluated(self, loss: float) -> Iterable[Record]:
        best = loss if self._best_validation is None else min(self._best_validation, loss)
        self._best_validation, self._validation_rises = best, loss > 1.25 * best
        self._fine = self._fine + 1 if loss <= _AS_GOOD * best else 0
        evaluations = self.context.evaluations
        if not evaluations.lasts(self.confirm, self.scale):
            return ()
        training = evaluations.training(self.context.lowered)
        if training is TrainingLoss.FALLS or (training is TrainingLoss.UNKNOWN and evaluations.rise < _ABOVE_START):
            return ()
        severity = Severity.CRITICAL if evaluations.rise > _DOUBLED else Severity.WARNING
        if evaluations.rate_rose:
            severity = Severity.INFO
        name, lowest = self.context.name(Role.VAL_LOSS), math.exp(evaluations.best)
        with_it = ", and the training loss is higher too" if training is TrainingLoss.RISES else ""
        return (
            self.found(
                severity,
                f"{name} is {loss:.4g}, {100 * math.expm1(min(evaluations.rise, 700)):.0f} % above the {lowest:.4g} of "
                f"step {evaluations.best_step}{with_it}",
                metric=name,
                value=loss,
                expected=(None, 1.1 * lowest),
                suggestions=self._advice(evaluations.best_step),
                onset_step=evaluations.best_step,
            ),
        )


def _weighs(part: RisenPart, whole: Curve) -> bool:
    """Whether the rise of a part is a good share of what the whole was at its start; else it trades with the others."""
    if whole.unit is not None or not whole.start > 0:
        return True
    return part.curve.show(part.now) - part.curve.show(part.best) > _PART * whole.start


def _is_little(curve: Curve, level: float) -> bool:
    """Whether a loss at this level is still next to nothing, measured by where it began."""
    return curve.unit is None and curve.show(level) < _CONVERGED * curve.start
