"""What a detector is, and how an alert is written. A new one is one class in one file and one yaml."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from aurl import errors
from aurl.anomaly.settings import Settings
from aurl.anomaly.statistics.blocks import Blocks
from aurl.anomaly.statistics.context import Context
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.memory import Remembers
from aurl.anomaly.statistics.roles import Role
from aurl.record import Json, Kind, Record, Severity

_USUAL_Z = 5.0
POLICIES = ("observe", "warn", "recover", "stop")


class Detector(ABC):
    """Watches records, one at a time, on the training thread: O(1) work and memory for each."""

    @abstractmethod
    def observe(self, record: Record) -> Iterable[Record]:
        """The alerts that this record gives rise to, mostly none.

        A detector says what it sees each time that it sees it; `aurl.anomaly.watch` makes episodes of that.
        """

    def state_dict(self) -> dict[str, Json]:
        """What a resumed run needs to go on as if never stopped; JSON values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027  a detector without memory
        """Take back what `state_dict` gave."""


class Rule(Remembers, Detector):
    """A detector that reads the statistics all detectors share, and keeps little of its own.

    It overrides what it wants to be asked: `look` for each record, `look_closer` where something stands out, `block`
    for every sixteen training losses, `evaluated` for each validation loss; and answers with what it `found`. The
    statistics in `context` always include the record in hand.

    Attributes:
        context: metrics and their statistics; `Watch` gives all rules with the same window the same one.
        settings: the run's configuration, for advice.
        zscore: how far from usual something must be; 5 is what all other figures are made for.
        scale: `zscore` in units of that, 0.6 for 3: what multiplies an effect that is worth telling.
        type: the anomaly type it tells.
        kinds: the records it looks at.
        needs: roles of metrics; a record with none of them is passed over. Empty for any record.
        block_size: training losses in a block; `epochs_in_block` in a log of epochs.
        blocks: the medians of the blocks so far, for a rule with `block`.
        following: whether `look_closer` is asked about each record for now, as something is being followed up.
        memory: names of the attributes to save: JSON values, or parts with a `state_dict` of their own.
    """

    type: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.STEP, Kind.EPOCH})
    needs: ClassVar[frozenset[Role]] = frozenset()
    block_size: ClassVar[int] = 16
    epochs_in_block: ClassVar[int] = 1
    window: int = 96

    def __init__(self, zscore: float = 5.0) -> None:
        require("zscore", zscore, zscore > 0, "a number above 0")
        self.zscore, self.scale = zscore, zscore / _USUAL_Z
        self.context = Context(self.window)
        self.settings = Settings()
        self.blocks = Blocks(self.block_size)

    def look(self, record: Record) -> Iterable[Record]:
        """The alerts that the record, already in `context`, gives rise to."""
        return ()

    def look_closer(self, record: Record) -> Iterable[Record]:
        """The same, asked only where a metric of training is not near its level, or while `following`."""
        return ()

    def block(self, curve: Curve) -> Iterable[Record]:
        """The alerts at the end of a block of training losses, whose median is `blocks.last`."""
        return ()

    def evaluated(self, loss: float) -> Iterable[Record]:
        """The alerts that a validation loss above 0 gives rise to."""
        return ()

    def forget(self) -> None:
        """The training loss began anew: what was remembered of its blocks is of another curve."""

    @property
    def following(self) -> bool:
        return False

    def wants(self, record: Record) -> bool:
        """Whether records with this one's kind and metrics, already in `context`, are worth a look."""
        return record.kind in self.kinds and (not self.needs or any(self.context.has(role) for role in self.needs))

    def overrides(self, hook: str) -> bool:
        """Whether the class has its own method of this name."""
        return getattr(type(self), hook) is not getattr(Rule, hook)

    def observe(self, record: Record) -> Iterable[Record]:
        context = self.context
        context.update(record)
        if not self.wants(record):
            return []
        found = list(self.look(record))
        if not context.quiet or self.following:
            found += self.look_closer(record)
        if context.stretch_ended:
            found += self.next_block()
        if context.validation is not None:
            found += self.evaluated(context.validation)
        return found

    def state_dict(self) -> dict[str, Json]:
        state = super().state_dict()
        return state | {"blocks": self.blocks.state_dict()} if self.overrides("block") else state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        if "blocks" in state:
            self.blocks.load_state_dict(state["blocks"])

    def next_block(self) -> Iterable[Record]:
        """Ask about a block, if the last eight training losses, or the last epoch, complete one."""
        curve, blocks = self.context.training_loss, self.blocks
        if curve is None:
            return ()
        size = self.epochs_in_block if self.context.coarse else max(self.block_size // self.context.sparseness, 1)
        if blocks.era != curve.era or blocks.size != size:
            if blocks.seen:
                self.forget()
            blocks.restart(size)
            blocks.era = curve.era
        return self.block(curve) if curve.seen % blocks.size == 0 and blocks.fill(curve.trail) else ()

    def found(
        self,
        severity: Severity,
        message: str,
        *,
        metric: str,
        value: float,
        expected: tuple[float | None, float | None] = (None, None),
        suggestions: Sequence[str] = (),
        evidence: Sequence[str] = (),
        onset_step: int | None = None,
        hold: int = 0,
    ) -> Record:
        """An alert of this rule's type about the record in hand.

        Args:
            hold: looks for which it stays true without being told again, for rules that do not judge every record.
        """
        return alert(
            self.context.record,
            self.type,
            severity,
            message,
            metric=metric,
            value=value,
            expected=expected,
            suggestions=[said for said in suggestions if said],
            evidence=evidence,
            onset_step=onset_step,
            hold=hold,
        )


def alert(
    cause_record: Record,
    type: str,
    severity: Severity,
    message: str,
    *,
    metric: str,
    value: float,
    expected: tuple[float | None, float | None] = (None, None),
    suggestions: Sequence[str] = (),
    detector: str = "",
    cause: str | None = None,
    onset_step: int | None = None,
    count: int = 1,
    evidence: Sequence[str] = (),
    hold: int = 0,
) -> Record:
    """An ALERT record at the step and time of the record that caused it.

    Args:
        type: one of the anomaly types of the design, such as `nan_values`.
        expected: the range that would have been normal; None for an open end.
        count: how often this has happened since the last report.
        evidence: the figures that led to it, phrases.
        hold: looks for which the detector need not tell it again for it to be still true; for `Watch`, not written.
    """
    fields: dict[str, Json] = {
        "type": type,
        "severity": severity.value,
        "metric": metric,
        "value": value,
        "expected": list(expected),
        "message": message,
        "cause": cause,
        "suggestions": list(suggestions),
        "detector": detector or type,
        "onset_step": cause_record.step if onset_step is None else onset_step,
        "count": count,
        "evidence": list(evidence),
    }
    if hold:
        fields["hold"] = hold
    return Record(Kind.ALERT, cause_record.step, fields=fields, time=cause_record.time)


def require(key: str, value: float, fine: bool, allowed: str) -> None:
    """Refuse a setting that makes no sense.

    Raises:
        ConfigError: `fine` is not true.
    """
    errors.require(f"anomaly.{key}", value, fine, allowed)


def grade(size: float, *, warning: float, critical: float = float("inf"), fatal: float = float("inf")) -> Severity:
    """The severity of an effect of this size; info below `warning`."""
    if size >= fatal:
        return Severity.FATAL
    if size >= critical:
        return Severity.CRITICAL
    return Severity.WARNING if size >= warning else Severity.INFO
