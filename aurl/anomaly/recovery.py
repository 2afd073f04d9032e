"""What a run does about its own trouble under `anomaly.policy=recover`: skip, roll back, or stop."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from aurl.errors import require
from aurl.record import Json, Record, Severity

_WINDOW = 100
_REGAIN_PART = 10  # of the planned steps: a short run cannot spend half of what is left at a lower rate


class Verdict(NamedTuple):
    """What to do after a step.

    Attributes:
        action: `rollback` or `stop`.
        reason: why, for people.
        onset: the step before which all was well.
    """

    action: str
    reason: str
    onset: int


class Recovery:
    """Decides after each step whether to go on, to go back to a good checkpoint, or to give up.

    Single broken or outlying gradients are skipped by `aurl.train.gate` before they do harm. When `max_skips` of the
    last 100 steps were skipped, or a fatal alert or critical divergence comes, the run goes back to the last checkpoint
    from `healthy_steps` before the trouble (or nearer, where there is none), with another order of the data, and a
    learning rate that begins at `lr_factor` and regains its plan within `regain_steps`, or a tenth of the whole run
    where that is less. After `max_rollbacks` it stops, with exit code 3.

    Args:
        max_skips: steps in 100, >= 1.
        max_rollbacks: in the whole run, >= 0.
        lr_factor: in (0, 1].
        regain_steps: >= 0.
        healthy_steps: that a checkpoint must be older than what went wrong, >= 0.
    """

    def __init__(
        self,
        *,
        max_skips: int = 3,
        max_rollbacks: int = 3,
        lr_factor: float = 0.5,
        regain_steps: int = 200,
        healthy_steps: int = 5,
    ) -> None:
        require("anomaly.recovery.max_skips", max_skips, max_skips >= 1, "1 or more")
        require("anomaly.recovery.max_rollbacks", max_rollbacks, max_rollbacks >= 0, "0 or more")
        require("anomaly.recovery.lr_factor", lr_factor, 0 < lr_factor <= 1, "a number in (0, 1]")
        require("anomaly.recovery.regain_steps", regain_steps, regain_steps >= 0, "0 or more")
        self.max_skips, self.max_rollbacks = max_skips, max_rollbacks
        require("anomaly.recovery.healthy_steps", healthy_steps, healthy_steps >= 0, "0 or more")
        self.lr_factor, self.regain_steps, self.healthy_steps = lr_factor, regain_steps, healthy_steps
        self.rollbacks = 0
        self.rolled_back_to: int | None = None
        self._skipped: deque[int] = deque()

    def skipped(self, step: int) -> Verdict | None:
        """Take note of a skipped step."""
        self._skipped.append(step)
        while self._skipped[0] <= step - _WINDOW:
            self._skipped.popleft()
        if len(self._skipped) < self.max_skips:
            return None
        onset = self._skipped[0]
        return self._act(f"{len(self._skipped)} steps skipped within {step - onset + 1}", onset)

    def alerted(self, found: Record) -> Verdict | None:
        """Take note of an alert; only what skipping cannot mend leads to more."""
        severity, kind = found.fields.get("severity"), found.fields.get("type")
        grave = severity == Severity.FATAL or (severity == Severity.CRITICAL and kind == "training_divergence")
        if not grave or found.fields.get("status") == "end":
            return None
        onset = found.fields.get("onset_step")
        return self._act(str(found.fields.get("message")), onset if isinstance(onset, int) else found.step)

    def lr_scale(self, step: int, planned: int) -> float:
        """What the planned learning rate is multiplied by, in a run of so many planned steps."""
        within = min(self.regain_steps, planned // _REGAIN_PART)
        if self.rolled_back_to is None or step >= self.rolled_back_to + within:
            return 1.0
        regained = (step - self.rolled_back_to) / within
        return self.lr_factor + (1.0 - self.lr_factor) * max(0.0, regained)

    def rolled_back(self, step: int) -> None:
        """The run stands at this step again."""
        self.rollbacks += 1
        self.rolled_back_to = step
        self._skipped.clear()

    def state_dict(self) -> dict[str, Json]:
        return {
            "rollbacks": self.rollbacks,
            "rolled_back_to": self.rolled_back_to,
            "skipped": list(self._skipped),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.rollbacks, self.rolled_back_to = state["rollbacks"], state["rolled_back_to"]
        self._skipped = deque(state["skipped"])

    def _act(self, reason: str, onset: int) -> Verdict:
        if self.rollbacks >= self.max_rollbacks:
            return Verdict("stop", f"{reason}; {self.rollbacks} rollbacks did not help", onset)
        return Verdict("rollback", reason, onset)
