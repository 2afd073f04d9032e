"""Did learning stop from one moment to the next? A kink in a curve, or a gradient that falls to a fraction at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aurl.anomaly.statistics.blocks import median, noise
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.memory import Remembers
from aurl.anomaly.statistics.trend import fall

_LEAST = 0.03  # fall in log before the kink that is worth a word
_STEADY = 0.35  # share of that fall that each half of it has at least
_SHARE = 0.05
_LEFT = math.log(0.1)
_FLAT = 0.1  # of the fall before: all that is left afterwards
_NOISES = 12.0

_GRADIENT, _UPDATE = math.log(1 / 5), 1 / 10  # a fall to that is a brake
_GRADIENTS, _UPDATES = 8, 3  # observations in a row
_UPDATES_KEPT = 8
_LOSS_KEPT = math.log(1 / 1.5)  # of a loss that falls with the gradient nothing follows
_RATE_KEPT = 0.6
_KEPT = 16
_BLOCKS_NEEDED, _EVALUATIONS_NEEDED = 5, 4
_SLOWED = 0.3


def kinks(values: Sequence[float], size: int, start: float) -> bool:
    """Whether a curve fell steadily over `size` intervals and hardly at all over the last `size` values.

    A curve that flattens smoothly is told apart by its own steadiness: an exponential decay whose two halves before
    the kink differ by less than a factor 1.9 cannot fall to a tenth within as many intervals.

    Args:
        values: logs of a loss, oldest first; False for fewer than `2 * size + 1`.
        size: even.
        start: log of the run's first loss; the fall before the kink must be a twentieth of what was gained since, and a
            tenth of the loss must be left, or it has simply converged.
    """
    if len(values) < 2 * size + 1:
        return False
    before, after = values[-2 * size - 1 : -size], values[-size:]
    fell = before[0] - before[-1]
    halves = before[0] - before[size // 2], before[size // 2] - before[-1]
    if fell < max(_LEAST, _NOISES * noise(values[-2 * size - 1 :])) or min(halves) < _STEADY * fell:
        return False
    gained, last = math.exp(min(start, 700.0)) - math.exp(before[-1]), math.exp(before[0]) - math.exp(before[-1])
    if values[-1] < start + _LEFT:
        return False
    return last > _SHARE * gained and max(after) - min(after) < _FLAT * fell


class Sides(Remembers):
    """Logs of a loss before and after a moment, to see whether it falls more slowly since then.

    Args:
        needed: values on each side, at least 4.
    """

    memory = ("before", "after")

    def __init__(self, needed: int) -> None:
        self.needed = needed
        self.restart()

    def restart(self) -> None:
        """Begin anew, before the moment."""
        self.before: list[float] = []
        self.after: list[float] | None = None

    def part(self) -> None:
        """The moment is now."""
        self.after = []

    def slows(self, value: float) -> bool:
        """Take the next value; whether the loss falls less than a third as fast as it did over as many values before.

        The first value since the moment is left out: it may hold some of what was before.
        """
        if self.after is None:
            self.before = [*self.before[1 - _KEPT :], value]
            return False
        self.after = [*self.after[1 - 4 * _KEPT :], value]
        after = self.after[1:]
        before = self.before[-max(len(after), self.needed) :]
        if min(len(after), len(before)) < self.needed:
            return False
        was, now = fall(before), fall(after)
        speed = len(after) / len(before)  # fewer before than after where the moment came early
        return was.size > max(_LEAST / 2, 3.0 * was.error) and abs(now.size) + now.error < _SLOWED * was.size * speed


class Brake(Remembers):
    """Notices when the gradient norm falls to a fifth, or the relative update to a tenth, from one step to the next.

    The loss must not fall with them, nor the learning rate. Parts of the model are frozen or detached then, or updates
    are scaled away; whether learning suffers is seen by comparing the loss before and after.

    Attributes:
        since: the observation at which it fell; None while nothing is wrong. `step` is its step.
        what: what fell, a phrase.
        rate: the learning rate at that moment, if known.
        blocks, validation: the training and the validation loss before and after it.
    """

    memory = (
        "since", "step", "what", "rate", "blocks", "validation", "_low", "_level", "_updates", "_low_updates", "_first",
        "_usual_rate",
    )  # fmt: skip

    def __init__(self) -> None:
        self.blocks = Sides(_BLOCKS_NEEDED)
        self.validation = Sides(_EVALUATIONS_NEEDED)
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self.blocks.restart()
        self.validation.restart()
        self.since: int | None = None
        self.step = 0
        self.what = ""
        self._low = 0
        self._level = 0.0  # log of the gradient norm before
        self._updates: list[float] = []
        self._low_updates = 0
        self._first: list[int] = [0, 0]  # observation and step of the first low value
        self.rate: float | None = None
        self._usual_rate: float | None = None  # before anything fell

    @property
    def is_on(self) -> bool:
        """Whether the gradient norm is low at present."""
        return self._low > 0

    def is_worth_a_look(self, curve: Curve) -> bool:
        """Whether `gradient` has anything to do with this gradient norm: the quick answer for the usual case."""
        return curve.rise < _GRADIENT or self._low > 0

    def note_rate(self, rate: float | None) -> None:
        """Take the learning rate of usual times, now and then."""
        self._usual_rate = rate

    def gradient(self, curve: Curve, loss: Curve | None, at: tuple[int, int], rate: float | None) -> None:
        """Take the gradient norm of an observation.

        Args:
            loss: statistics of the training loss, if the record holds it.
            at: observation and step.
            rate: the learning rate, if known.
        """
        if self.since is not None:
            self._release(curve)
            return
        low = curve.unit is None and curve.seen > 2 * _GRADIENTS and curve.rise < _GRADIENT
        if not low or (loss is not None and loss.rise < _LOSS_KEPT) or not self._keeps(rate):
            self._low = 0
            return
        if not self._low:
            self._level, self._first, self.rate = curve.level, list(at), rate
        self._low += 1
        if self._low >= _GRADIENTS:
            self._begin(f"{curve.name} fell at once to 1/{math.exp(min(self._level - curve.y, 700)):.3g} of its level")

    def update(self, name: str, ratio: float, at: tuple[int, int], rate: float | None) -> None:
        """Take the relative size of an update."""
        if len(self._updates) < _UPDATES_KEPT // 2:
            self._updates.append(ratio)
            return
        usual = median(self._updates)
        if ratio >= _UPDATE * usual or not self._keeps(rate):
            self._updates = [*self._updates[1 - _UPDATES_KEPT :], ratio]
            self._low_updates = 0
            return
        if not self._low_updates:
            self._first, self.rate = list(at), rate
        self._low_updates += 1
        if self._low_updates >= _UPDATES and self.since is None:
            self._begin(f"{name} fell at once to 1/{usual / max(ratio, 1e-300):.3g} of its level")

    def _keeps(self, rate: float | None) -> bool:
        """Whether the learning rate is what it was before the fall."""
        return rate is None or not self._usual_rate or rate > _RATE_KEPT * self._usual_rate

    def _begin(self, what: str) -> None:
        self.since, self.step = self._first
        self.what = what
        self.blocks.part()
        self.validation.part()

    def _release(self, curve: Curve) -> None:
        """All is well again when the gradient is back for some observations."""
        back = self._level and curve.y > self._level + 0.5 * _GRADIENT
        self._low = self._low - 1 if back else _GRADIENTS
        if self._low <= 0:
            self.restart()
