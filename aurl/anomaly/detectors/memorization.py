"""`memorization`: generated samples copy the training set."""

from __future__ import annotations

from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.blocks import median
from aurl.anomaly.statistics.roles import Role
from aurl.anomaly.statistics.rounds import Rounds
from aurl.record import Kind, Record

_INFO, _WARNING, _CRITICAL = 0.3, 0.5, 0.8


class Memorization(Rule):
    """The share of a sample that occurs in the training set (`quality/copied_fraction`), averaged over each step.

    The median of the last three rounds: an info from 30 %, a warning from 50 %, critical from 80 %, for `confirm`
    rounds less one. Pieces held out copy 1 % and an order-3 Markov chain 69 %, so half is no accident.

    Args:
        confirm: rounds of samples in a row, at least 1; one less than `anomaly.confirm`.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "memorization"
    kinds = frozenset({Kind.QUALITY, Kind.EVAL, Kind.EPOCH, Kind.STEP})
    memory = ("_rounds", "_high", "_onset")

    def __init__(self, *, confirm: int = 3, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 2, "2 or more for memorization")
        self.confirm = confirm - 1
        self._rounds = Rounds()
        self._high = self._onset = 0

    def wants(self, record: Record) -> bool:
        # A record without a score may still end a round; one at each step would be too often.
        return record.kind in self.kinds and (record.kind is not Kind.STEP or self.context.has(Role.COPIED))

    def look(self, record: Record) -> Iterable[Record]:
        if not self._rounds.push(record.step, self.context.value(Role.COPIED)):
            return ()
        now = median(self._rounds.means[-3:])
        if now < min(0.9, self.scale * _INFO):
            self._high = 0
            return ()
        self._high += 1
        if self._high == 1:
            self._onset = self._rounds.steps[-1]
        return (self._tell(now),) if self._high >= self.confirm else ()

    def _tell(self, now: float) -> Record:
        settings = self.settings
        dropout = settings.value("dropout")
        name = self.context.main.get(Role.COPIED, "quality/copied_fraction")
        return self.found(
            grade(now, warning=min(0.95, self.scale * _WARNING), critical=_CRITICAL),
            f"{100 * now:.0f} % of what the samples hold is copied from the training set",
            metric=name,
            value=now,
            expected=(0.0, _INFO),
            suggestions=(
                "stop earlier: take a checkpoint from before this rise",
                settings.put("dropout", round(min(0.5, (dropout or 0.0) + 0.1), 2)),
                settings.scale("weight_decay", 3.0),
                "more data or augmentation",
            ),
            onset_step=self._onset,
        )
