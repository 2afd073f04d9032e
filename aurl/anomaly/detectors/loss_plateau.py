"""`loss_plateau`: the loss stopped falling long ago, or all at once."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.blocks import Blocks, median
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.anomaly.statistics.standstill import Brake, kinks
from aurl.anomaly.statistics.trend import fall
from aurl.record import Kind, Record, Severity
from aurl.show.wording import counted

_MIN_BLOCKS = 12
_GAIN = 0.01  # 1 %: less over three quarters of a run is nothing
_UNSURE = 3.0  # times that, where evaluations are certain
_FEW_EVALUATIONS, _FEW_STILL, _SAME = 8, 10, 2e-4
_LOSS = -0.03  # a rise beyond this is no plateau
_SPACING = 1.05  # checks are 5 % of the run apart
_SHIFT = math.log(1.25)  # a level so far above the last is a new beginning
_DECAYED = 0.3  # of the peak: with a learning rate below, standing still is expected
_NO_GRADIENT = 1e-8
_CHANCE = tuple(math.log(k) for k in (2, 4, 10, 20, 50, 100, 200, 256, 1000, 1024, 8192, 21841, 32000, 32768, 50257))
_CHANCE_MARGIN = 0.005
_PLANNED_SHARE = 0.2
_KINK_EVALUATIONS, _KINK_BLOCKS, _KINK_SIZE = 4, 6, 8
_GRAD_NORM = Role.GRAD_NORM
_HOLD_STOP = 64  # a kink is seen for a while only; nothing new is said as long as it lasts


class LossPlateau(Rule):
    """Over the last three quarters of the run, the loss fell by less than 1 %, with 95 % confidence.

    The fall is the median of the first third of that stretch minus the median of its last third, in logarithms of
    block medians, and its standard error comes from the noise of those blocks: a noisy loss needs longer before
    anything is claimed. `confirm` checks in a row, each 5 % of the run later, make it a warning; an info where the
    learning rate has decayed below 30 % of its peak; critical at the loss of guessing among K classes, ln K. A loss
    that jumped to a higher level and stays there begins a new stretch. It is not told while the validation loss
    improves, nor in the first fifth of a planned run. Two blocks of losses with a gradient norm of 0 are a plateau
    whatever the loss.

    A run that stops learning from one moment to the next is told sooner: the validation losses or the blocks have a
    kink (steady fall before, a tenth of it afterwards), or the gradient norm or the update falls to a fraction at once
    and the loss falls less than a third as fast from there; twice in a row each.

    Args:
        confirm: checks in a row, at least 2.
        observations: losses before anything is told, at least 50; epochs count for ten, and the records of a log that
            holds few for up to twenty.
        zscore: 5 for what is said above; with 10, half of the gain is enough.
    """

    type = "loss_plateau"
    kinds = frozenset({Kind.STEP, Kind.EPOCH, Kind.EVAL})
    needs = frozenset({Role.LOSS, Role.LOSS_PART, Role.VAL_LOSS})
    memory = (
        "_next", "_flat", "_onset", "_validation", "_without_gradient", "_brake", "_kinks",
        "_stopped", "_widths", "_evaluated", "_first_validation", "_evaluations",
        "_still_at", "_still", "_still_since",
    )  # fmt: skip

    def __init__(self, *, confirm: int = 3, observations: int = 200, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 2, "2 or more for loss_plateau")
        require("detectors.loss_plateau.observations", observations, observations >= 50, "50 or more")
        self.confirm, self.observations = confirm, observations
        self._brake = Brake()
        self.forget()
        self._validation: list[float] = []
        self._evaluated: list[int] = []  # when they were made
        self._first_validation = 0.0
        self._without_gradient = 0
        self._kinks = 0
        self._evaluations = Blocks(1)
        self._still_at, self._still, self._still_since = math.inf, 0, 0

    def forget(self) -> None:
        self._next = 0.0
        self._flat = self._onset = self._stopped = self._widths = 0
        self._brake.restart()

    @property
    def following(self) -> bool:
        return self._brake.is_on

    def look(self, record: Record) -> Iterable[Record]:
        """What else tells how much is learnt: gradient norm and size of the update."""
        context, brake = self.context, self._brake
        norm = context.value(_GRAD_NORM)
        if norm is not None:
            if norm < _NO_GRADIENT:
                self._without_gradient += 1
            elif self._without_gradient:
                self._without_gradient = 0
            if context.index % self.block_size == 0 and not brake.is_on:
                brake.note_rate(context.last(Role.LR))
        update = context.value(Role.UPDATE_RATIO) if context.probed else None
        if update is not None:
            at = (context.index, context.step)
            brake.update(context.name(Role.UPDATE_RATIO), update, at, context.last(Role.LR))
        return ()

    def look_closer(self, record: Record) -> Iterable[Record]:
        context, brake = self.context, self._brake
        gradient = context.curve(_GRAD_NORM)
        if gradient is not None and brake.is_worth_a_look(gradient):
            at = (context.index, context.step)
            brake.gradient(gradient, context.training_loss, at, context.last(Role.LR))
        return ()

    def block(self, curve: Curve) -> Iterable[Record]:
        if curve.unit is not None:
            return ()  # of a loss that crosses zero, shares are meaningless
        return (*self._check(curve), *self._check_stop(curve))

    def evaluated(self, loss: float) -> Iterable[Record]:
        """A kink in the validation losses."""
        step, value = self.context.record.step, loss
        if not self._validation:
            self._first_validation = math.log(value)
        self._validation = [*self._validation[-31:], math.log(value)]
        self._evaluated = [*self._evaluated[-31:], step]
        slowed = self._brake.validation.slows(self._validation[-1])
        self._evaluations.push(self._validation[-1])
        name = self.context.name(Role.VAL_LOSS)
        yield from self._stands_still(name, value)
        self._kinks = (
            self._kinks + 1 if slowed or kinks(self._validation, _KINK_EVALUATIONS, self._first_validation) else 0
        )
        if self._kinks < self.confirm - 1:
            return
        if slowed:
            yield self._braked((name, value))
            return
        onset = self._evaluated[-min(len(self._evaluated), _KINK_EVALUATIONS + self._kinks)]
        message = f"{name} fell steadily and stays at {value:.4g} since step {onset}"
        yield self._stop((name, value), message, onset)

    def _check_stop(self, curve: Curve) -> Iterable[Record]:
        """A kink in the blocks of training losses, or slower progress since gradients or updates fell at once."""
        blocks, brake = self.blocks, self._brake
        slowed = brake.blocks.slows(blocks.last)
        if len(blocks.medians) != self._widths:
            self._widths = len(blocks.medians)
            start = math.log(curve.first) if curve.first > 0 else math.inf
            fine = blocks.size >= _KINK_SIZE or self.context.coarse  # the median of fewer is no level
            kink = fine and kinks(blocks.medians, _KINK_BLOCKS, start) and not self._validation_improves()
            self._stopped = self._stopped + 1 if kink or slowed else 0
        elif slowed:
            self._stopped += 1
        if self._stopped < self.confirm - 1:
            return ()
        level = curve.show(blocks.last)
        if slowed:
            return (self._braked((curve.name, level)),)
        onset = max(0, self.context.step - (_KINK_BLOCKS + 1) * blocks.width * self.context.gap)
        return (self._stop((curve.name, level), f"{curve.name} fell steadily and stays at {level:.4g}", onset),)

    def _braked(self, measured: tuple[str, float]) -> Record:
        """Learning stopped when gradients or updates fell."""
        brake = self._brake
        message = f"{measured[0]} hardly falls below {measured[1]:.4g} any more: at step {brake.step} {brake.what}"
        return self._stop(measured, message, brake.step, brake.rate)

    def _stop(self, measured: tuple[str, float], message: str, onset: int, rate: float | None = None) -> Record:
        """Learning stopped from one moment to the next; at this learning rate, else the present one."""
        name, value = measured
        lr = self.context.last(Role.LR)
        return self.found(
            Severity.INFO if self._has_decayed(lr if rate is None else rate) else Severity.WARNING,
            message,
            metric=name,
            value=value,
            suggestions=(
                f"look at what changed at step {onset}: frozen or detached parameters, clipping, the optimiser",
                self.settings.scale("lr", 3.0, lr, "if nothing did"),
            ),
            onset_step=max(0, onset),
            hold=_HOLD_STOP,
        )

    def _has_decayed(self, lr: float | None) -> bool:
        return lr is not None and lr <= _DECAYED * self.context.history.lr_peak

    def _check(self, curve: Curve) -> Iterable[Record]:
        blocks = self.blocks
        medians = blocks.medians
        if len(medians) >= 4 and min(medians[-2:]) > max(medians[-4:-2]) + _SHIFT:
            blocks.medians = medians[-2:]
            blocks.completed, self._next, self._flat = 2 * blocks.width // blocks.size, 0.0, 0
        if self._without_gradient >= 2 * self.block_size:
            return (self._frozen(curve),)
        weight = max(10.0 if self.context.coarse else 1.0, self.context.worth)
        if len(medians) < _MIN_BLOCKS or blocks.seen * weight < max(self.observations, self._next):
            return ()
        self._next = blocks.seen * weight * _SPACING
        planned = self.context.planned
        if self.context.warming_up or (planned is not None and self.context.step < _PLANNED_SHARE * planned):
            return ()
        fell = fall(medians[len(medians) // 4 :])
        gain = _GAIN / self.scale
        at_most = _UNSURE * gain if fell.size < gain and self._validation_is_flat() else gain
        if not (fell.size > _LOSS and fell.at_most < at_most) or self._validation_improves():
            self._flat = 0
            return ()
        self._flat += 1
        if self._flat == 1:
            self._onset = self.context.step - int(0.75 * blocks.seen) * self.context.gap
        return (self._tell(curve, fell.size, fell.error),)

    def _tell(self, curve: Curve, size: float, error: float) -> Record:
        level = curve.show(median(self.blocks.medians[-3:]))
        guessing = next((k for k in _CHANCE if abs(level - k) < _CHANCE_MARGIN * k), None)
        lr = self.context.last(Role.LR)
        decayed = self._has_decayed(lr)
        severity = Severity.INFO
        if self._flat >= self.confirm and not decayed:
            severity = Severity.CRITICAL if guessing else Severity.WARNING
        chance = f", the loss of guessing among {round(math.exp(guessing))} classes" if guessing else ""
        return self.found(
            severity,
            f"{curve.name} stays at {level:.4g}{chance}: {-100 * size:+.2f} % over three quarters of the run",
            metric=curve.name,
            value=level,
            expected=(None, level * math.exp(-_GAIN)),
            suggestions=self._advice(lr, decayed, guessing=guessing is not None),
            evidence=(f"fall {100 * size:.2f} % +- {200 * error:.2f} %",),
            onset_step=max(0, self._onset),
            hold=2 * self.block_size + int(2.0 * (_SPACING - 1.0) * self.blocks.seen),
        )

    def _frozen(self, curve: Curve) -> Record:
        level = curve.show(self.blocks.last)
        return self.found(
            Severity.WARNING,
            f"{curve.name} stays at {level:.4g}: the gradient has been 0 for {counted(self._without_gradient, 'step')}",
            metric=curve.name,
            value=level,
            suggestions=("check that the parameters require gradients and that nothing detaches the loss",),
            onset_step=max(0, self.context.step - self._without_gradient * self.context.gap),
        )

    def _advice(self, lr: float | None, decayed: bool, *, guessing: bool) -> tuple[str, ...]:
        if decayed:
            return ("stop here, or start anew with a longer schedule",)
        if guessing:
            return (
                self.settings.scale("lr", 0.1, lr, "the model outputs the class frequencies, as after a blow-up"),
                "check that inputs and targets belong together",
            )
        return (
            self.settings.scale("lr", 3.0, lr, "if it was always this flat"),
            self.settings.scale("lr", 0.3, lr, "if it fell before"),
            "check that the gradient reaches all parameters",
        )

    def _validation_is_flat(self) -> bool:
        """Whether the evaluations, less noisy than the training loss, are certain that nothing was gained."""
        values = self._evaluations.medians[len(self._evaluations.medians) // 4 :]
        if len(values) < _FEW_EVALUATIONS:
            return False
        fell = fall(values)
        return abs(fell.size) + 2.0 * fell.error < 0.5 * _GAIN / self.scale

    def _stands_still(self, name: str, value: float) -> Iterable[Record]:
        """Validation losses that are the same to four digits for more than half of the run."""
        y = math.log(value)
        if abs(y - self._still_at) > _SAME / self.scale:
            self._still_at, self._still = y, 0
            self._still_since = self.context.record.step
            return
        self._still += 1
        if self._still < max(_FEW_STILL, 0.5 * self.context.evaluations.count):
            return
        decayed = self._has_decayed(self.context.last(Role.LR))
        yield self.found(
            Severity.INFO if decayed else Severity.WARNING,
            f"{name} has been {value:.4g} to four digits since step {self._still_since}, for {self._still} evaluations",
            metric=name,
            value=value,
            suggestions=self._advice(self.context.last(Role.LR), decayed, guessing=False),
            onset_step=self._still_since,
        )

    def _validation_improves(self) -> bool:
        return len(self._validation) >= 6 and fall(self._validation[len(self._validation) // 2 :]).size > 0.5 * _GAIN
