"""`nan_values`: a metric is NaN or infinite."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record, Severity

_LOSSES = frozenset({
    Role.LOSS, Role.LOSS_PART, Role.POLICY_LOSS, Role.VALUE_LOSS, Role.KL, Role.GENERATOR_LOSS, Role.DISCRIMINATOR_LOSS,
    Role.VAL_LOSS, Role.VAL_PART,
})  # fmt: skip
_SILENT = frozenset({
    Role.QUALITY, Role.COPIED, Role.DIVERSITY, Role.OTHER, Role.ACCURACY, Role.VAL_ACCURACY, Role.THROUGHPUT,
    Role.STEP, Role.EPOCH, Role.CLOCK, Role.STAGE, Role.REWARD, Role.EPISODE_LENGTH, Role.EXPLAINED_VARIANCE,
})  # fmt: skip  # NaN there means "not defined" or "not measured"


class NanValues(Rule):
    """Tells every non-finite loss or gradient norm, as long as it lasts.

    A first one is critical, since a single bad batch can still be skipped; `confirm` in a row of a loss are fatal, for
    then the weights are lost. An infinite gradient norm beside a finite loss is a warning: mixed precision overflows
    now and then, and skips the step; an info where a loss scale is logged; it too becomes critical after `confirm` in a
    row.

    Args:
        confirm: consecutive non-finite values that make it certain, at least 2.
    """

    type = "nan_values"
    kinds = frozenset({Kind.STEP, Kind.EVAL, Kind.EPOCH})
    memory = ("_run", "_onset")

    def __init__(self, *, confirm: int = 3) -> None:
        super().__init__()
        require("confirm", confirm, confirm >= 2, "2 or more for nan_values")
        self.confirm = confirm
        self._run: dict[str, int] = {}
        self._onset: dict[str, int] = {}

    def look(self, record: Record) -> Iterable[Record]:
        if self.context.finite and not self._run:
            return ()
        found = []
        for name, value in record.scalars.items():
            if math.isfinite(value):
                self._run.pop(name, None)
                self._onset.pop(name, None)
            elif (role := self.context.roles(name)) not in _SILENT:
                self._run[name] = self._run.get(name, 0) + 1
                self._onset.setdefault(name, record.step)
                found.append(self._tell(name, value, role))
        return found

    def _tell(self, name: str, value: float, role: Role) -> Record:
        times = self._run[name]
        again = f" for {times} records in a row" if times > 1 else ""
        curve = self.context.statistics(name)
        before = (f"{name} was {curve.value:.4g} before",) if curve is not None and curve.seen else ()
        known = times > 1 or (self.context.index > 1 if curve is None else curve.seen > 0)
        return self.found(
            self._severity(times, value, role, known=known),
            f"{name} is {value}{again}",
            metric=name,
            value=value,
            suggestions=self._advice(),
            evidence=before,
            onset_step=self._onset[name],
        )

    def _severity(self, times: int, value: float, role: Role, *, known: bool) -> Severity:
        certain = times >= self.confirm
        if not known and not certain:
            return Severity.INFO  # not measured yet
        if role in _LOSSES:
            return Severity.FATAL if certain else Severity.CRITICAL
        if role is not Role.GRAD_NORM or certain:
            return Severity.CRITICAL
        if self.context.last(Role.LOSS_SCALE) is not None:
            return Severity.INFO  # the loss scale was tried too high, and the step is left out: that is how it is found
        return Severity.WARNING if math.isinf(value) else Severity.CRITICAL

    def _advice(self) -> tuple[str, ...]:
        settings, lr = self.settings, self.context.last(Role.LR)
        clip = settings.value("clip_norm")
        return (
            "go back to the last checkpoint before this step",
            settings.scale("lr", 1 / 3, lr),
            settings.scale("clip_norm", 0.5) if clip else settings.put("clip_norm", 1.0),
            settings.put("precision", "fp32", "rules out overflow"),
        )
