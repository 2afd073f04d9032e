"""When further training no longer helps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aurl.errors import ConfigError
from aurl.record import Json
from aurl.scalars import describe
from aurl.train.ending import Ending
from aurl.train.part import Part

Direction = Literal["auto", "min", "max"]


class EarlyStopping(Part):
    """Stops a run when none of its metrics has improved for a number of evaluations.

    Args:
        metrics: scalar names, where the direction that `aurl.scalars` calls better is not known or not meant with
            `:min` or `:max` behind it: `["val/loss/total", "my/score:max"]`. A metric that an evaluation lacks, or that
            is not finite, counts as not improved.
        patience: evaluations without any improvement that are let pass; null never stops.
        min_delta: an improvement must be larger than this, in the metric's unit.

    Raises:
        ConfigError: an unknown direction, or none for a metric without a better one.
    """

    def __init__(
        self, *, metrics: Sequence[str] = ("val/loss/total",), patience: int | None = None, min_delta: float = 0.0
    ) -> None:
        if patience is not None and patience < 1:
            raise ConfigError(f"trainer.early_stopping.patience={patience}: needs at least 1, or null to never stop")
        if min_delta < 0:
            raise ConfigError(f"trainer.early_stopping.min_delta={min_delta}: needs 0 or more")
        parts = [text.partition(":") for text in metrics]
        self.signs = {name: sign(name, direction or "auto") for name, _, direction in parts}
        self.patience, self.min_delta = patience, min_delta
        self.wants = tuple(self.signs)
        self._best: dict[str, float] = {}
        self._waited = 0

    def update(self, scalars: Mapping[str, float]) -> str | None:
        """Take one evaluation; the reason to stop, or None to go on."""
        improved = [name for name in self.signs if self._improves(name, scalars.get(name, math.nan))]
        self._waited = 0 if improved else self._waited + 1
        if self.patience is None or self._waited < self.patience or not self.signs:
            return None
        best = ", ".join(f"{name} {value:.4g}" for name, value in self._best.items())
        return f"no improvement in {self._waited} evaluations (best: {best or 'none'})"

    def at_step_end(self, evaluated: bool) -> Ending | None:
        reason = self.update(self.training.progress.scalars) if evaluated else None
        return Ending("done", f"early stopping: {reason}") if reason else None

    def state_dict(self) -> dict[str, Json]:
        return {"best": dict(self._best), "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._best, self._waited = dict(state["best"]), int(state["waited"])

    def _improves(self, name: str, value: float) -> bool:
        if not math.isfinite(value):
            return False
        if name in self._best and (value - self._best[name]) * self.signs[name] <= self.min_delta:
            return False
        self._best[name] = value
        return True


def sign(metric: str, direction: str) -> int:
    """+1 where larger is better, -1 where smaller is.

    Raises:
        ConfigError: not min, max or auto, or auto for a metric whose better direction is not known.
    """
    if direction == "auto":
        direction = {"lower": "min", "higher": "max"}.get(describe(metric).better, "unknown")
    if direction not in {"min", "max"}:
        raise ConfigError(f"metric {metric}: direction '{direction}' is not one of min, max; say which is better")
    return 1 if direction == "max" else -1
