"""`mode_collapse`: the generator makes the same few things."""

from __future__ import annotations

from collections.abc import Iterable

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.blocks import Blocks, median
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind, Record, Severity

_BLOCK = 8
_BLOCKS_LOW = 2
_MIN_BLOCKS = 5
_FALLEN, _CRITICAL = 0.5, 0.75  # share of the diversity that is lost
_SAME = 2  # rounds of identical samples in a row
_ROUND = 3  # samples that make a round
_FEW_NOTES = 4
_LOOKS = ("sample/notes", "sample/bars", "sample/seconds")


class ModeCollapse(Rule):
    """A logged diversity (distinct samples, modes covered, spread), and the samples themselves.

    A warning when two blocks of eight diversities lie below half of the median of all earlier blocks, critical below a
    quarter; or when all samples of a round, three at least, have the same notes twice in a row, and earlier ones had
    not. Which notes they are is told by the `digest` of a SAMPLE record, else by how many, how long and how many bars.

    Args:
        warmup: diversities before anything is told, at least 2.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "mode_collapse"
    kinds = frozenset({Kind.STEP, Kind.EPOCH, Kind.EVAL, Kind.SAMPLE, Kind.QUALITY})
    memory = ("_diversities", "_low", "_onset", "_round", "_round_step", "_same", "_varied", "_past", "_seen")

    def __init__(self, *, warmup: int = 16, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("warmup", warmup, warmup >= 2, "2 or more")
        self.warmup = warmup
        self._diversities = Blocks(_BLOCK)
        self._past: list[float] = []
        self._low = self._onset = self._seen = 0
        self._round: list[str] = []  # what the samples of the step in hand look like
        self._round_step = -1
        self._same = 0
        self._varied = False

    def wants(self, record: Record) -> bool:
        return record.kind is Kind.SAMPLE or (record.kind in self.kinds and self.context.has(Role.DIVERSITY))

    def look(self, record: Record) -> Iterable[Record]:
        if record.kind is Kind.SAMPLE:
            return self._sample(record)
        value = self.context.value(Role.DIVERSITY)
        if value is None or value < 0:
            return ()
        if record.kind is not Kind.STEP and self._diversities.size == _BLOCK and not self._seen:
            self._diversities = Blocks(1)
        self._seen += 1
        return self._diversity(value, record) if self._diversities.push(value) else ()

    def _diversity(self, value: float, record: Record) -> Iterable[Record]:
        past, now = self._past, self._diversities.last
        usual = median(past) if len(past) >= _MIN_BLOCKS else 0.0
        lost = 1.0 - now / usual if usual > 0 else 0.0
        if lost <= min(0.9, self.scale * _FALLEN):
            self._past, self._low = [*past[-63:], now], 0
            return ()
        self._low += 1
        if self._low == 1:
            self._onset = record.step
        if self._low < _BLOCKS_LOW or self._seen <= self.warmup:
            return ()
        name = self.context.name(Role.DIVERSITY)
        message = f"{name} fell to {now:.3g}, from {usual:.3g}: the generator repeats itself"
        severity = grade(lost, warning=0.0, critical=_CRITICAL)
        return (self._tell(severity, message, (name, value, usual * _FALLEN), self._onset),)

    def _sample(self, record: Record) -> Iterable[Record]:
        scalars = record.scalars
        if record.step != self._round_step or not self._round:
            self._close_round()
            self._round_step = record.step
        look = record.fields.get("digest") or "/".join(f"{scalars.get(name, 0.0):.6g}" for name in _LOOKS)
        self._round = [*self._round[-31:], str(look)]
        if scalars.get("sample/notes", 0.0) < _FEW_NOTES:
            self._same = 0  # a model that cannot play yet
            return ()
        if len(self._round) < _ROUND or len(set(self._round)) > 1 or self._same < _SAME - 1 or not self._varied:
            return ()
        count = f"{len(self._round)} samples of step {record.step} and those of the round before are alike"
        notes = scalars.get("sample/notes", 0.0)
        return (self._tell(Severity.WARNING, f"all {count}", ("sample/notes", notes, None), record.step),)

    def _close_round(self) -> None:
        if len(self._round) >= _ROUND:
            alike = len(set(self._round)) == 1
            self._same = self._same + 1 if alike else 0
            self._varied = self._varied or not alike
        self._round = []

    def _tell(self, severity: Severity, message: str, seen: tuple[str, float, float | None], onset: int) -> Record:
        name, value, low = seen
        settings = self.settings
        lr = settings.value("discriminator_lr") or settings.value("lr") or self.context.last(Role.LR)
        return self.found(
            severity,
            message,
            metric=name,
            value=value,
            expected=(low, None),
            suggestions=(
                settings.scale("lr", 0.3, lr, "the generator outruns the discriminator"),
                settings.scale("adversarial_weight", 0.5),
                "go back to a checkpoint from before the collapse: it rarely heals",
            ),
            onset_step=onset,
        )
