"""`learning_rate_issue`: the learning rate is zero, jumps, or the weights do not move."""

from __future__ import annotations

from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.roles import Role
from aurl.record import Record, Severity
from aurl.show.wording import counted

_JUMP = 5.0  # over the value before
_ABOVE_PEAK = 1.5
_JUMP_CRITICAL = 20.0
_ZERO = 10  # observations
_CUT = 0.1  # of the peak: from above this to nothing is no schedule
_TINY = 1e-8
_SETTLED = 8  # observations without a rise, after which a jump is no warm-up
_GONE = 1e-3  # of the peak
_FADED, _FADED_SHARE = 1e-6, 0.05  # of the peak, for this share of the run
_LEFT = 0.25  # of the planned steps
_LR, _LOSS_SCALE = Role.LR, Role.LOSS_SCALE
_SCALE_STANDS, _SCALE_FALLS, _SCALE_LASTS = 32, 64.0, 8
_NO_UPDATE = 1e-7  # norm of a step's change over the norm of the weights


class LearningRateIssue(Rule):
    """Watches the learning rate itself, and the relative size of updates (`update/ratio`).

    A warning: the rate is 0, or below 1e-8 and was never higher, for ten observations; 0 for `confirm` - 1 where it was
    above a tenth of its peak just before, or where a quarter of the planned steps is left; it jumps to more than five
    times its last value and 1.5 times its peak after it had stopped rising (critical from twenty times); it is spent,
    below a thousandth of its peak, with a quarter of the planned steps to go, or below a millionth and 1e-8 for a
    twentieth of the run, of which a cosine spends less there. Weights that did not change at all in a step, with a
    learning rate above 0, are critical; changes below 1e-7 for twenty observations a warning.

    A loss scale of mixed precision that had stood for 32 observations and falls to a 64th for eight is a warning, and
    critical below 1: every halving was a step left out, and gradients overflow whatever the scale.

    Args:
        confirm: observations, at least 2; an update of exactly 0, or a rate that went to 0 at once, is told after one
            fewer in a row.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "learning_rate_issue"
    needs = frozenset({Role.LR, Role.UPDATE_RATIO, Role.LOSS_SCALE})
    memory = (
        "_before", "_peak", "_steady", "_zeros", "_still", "_jumped", "_onset", "_spent", "_zero_onset", "_cut",
        "_scale", "_scale_stood", "_scale_usual", "_scale_low", "_scale_onset",
    )  # fmt: skip

    def __init__(self, *, confirm: int = 3, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 2, "2 or more for learning_rate_issue")
        self.confirm = confirm - 1
        self._before: float | None = None
        self._peak = 0.0
        self._steady = self._zeros = self._still = 0
        self._jumped: list[float] | None = None  # before and after a jump, while the rate stays up
        self._onset = self._zero_onset = 0
        self._spent = 0
        self._cut = False  # whether the rate went to nothing at once
        self._scale = self._scale_usual = 0.0  # the last one, and one that had stood for long
        self._scale_stood = self._scale_low = self._scale_onset = 0

    def look(self, record: Record) -> Iterable[Record]:
        found: list[Record] = []
        rate = self.context.value(_LR)
        if rate is not None:
            if self._is_usual(rate):
                self._steady, self._before = self._steady + 1, rate
            else:
                found += self._rate(rate, record)
        scale = self.context.value(_LOSS_SCALE)
        if scale is not None and (scale != self._scale or self._scale_low or self._scale_stood < _SCALE_STANDS):
            found += self._loss_scale(scale, record.step)
        ratio = self.context.value(Role.UPDATE_RATIO) if self.context.probed else None
        if ratio is not None:
            found += self._update(ratio, record)
        return found

    def _loss_scale(self, scale: float, step: int) -> Iterable[Record]:
        if scale != self._scale:
            self._scale_stood = 0
            if scale < self._scale and not self._scale_low:
                self._scale_onset = step
        self._scale, self._scale_stood = scale, self._scale_stood + 1
        if self._scale_stood == _SCALE_STANDS:
            self._scale_usual = scale
        self._scale_low = self._scale_low + 1 if scale < self._scale_usual / _SCALE_FALLS else 0
        if self._scale_low < _SCALE_LASTS and not (self._scale_low and scale < 1.0):
            return
        name = self.context.name(_LOSS_SCALE)
        yield self.found(
            Severity.CRITICAL if scale < 1.0 else Severity.WARNING,
            f"{name} fell from {self._scale_usual:.4g} to {scale:.4g}: gradients overflow whatever it is, each time "
            "a step is left out",
            metric=name,
            value=scale,
            expected=(self._scale_usual / _SCALE_FALLS, None),
            suggestions=(
                self.settings.put("precision", "bf16", "it needs no scale"),
                self.settings.scale("lr", 1 / 3, self.context.last(_LR)),
                "look for a NaN or infinity in the weights or in the data",
            ),
            onset_step=self._scale_onset,
        )

    def _is_usual(self, rate: float) -> bool:
        """Whether the rate stays or falls, and is far from nothing: no more need be asked then."""
        before = self._before
        falls = before is not None and rate <= before and self._jumped is None and not self._spent and not self._zeros
        return falls and rate > max(_TINY, _GONE * self._peak)

    def _rate(self, rate: float, record: Record) -> Iterable[Record]:
        before, self._before = self._before, rate
        name = self.context.name(Role.LR)
        if (
            before is not None
            and self._steady >= _SETTLED
            and rate > max(_JUMP**self.scale * before, _ABOVE_PEAK * self._peak)
        ):
            self._jumped, self._onset = [before, rate, self._peak], record.step
        if self._jumped is not None:
            yield from self._jump(name, rate)
        self._steady = self._steady + 1 if before is not None and rate <= before else 0
        self._zeros = self._zeros + 1 if rate <= _TINY else 0
        if self._zeros == 1:
            self._zero_onset = record.step
            self._cut = before is not None and before > max(_TINY, _CUT * self._peak)
        at_once = rate == 0.0 and self._peak > _TINY and (self._cut or self._has_time_left(record.step))
        if self._zeros >= (self.confirm if at_once else _ZERO) and (rate == 0.0 or self._peak <= _TINY):
            yield self._tell(f"{name} is {rate:.3g}: nothing is learnt", name, rate, self._zero_onset)
        if self._jumped is None:
            self._peak = max(self._peak, rate)
        yield from self._too_soon(name, rate, record.step)

    def _jump(self, name: str, rate: float) -> Iterable[Record]:
        assert self._jumped is not None
        before, after, peak = self._jumped
        if rate < _ABOVE_PEAK * max(peak, before):
            self._jumped = None
            return
        factor = after / before if before else float("inf")
        yield self.found(
            grade(factor, warning=0.0, critical=_JUMP_CRITICAL),
            f"{name} jumped from {before:.3g} to {after:.3g}",
            metric=name,
            value=rate,
            expected=(None, max(peak, before)),
            suggestions=(
                self.settings.put("lr", max(peak, before), f"as before step {self._onset}"),
                "check the schedule: does the scheduler step once per optimiser step, is it restored on resume?",
            ),
            onset_step=self._onset,
        )

    def _too_soon(self, name: str, rate: float, step: int) -> Iterable[Record]:
        early = self._has_time_left(step)
        faded = 0.0 < rate < min(_TINY, _FADED * self._peak)
        spent = faded or (0.0 <= rate < _GONE * self._peak and early)
        self._spent = self._spent + 1 if spent else 0
        if self._spent == 1:
            self._zero_onset = step
        if self._spent < 2 * _ZERO or not (early or self._spent > _FADED_SHARE * self.context.index):
            return
        planned = f" of {self.context.planned} planned" if early else ""
        yield self._tell(f"{name} has fallen to {rate:.3g} at step {step}{planned}", name, rate, self._zero_onset)

    def _has_time_left(self, step: int) -> bool:
        """Whether a quarter of the planned steps is still to come; false where no plan is known."""
        planned = self.context.planned
        return planned is not None and step <= (1.0 - _LEFT) * planned

    def _update(self, ratio: float, record: Record) -> Iterable[Record]:
        rate = self.context.last(Role.LR)
        self._still = self._still + 1 if ratio < _NO_UPDATE and rate != 0.0 else 0
        if self._still == 1:
            self._onset = record.step
        exactly = ratio == 0.0 and self._still >= self.confirm
        if exactly or self._still >= 2 * _ZERO:
            name = self.context.name(Role.UPDATE_RATIO)
            yield self.found(
                Severity.CRITICAL if exactly else Severity.WARNING,
                f"the weights changed by {ratio:.2g} of their size, for {counted(self._still, 'step')}",
                metric=name,
                value=ratio,
                expected=(_NO_UPDATE, None),
                suggestions=(
                    "check that the optimiser holds the model's parameters and that its step is called",
                    self.settings.scale("lr", 10.0, rate),
                ),
                onset_step=self._onset,
            )

    def _tell(self, message: str, name: str, rate: float, onset: int) -> Record:
        return self.found(
            Severity.WARNING,
            message,
            metric=name,
            value=rate,
            expected=(_TINY, None),
            suggestions=(
                "check the schedule: how many steps was it made for, and does it step once per optimiser step?",
                self.settings.put("min_lr_ratio", 0.1),
                self.settings.put("lr", self._peak) if self._peak > _TINY else self.settings.put("lr", 3e-4),
            ),
            onset_step=onset,
        )
