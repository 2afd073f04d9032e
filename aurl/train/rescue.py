"""`anomaly.policy=recover` in the loop: notices skipped steps and grave alerts, and takes the run back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurl.train.ending import Ending
from aurl.train.recovery import Recovery, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from aurl.train.loop import Loop

_OTHER_ORDER = 7919  # added to the seed of the data at each rollback; a prime, so that seeds of a sweep do not meet


class Rescue:
    """Acts on one loop as `Recovery` decides; every action is a NOTE record of the module `recovery`."""

    def __init__(self, loop: Loop, recovery: Recovery) -> None:
        self.loop = loop
        self.recovery = recovery
        self._verdicts: list[tuple[int, str, Tensor]] = []
        loop.engine.guard()

    def before_step(self) -> None:
        """Set the learning rate's scale for the step to come."""
        self.loop.engine.lr_scale = self.recovery.lr_scale(self.loop.step, self.loop.total_steps)

    def after_step(self, metrics: dict[str, Tensor]) -> Ending | None:
        """Look at the step before this one, whose verdict is on the host by now, and at the alerts since.

        Returns:
            How the run ends, where nothing helps any more.
        """
        found = self._skips()
        self._verdicts = [(self.loop.step, name, value) for name, value in metrics.items() if "/skipped" in name]
        for alert in self.loop.monitor.take_alerts():
            found = found or self.recovery.alerted(alert)
        if found is None:
            return None
        return self._stop(found) if found.action == "stop" else self._roll_back(found)

    def reseed(self) -> None:
        """Give the data the order that belongs to the number of rollbacks so far."""
        loop = self.loop
        seed = loop.seed + _OTHER_ORDER * self.recovery.rollbacks
        loop.loader = loop.data.train_loader(seed, loop.engine.rank, loop.engine.world)

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

    def _roll_back(self, verdict: Verdict) -> Ending | None:
        loop, recovery = self.loop, self.recovery
        target = self._last_before(verdict.onset)
        if target is None:
            return self._stop(verdict._replace(reason=f"{verdict.reason}; no checkpoint from before it to go back to"))
        left, memory = loop.step, recovery.state_dict()
        loop.load(target)
        loop.monitor.rewind(loop.step)
        recovery.load_state_dict(memory)
        recovery.rolled_back(loop.step)
        loop.checkpointer.forget_after(loop.step)
        self.reseed()
        self._verdicts = []
        loop.moved = True
        self._note(
            f"rolled back from step {left} to {loop.step} ({verdict.reason}); the learning rate begins at "
            f"{recovery.lr_factor:g} of its plan, the data come in another order",
            action="rollback",
            resumed_from=loop.step,
        )
        return None

    def _last_before(self, onset: int) -> Path | None:
        saved = {int(path.name.removeprefix("step_")): path for path in self.loop.checkpointer.saved()}
        before = [step for step in saved if step < onset]
        healthy = [step for step in before if step < onset - self.recovery.healthy_steps]
        return saved[max(healthy or before)] if before else None

    def _stop(self, verdict: Verdict) -> Ending:
        self._note(f"gave up: {verdict.reason}", action="stop")
        return Ending("stopped", f"anomaly policy recover: {verdict.reason}")

    def _note(self, message: str, **fields: str | int) -> None:
        self.loop.monitor.note(message, level="warning", module="recovery", **fields)
