"""`discriminator_domination`: the discriminator tells everything apart and teaches the generator nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.roles import Role, words
from aurl.record import Record, Severity
from aurl.show.wording import counted

_JUDGED, _JUDGE_LOSS = Role.DISCRIMINATOR_ACCURACY, Role.DISCRIMINATOR_LOSS
_PLAYERS = re.compile(
    r"^(d|dis|disc\w*|critic|net|netd|g|gen|generator|netg|adv\w*|gan|loss\w*|err\w*|cost|train|total)$"
)
_ACCURACY = 0.97
_ACCURACY_HOLD = 40
_LOSS_FALLEN = 0.1  # of its level in the beginning
_LOSS_RISEN = 1.5
_REFERENCE = 30  # observations that make the levels of the beginning
_LOSS_HOLD = 40
_CHANCE, _CHANCE_MARGIN = math.log(2.0), 0.01
_EVERY = 8  # looks between two at the losses' levels, which move slowly
_COARSE = 8  # an epoch counts for so many observations


class DiscriminatorDomination(Rule):
    """The discriminator's accuracy, or both losses against those of the beginning.

    A warning when its accuracy stays above 97 % for 40 observations while the generator is trained against it; or when
    the median of its loss stays below a tenth of what it began with, and the generator's above 1.5 times, for 40.
    Critical after ten times as long. Both losses at ln 2 for 40 observations, so that the discriminator only guesses,
    are an info.

    Args:
        warmup: observations before anything is told, at least 2.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "discriminator_domination"
    needs = frozenset({Role.DISCRIMINATOR_ACCURACY, Role.DISCRIMINATOR_LOSS})
    memory = ("_runs", "_onsets", "_references", "_judge_seen", "_looks")

    def __init__(self, *, warmup: int = 16, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("warmup", warmup, warmup >= 2, "2 or more")
        self.warmup = warmup
        self._runs: dict[str, int] = {}
        self._onsets: dict[str, int] = {}
        self._references: dict[str, list[float]] = {}  # levels of both losses in the beginning, by discriminator
        self._judge_seen = self._looks = 0

    def look(self, record: Record) -> Iterable[Record]:
        context = self.context
        found: list[Record] = []
        accuracy = context.value(_JUDGED)
        if accuracy is not None:
            self._judge_seen += 1
            if accuracy > _ACCURACY or "accuracy" in self._runs:
                found += self._accuracy(accuracy)
        self._looks += 1
        if self._looks % self._every() == 0 and context.has(_JUDGE_LOSS) and context.has(Role.GENERATOR_LOSS):
            found += self._losses()
        return found

    def _accuracy(self, accuracy: float) -> Iterable[Record]:
        trained = self.context.has(Role.GENERATOR_LOSS) or not self.context.has(Role.LOSS)
        if self._judge_seen > self.warmup and self._lasts("accuracy", accuracy > _ACCURACY and trained, _ACCURACY_HOLD):
            name = self.context.name(Role.DISCRIMINATOR_ACCURACY)
            message = f"{name} has been above {100 * _ACCURACY:.0f} % for {counted(self._runs['accuracy'], 'step')}"
            yield self._tell("accuracy", message, name, accuracy, (None, _ACCURACY))

    def _losses(self) -> Iterable[Record]:
        for judge, maker in self._pairs():
            yield from self._pair(judge, maker)

    def _pairs(self) -> list[tuple[str, str]]:
        """Each discriminator with the generator that it judges: G_A with D_A; any with the only one there is."""
        makers = self.context.names(Role.GENERATOR_LOSS)
        named = {_player(name): name for name in reversed(makers)}
        judges = self.context.names(_JUDGE_LOSS)
        return [
            (name, named.get(_player(name), makers[0])) for name in judges if _player(name) in named or len(makers) == 1
        ]

    def _pair(self, judged: str, made: str) -> Iterable[Record]:
        judge, maker = self.context.statistics(judged), self.context.statistics(made)
        if judge is None or maker is None or judge.unit is not None or maker.unit is not None:
            return  # not positive: losses of Wasserstein or hinge type have no such levels
        if judged not in self._references:
            if min(judge.seen, maker.seen) >= _REFERENCE:
                self._references[judged] = [judge.level, maker.level]
            return
        before, made_before = self._references[judged]
        beaten = judge.level < before + math.log(_LOSS_FALLEN) / self.scale
        worse = maker.level > made_before + self.scale * math.log(_LOSS_RISEN)
        if self._lasts(f"losses {judged}", beaten and worse, _LOSS_HOLD):
            message = (
                f"{judge.name} fell to {judge.usual:.3g} and {maker.name} rose to {maker.usual:.3g}: the discriminator "
                "has won"
            )
            low = judge.show(before) * _LOSS_FALLEN
            yield self._tell(f"losses {judged}", message, judge.name, judge.value, (low, None))
        guesses = all(abs(curve.usual - _CHANCE) < _CHANCE_MARGIN for curve in (judge, maker))
        if self._lasts(f"guesses {judged}", guesses, _LOSS_HOLD):
            message = f"{judge.name} and {maker.name} stay at ln 2: the discriminator guesses"
            yield self._tell(f"guesses {judged}", message, judge.name, judge.value, (None, None))

    def _tell(
        self, key: str, message: str, metric: str, value: float, expected: tuple[float | None, float | None]
    ) -> Record:
        severity = Severity.CRITICAL if self._runs[key] >= 10 * _LOSS_HOLD else Severity.WARNING
        settings = self.settings
        lr = settings.value("discriminator_lr") or settings.value("lr") or self.context.last(Role.LR)
        advice: tuple[str, ...] = (
            settings.scale("discriminator_lr", 0.3, lr),
            settings.scale("adversarial_weight", 0.5),
            "smooth the real labels, or add noise to the discriminator's input",
        )
        if key.startswith("guesses"):
            severity = Severity.INFO
            advice = (settings.scale("discriminator_lr", 3.0, lr),)
        return self.found(
            severity,
            message,
            metric=metric,
            value=value,
            expected=expected,
            suggestions=advice,
            onset_step=self._onsets[key],
        )

    def _every(self) -> int:
        return 1 if self.context.coarse or self.context.sparseness > 1 else _EVERY

    def _lasts(self, key: str, holds: bool, needed: int) -> bool:
        if not holds:
            self._runs.pop(key, None)
            return False
        if key not in self._runs:
            self._onsets[key] = self.context.record.step
        looks = 1 if key == "accuracy" else self._every()
        worth = _COARSE if self.context.coarse else min(_COARSE, self.context.worth)
        self._runs[key] = self._runs.get(key, 0) + int(looks * worth)
        return self._runs[key] >= needed


def _player(name: str) -> str:
    """What a loss of a GAN is called besides what all are: `a` of D_A and G_A."""
    return " ".join(word for word in words(name) if not _PLAYERS.match(word))
