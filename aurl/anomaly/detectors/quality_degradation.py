"""`quality_degradation`: what the model makes gets worse."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from aurl.anomaly.base import Rule, grade, require
from aurl.anomaly.statistics.blocks import Blocks, median, noise
from aurl.anomaly.statistics.roles import Role
from aurl.anomaly.statistics.rounds import Rounds
from aurl.record import Kind, Record, Severity

_NOW = 3
_FALLEN, _CRITICAL = 0.15, 0.4  # of the best
_NOISES = 3.0
_ROUNDS = 4
_SMALL, _SURE = 0.02, 3.5  # of the best stretch; times the noise
_STRETCH, _FEWEST = 12, 8  # rounds
_MOST = 1e300
_REWARDS, _FEW_REWARDS = 16, 8  # values in a block, blocks
_LOST, _ALL = 0.5, 0.8  # of what was gained


class QualityDegradation(Rule):
    """The musical quality of generated samples against its best.

    The scores of one step are a round: a mean, and its standard error. What is followed is the median of the last
    three means; it must lie low for `confirm` rounds.

    Warning: 15 % and twice its noise below the highest that it was; critical from 40 %.

    Info, where a fall is small but sure: 2 % and 3.5 times the noise below the best stretch, the highest mean of 12
    rounds in a row (of all, from 8 on, while there are fewer) among the 61 before the last three. The noise is the
    standard error of a round, or the standard deviation of the means since that stretch began, whichever is larger: a
    model that wobbles must fall further than it wobbles. A stretch, because the best single round is best by chance.
    While the fall lasts it is compared with the stretch from before it.

    In reinforcement learning the quality is the reward. Block medians of it are compared with the second best of all
    earlier ones: a warning where `confirm` in a row have lost half of what was gained since the run began, a quarter of
    the best and six times their noise; critical from 80 % of the gain.

    Args:
        confirm: rounds of samples, or blocks of rewards, in a row, at least 1.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "quality_degradation"
    kinds = frozenset({Kind.QUALITY, Kind.EVAL, Kind.EPOCH, Kind.STEP})
    memory = (
        "_rewards",
        "_collapsed",
        "_collapsed_since",
        "_rounds",
        "_best",
        "_best_step",
        "_low",
        "_stretch",
        "_small",
        "_since",
    )

    def __init__(self, *, confirm: int = 3, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("confirm", confirm, confirm >= 1, "1 or more")
        self.confirm = confirm
        self._rewards = Blocks(_REWARDS)
        self._collapsed = self._collapsed_since = 0
        self._rounds = Rounds()
        self._best: float | None = None
        self._best_step = self._low = self._small = self._since = 0
        self._stretch: list[float] = []

    def wants(self, record: Record) -> bool:
        # A record without a score may still end a round; one at each step would be too often.
        return record.kind in self.kinds and (record.kind is not Kind.STEP or self._is_scored())

    def _is_scored(self) -> bool:
        return self.context.has(Role.QUALITY) or self.context.has(Role.REWARD)

    def look(self, record: Record) -> Iterable[Record]:
        reward = self.context.value(Role.REWARD)
        if reward is not None:
            return self._reward(max(-_MOST, min(_MOST, reward)))
        value = self.context.value(Role.QUALITY)
        if not self._rounds.push(record.step, value) or len(self._rounds.means) < _ROUNDS:
            return ()
        now = median(self._rounds.means[-_NOW:])
        large, small = self._large_fall(now), self._small_fall(now)
        found = large or small
        return (found,) if found is not None else ()

    def _reward(self, reward: float) -> Iterable[Record]:
        blocks, context = self._rewards, self.context
        size = max(1, _REWARDS // (8 if context.coarse else context.sparseness))
        if not blocks.seen and blocks.size != size:
            blocks.restart(size)
        if not blocks.push(reward) or len(blocks.medians) < _FEW_REWARDS:
            return ()
        past = blocks.medians[: -1 - self._collapsed]
        best, begin = sorted(past)[-2], median(past[:3])
        gained, fallen = best - begin, best - blocks.last
        least = max(_LOST * gained, 0.5 * _LOST * abs(best), 2.0 * _NOISES * noise(past), 1e-9)
        lasting = best - max(blocks.medians[-2:])  # a wide block each, where the run is long
        if len(past) < _FEW_REWARDS - 1 or min(fallen, lasting) <= self.scale * least:
            self._collapsed = 0
            return ()
        self._collapsed = min(self._collapsed + 1, len(blocks.medians) - _FEW_REWARDS)
        if self._collapsed <= 1:
            self._collapsed_since = max(0, context.step - blocks.size * context.gap)
        if self._collapsed < self.confirm:
            return ()
        return (self._collapse(blocks.last, best, fallen > _ALL * max(gained, abs(best))),)

    def _collapse(self, now: float, best: float, whole: bool) -> Record:
        name = self.context.name(Role.REWARD)
        return self.found(
            Severity.CRITICAL if whole else Severity.WARNING,
            f"{name} fell to {now:.4g}, from {best:.4g}: what the policy had learnt is lost",
            metric=name,
            value=now,
            expected=(best - _LOST * abs(best), None),
            suggestions=(
                f"go back to a checkpoint before step {self._collapsed_since}",
                self.settings.scale("lr", 0.3, self.context.last(Role.LR)),
                "smaller updates: a smaller clipping range, fewer epochs on each batch, a target for the KL divergence",
            ),
            onset_step=self._collapsed_since,
        )

    def _large_fall(self, now: float) -> Record | None:
        if self._best is None or now > self._best:
            self._best, self._best_step, self._low = now, self._rounds.steps[-2], 0
            return None
        fallen = self._best - now
        if fallen <= max(_FALLEN * self._best, _NOISES * noise(self._rounds.means[-12:]) / 1.5):
            self._low = 0
            return None
        self._low += 1
        if self._low < self.confirm:
            return None
        share = fallen / self._best if self._best else 1.0
        below = f"{100 * share:.0f} % below its best {self._best:.3f} of step {self._best_step}"
        severity = grade(share, warning=-math.inf, critical=_CRITICAL)
        low = (1.0 - _FALLEN) * self._best
        return self._tell(severity, now, below, low, keep=self._best_step, since=self._best_step)

    def _small_fall(self, now: float) -> Record | None:
        if not self._small:
            self._stretch = _best_stretch(self._rounds)
        if not self._stretch:
            return None
        level, spread, end = self._stretch
        least = max(_SMALL * abs(level), _SURE * spread)
        if level - now <= least:
            self._small = 0
            return None
        self._small += 1
        if self._small == 1:
            self._since = self._rounds.steps[-2]
        if self._small < self.confirm:
            return None
        share = 100 * (level - now) / abs(level) if level else 100.0
        below = f"{share:.1f} % below its best stretch {level:.3f} up to step {end:.0f}, over {_SURE:g} times its noise"
        return self._tell(Severity.INFO, now, below, level - least, keep=int(end), since=self._since)

    def _tell(self, severity: Severity, now: float, below: str, low: float, *, keep: int, since: int) -> Record:
        name = self.context.main.get(Role.QUALITY, "quality/overall")
        return self.found(
            severity,
            f"{name} fell to {now:.3f}, {below}",
            metric=name,
            value=now,
            expected=(low, None),
            suggestions=(
                f"keep the checkpoint of step {keep}",
                self.settings.scale("adversarial_weight", 0.5, why="if the reconstruction suffers too"),
                self.settings.scale("lr", 0.3, self.context.last(Role.LR)),
            ),
            onset_step=since,
        )


def _best_stretch(rounds: Rounds) -> list[float]:
    """Its mean, the noise since it began, and the step of its last round; empty while there are too few rounds."""
    means = rounds.means[:-_NOW]
    if len(means) < _FEWEST:
        return []
    size = min(_STRETCH, len(means))
    levels = [sum(means[at : at + size]) / size for at in range(len(means) - size + 1)]
    first = max(range(len(levels)), key=levels.__getitem__)
    error = math.hypot(*rounds.errors[first:]) / math.sqrt(len(rounds.errors) - first)
    return [levels[first], max(error, _deviation(means[first:])), float(rounds.steps[first + size - 1])]


def _deviation(values: Sequence[float]) -> float:
    """The standard deviation of a sample of two or more."""
    mean = sum(values) / len(values)
    return math.sqrt(sum(min(_MOST, (value - mean) * (value - mean)) for value in values) / (len(values) - 1))
