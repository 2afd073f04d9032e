"""What a detector is, and how an alert is written. A new one is one class in one file and one yaml."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from aurl.anomaly.settings import Settings
from aurl.anomaly.statistics.blocks import Blocks
from aurl.anomaly.statistics.context import Context
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.errors import ConfigError
from aurl.record import Json, Kind, Record, Severity

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

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027  a detector without memory
        """Take back what `state_dict` gave."""


class Rule(Detector):
    """A detector that reads the statistics all detectors share, and keeps little of its own.

    Attributes:
        context: metrics and their statistics; `Watch` gives all rules with the same window the same one.
        settings: the run's configuration, for advice.
        type: the anomaly type it tells.
        kinds: the records it looks at.
        needs: roles of metrics; a record with none of them is passed over. Empty for any record.
        by_stretches: whether it need not look at each training loss, but only when a stretch of eight is over, see
            `Context.stretch_ended`.
        memory: names of the attributes to save: JSON values, or parts with a `state_dict` of their own.
    """

    type: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.STEP, Kind.EPOCH})
    needs: ClassVar[frozenset[Role]] = frozenset()
    by_stretches: ClassVar[bool] = False
    memory: ClassVar[tuple[str, ...]] = ()
    window: int = 96

    def __init__(self) -> None:
        self.context = Context(self.window)
        self.settings = Settings()

    @abstractmethod
    def look(self, record: Record) -> Iterable[Record]:
        """The alerts that the record, already in `context`, gives rise to."""

    def wants(self, record: Record) -> bool:
        """Whether records with this one's kind and metrics, already in `context`, are worth a look."""
        return record.kind in self.kinds and (not self.needs or any(self.context.has(role) for role in self.needs))

    def observe(self, record: Record) -> Iterable[Record]:
        self.context.update(record)
        return self.look(record) if self.wants(record) else ()

    def state_dict(self) -> dict[str, Json]:
        values = {name: getattr(self, name) for name in self.memory}
        return {name: value.state_dict() if hasattr(value, "state_dict") else value for name, value in values.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in self.memory:
            if name in state:
                part = getattr(self, name)
                if hasattr(part, "load_state_dict"):
                    part.load_state_dict(state[name])
                else:
                    setattr(self, name, state[name])

    def settle_blocks(self, blocks: Blocks, curve: Curve, coarse_size: int = 1) -> bool:
        """Begin a rule's blocks anew where the metric did; True then. In a log of epochs, make them small at first."""
        anew = blocks.era != curve.era
        if anew:
            blocks.restart()
            blocks.era = curve.era
        if self.context.coarse and not blocks.seen and blocks.size != coarse_size:
            blocks.size = blocks.width = coarse_size
        return anew

    def pull(self, blocks: Blocks, curve: Curve) -> bool:
        """Fill a block from the metric's trail, if the last value ends one; whether it did.

        A rule by stretches asks where eight values are over, so blocks hold a multiple of eight, or one or three of a
        log of epochs, each of which is asked for.
        """
        return curve.seen % blocks.size == 0 and blocks.fill(curve.trail)

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
            suggestions=suggestions,
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
    if not fine:
        raise ConfigError(f"anomaly.{key}={value}: allowed is {allowed}")


def grade(size: float, *, warning: float, critical: float = float("inf"), fatal: float = float("inf")) -> Severity:
    """The severity of an effect of this size; info below `warning`."""
    if size >= fatal:
        return Severity.FATAL
    if size >= critical:
        return Severity.CRITICAL
    return Severity.WARNING if size >= warning else Severity.INFO
