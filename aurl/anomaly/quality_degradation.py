"""`quality_degradation`: what the model makes gets worse."""

from __future__ import annotations

from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.blocks import median, noise
from aurl.anomaly.roles import Role
from aurl.anomaly.rounds import Rounds
from aurl.record import Kind, Record

_FALLEN, _CRITICAL = 0.15, 0.4  # of the best
_NOISES = 3.0
_ROUNDS = 4


class QualityDegradation(Rule):
    """The musical quality of generated samples against its best.

    Scores of one step are averaged; of these the median of three is followed. It must lie 15 % and three times its
    noise below the best that it was, for `confirm` rounds. A warning; critical from 40 %.

    Args:
        confirm: rounds of samples in a row, at least 1.
    """

    type = "quality_degradation"
    kinds = frozenset({Kind.QUALITY, Kind.EVAL, Kind.EPOCH, Kind.STEP})
    memory = ("_rounds", "_best", "_best_step", "_low")

    def __init__(self, *, confirm: int = 3) -> None:
        super().__init__()
        require("confirm", confirm, confirm >= 1, "1 or more")
        self.confirm = confirm
        self._rounds = Rounds()
        self._best: float | None = None
        self._best_step = self._low = 0

    def wants(self, record: Record) -> bool:
        # A record without a score may still end a round; one at each step would be too often.
        return record.kind in self.kinds and (record.kind is not Kind.STEP or self.context.has(Role.QUALITY))

    def look(self, record: Record) -> Iterable[Record]:
        value = self.context.value(Role.QUALITY)
        if not self._rounds.push(record.step, value) or len(self._rounds.means) < _ROUNDS:
            return ()
        means = self._rounds.means
        now = median(means[-3:])
        if self._best is None or now > self._best:
            self._best, self._best_step, self._low = now, self._rounds.steps[-2], 0
            return ()
        fallen = self._best - now
        if fallen <= max(_FALLEN * self._best, _NOISES * noise(means[-12:]) / 1.5):
            self._low = 0
            return ()
        self._low += 1
        return (self._tell(now, fallen / self._best),) if self._low >= self.confirm else ()

    def _tell(self, now: float, share: float) -> Record:
        assert self._best is not None
        name = self.context.main.get(Role.QUALITY, "quality/overall")
        return self.found(
            grade(share, warning=0.0, critical=_CRITICAL),
            f"{name} fell to {now:.3f}, {100 * share:.0f} % below its best {self._best:.3f} of step {self._best_step}",
            metric=name,
            value=now,
            expected=((1.0 - _FALLEN) * self._best, None),
            suggestions=(
                f"keep the checkpoint of step {self._best_step}",
                self.settings.scale("adversarial_weight", 0.5, why="if the reconstruction suffers too"),
                self.settings.scale("lr", 0.3, self.context.last(Role.LR)),
            ),
            onset_step=self._best_step,
        )
