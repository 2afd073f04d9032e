"""`anomaly.policy=recover` in the loop: notices skipped steps and grave alerts, and asks to go back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from aurl.anomaly.recovery import Recovery, Verdict
from aurl.errors import ConfigError
from aurl.record import Json
from aurl.train.checkpointer import Checkpointer
from aurl.train.ending import Ending
from aurl.train.part import GoBack, Part, Training


class Rescue(Part):
    """Acts as `Recovery` decides; every action is a NOTE record of the module `recovery`."""

    def __init__(self, recovery: Recovery) -> None:
        self.recovery = recovery
        self._verdicts: list[tuple[int, str, Tensor]] = []
        self._memory: dict[str, Json] = {}  # of the decision to go back, which what is loaded must not undo

    def begin(self, training: Training) -> None:
        super().begin(training)
        found = [part for part in training.parts.values() if isinstance(part, Checkpointer)]
        if not found:
            raise ConfigError("anomaly.policy=recover: needs checkpoints to go back to")
        self._checkpoints = found[0]
        training.engine.guard()

    def before_step(self, batches: int) -> None:
        """Set the learning rate's scale for the step to come."""
        self.training.engine.lr_scale = self.recovery.lr_scale(self.training.step, self.training.total_steps)

    def after_step(self, metrics: Mapping[str, Any]) -> Ending | GoBack | None:
        """Look at the step before this one, whose verdict is on the host by now, and at the alerts since."""
        found = self._skips()
        self._verdicts = [(self.training.step, name, value) for name, value in metrics.items() if "/skipped" in name]
        for alert in self.training.monitor.take_alerts():
            found = found or self.recovery.alerted(alert)
        if found is None:
            return None
        target = self._last_before(found.onset)
        if found.action == "stop":
            return self._stop(found.reason)
        if target is None:
            return self._stop(f"{found.reason}; no checkpoint from before it to go back to")
        self._memory = self.recovery.state_dict()
        return GoBack(target, found.reason)

    def restored(self, folder: Path) -> None:
        """Give the data the order that belongs to the number of rollbacks so far."""
        self.training.reorder(self.recovery.rollbacks)

    def went_back(self, left: int, why: GoBack) -> None:
        """Remember that the run was here before, and say so."""
        step = self.training.step
        self.recovery.load_state_dict(self._memory)
        self.recovery.rolled_back(step)
        self.training.reorder(self.recovery.rollbacks)
        self._verdicts = []
        self._note(
            f"rolled back from step {left} to {step} ({why.reason}); the learning rate begins at "
            f"{self.recovery.lr_factor:g} of its plan, the data come in another order",
            action="rollback",
            resumed_from=step,
        )

    def state_dict(self) -> dict[str, Json]:
        return self.recovery.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.recovery.load_state_dict(state)

    def _skips(self) -> Verdict | None:
        found = None
        for step, name, value in self._verdicts:
            if float(value):
                norm = name.replace("skipped", "norm")
                self._note(
                    f"step {step} left the weights alone: its {norm} was an outlier or not finite", action="skip"
                )
                found = found or self.recovery.skipped(step)
        return found

    def _last_before(self, onset: int) -> Path | None:
        saved = {int(path.name.removeprefix("step_")): path for path in self._checkpoints.saved()}
        before = [step for step in saved if step < onset]
        healthy = [step for step in before if step < onset - self.recovery.healthy_steps]
        return saved[max(healthy or before)] if before else None

    def _stop(self, reason: str) -> Ending:
        self._note(f"gave up: {reason}", action="stop")
        return Ending("stopped", f"anomaly policy recover: {reason}")

    def _note(self, message: str, **fields: str | int) -> None:
        self.training.monitor.note(message, level="warning", module="recovery", **fields)
