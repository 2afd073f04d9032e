"""`gradient_vanishing`: too little of the gradient arrives to train with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.roles import Role
from aurl.record import Record, Severity
from aurl.show.wording import counted

_NOTHING = 1e-8
_FALLEN = 1e-3  # of the usual norm of the run's beginning
_LOSS_LEFT = 0.2  # of the first loss: with less the gradient may well be small
_LAYERS = 1e-3  # first layer over last
_LAYERS_CRITICAL = 1e-5
_DEAD, _DEAD_CRITICAL = 0.5, 0.9
_EARLY = 32
_HOLD = 20  # observations
_GRAD_NORM = Role.GRAD_NORM
_PROBES = 8  # of layers, which are looked at now and then


class GradientVanishing(Rule):
    """Watches the gradient norm, the ratio of the first layer's norm to the last one's, and the share of dead units.

    A warning when, for `confirm` observations, the norm is below 1e-8, or more than half of the units are dead
    (`dead/fraction`); or when, for 20, the norm is below a thousandth of its level at the beginning although a fifth of
    the loss is left, or, for 8, the first layer receives less than a thousandth of the last one's gradient
    (`grad/layer_ratio`). Critical when the norm is exactly 0, the ratio below 1e-5, or 90 % of the units dead.

    Args:
        confirm: observations in a row, at least 1.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "gradient_vanishing"
    needs = frozenset({Role.GRAD_NORM, Role.LAYER_RATIO, Role.DEAD_UNITS})
    memory = ("_runs", "_onsets", "_early")

    def __init__(self, *, confirm: int = 3, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 1, "1 or more")
        self.confirm = confirm
        self._runs: dict[str, int] = {}
        self._onsets: dict[str, int] = {}
        self._early: float | None = None  # log of the gradient norm's level after the first observations
        self._fine = math.inf  # norms from here on are neither

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._fine = math.inf  # found again at the next look

    def look(self, record: Record) -> Iterable[Record]:
        context = self.context
        found: list[Record] = []
        norm = context.value(_GRAD_NORM)
        if norm is not None and (norm < self._fine or self._early is None or self._runs):
            found += self._norm(norm)
        if context.probed:
            found += self._probe()
        return found

    def _probe(self) -> Iterable[Record]:
        ratio, dead = self.context.value(Role.LAYER_RATIO), self.context.value(Role.DEAD_UNITS)
        if ratio is not None and self._lasts("layers", ratio < _LAYERS / self.scale, _PROBES):
            yield self._layers(ratio)
        if dead is not None and self._lasts("dead", dead > min(0.95, self.scale * _DEAD), self.confirm):
            yield self._dead(dead)

    def _norm(self, norm: float) -> Iterable[Record]:
        curve = self.context.curve(_GRAD_NORM)
        if curve is None:
            return
        if self._early is None and curve.seen >= _EARLY:
            self._early = curve.level
        if self._early is not None:
            self._fine = max(_NOTHING / self.scale, 1.01 * curve.show(self._early) * _FALLEN / self.scale)
        name = curve.name
        if self._lasts("nothing", norm < _NOTHING / self.scale, self.confirm):
            yield self._tell(
                Severity.CRITICAL if norm == 0.0 else Severity.WARNING,
                f"{name} is {norm:.3g} for {counted(self._runs['nothing'], 'step')}: nothing is learnt",
                (name, norm, _NOTHING),
                "nothing",
            )
        elif self._early is not None and self._lasts("fallen", self._has_fallen(norm), _HOLD):
            early = curve.show(self._early)
            yield self._tell(
                Severity.WARNING,
                f"{name} fell to {norm:.3g} from {early:.3g} in the beginning, with most of the loss left",
                (name, norm, early * _FALLEN),
                "fallen",
            )

    def _has_fallen(self, norm: float) -> bool:
        assert self._early is not None
        if norm > 0 and math.log(norm) > self._early + math.log(_FALLEN / self.scale):
            return False
        loss = self.context.training_loss
        return loss is not None and loss.unit is None and loss.value > _LOSS_LEFT * loss.first

    def _layers(self, ratio: float) -> Record:
        severity = Severity.CRITICAL if ratio < _LAYERS_CRITICAL else Severity.WARNING
        name = self.context.name(Role.LAYER_RATIO)
        message = f"the first layer receives {ratio:.2g} of the gradient of the last one"
        return self._tell(severity, message, (name, ratio, _LAYERS), "layers")

    def _dead(self, share: float) -> Record:
        severity = Severity.CRITICAL if share > _DEAD_CRITICAL else Severity.WARNING
        message = f"{100 * share:.0f} % of the units answer to nothing any more"
        name = self.context.name(Role.DEAD_UNITS)
        return self.found(
            severity,
            message,
            metric=name,
            value=share,
            expected=(None, _DEAD),
            suggestions=(self.settings.scale("lr", 0.3, self.context.last(Role.LR)), "use GELU, SwiGLU or leaky ReLU"),
            onset_step=self._onsets["dead"],
        )

    def _tell(self, severity: Severity, message: str, measured: tuple[str, float, float], key: str) -> Record:
        """An alert about (metric, its value, the least that is usual)."""
        name, value, expected = measured
        return self.found(
            severity,
            message,
            metric=name,
            value=value,
            expected=(expected, None),
            suggestions=(
                "check that the parameters require gradients and that nothing detaches the loss",
                "add normalisation or residual connections, or initialise with a larger gain",
                self.settings.put("precision", "bf16", "fp16 rounds small gradients to 0"),
            ),
            onset_step=self._onsets[key],
        )

    def _lasts(self, key: str, holds: bool, needed: int) -> bool:
        """Count how long a condition has held; whether that is long enough."""
        if not holds:
            self._runs.pop(key, None)
            return False
        if key not in self._runs:
            self._onsets[key] = self.context.record.step
        self._runs[key] = self._runs.get(key, 0) + 1
        return self._runs[key] >= needed
