"""`overfitting`: the validation loss has turned and rises while the training loss still falls."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.evaluations import Evaluations, TrainingLoss
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record, Severity
from aurl.show.wording import counted

_RISE = 0.10
_CRITICAL = math.log(1.5)


class Overfitting(Rule):
    """The smoothed validation loss against its best, in logarithms.

    Smoothed is the median of three. It must lie 10 % and three times its own noise above the best for `confirm`
    evaluations, or 25 % for one fewer, while the training loss does not rise, and the validation loss neither swings
    nor comes back from something worse. A warning; critical from 50 % above the best; an info where the learning rate
    was raised since the best, as at a warm restart.

    Args:
        confirm: evaluations in a row, at least 2.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "overfitting"
    kinds = frozenset({Kind.STEP, Kind.EVAL, Kind.EPOCH})
    needs = frozenset({Role.VAL_LOSS})

    def __init__(self, *, confirm: int = 3, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 2, "2 or more for overfitting")
        self.confirm = confirm

    def evaluated(self, loss: float) -> Iterable[Record]:
        evaluations = self.context.evaluations
        if not evaluations.lasts(self.confirm, self.scale) or evaluations.swings:
            return ()
        training = evaluations.training(self.context.lowered)
        if training is TrainingLoss.RISES or (training is TrainingLoss.UNKNOWN and evaluations.rise > _CRITICAL):
            return ()  # then it is a divergence
        severity = grade(evaluations.rise, warning=0.0, critical=_CRITICAL)
        if evaluations.rate_rose and severity is Severity.WARNING:
            severity = Severity.INFO
        return (self._tell(severity, loss, evaluations),)

    def _tell(self, severity: Severity, value: float, evaluations: Evaluations) -> Record:
        name, settings = self.context.name(Role.VAL_LOSS), self.settings
        best, step = math.exp(evaluations.best), evaluations.best_step
        return self.found(
            severity,
            f"{name} is {value:.4g}, {100 * math.expm1(min(evaluations.rise, 700)):.0f} % above its best {best:.4g} of "
            f"step {step}, while the training loss does not rise",
            metric=name,
            value=value,
            expected=(None, best * math.exp(_RISE)),
            suggestions=(
                f"keep the checkpoint of step {step}, or stop early",
                settings.put("dropout", round(min(0.5, (settings.value("dropout") or 0.0) + 0.1), 2)),
                settings.scale("weight_decay", 3.0),
                "more data or augmentation",
            ),
            evidence=(counted(evaluations.count, "evaluation") + " so far",),
            onset_step=step,
        )
