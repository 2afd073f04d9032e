"""The parts of a loss: which of them left the best level that it had reached, while the whole may still fall."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aurl.anomaly.statistics.blocks import median
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.memory import Remembers
from aurl.anomaly.statistics.roles import words

_RISE = math.log(3.0)  # above the best; parts trade with each other, so they may rise further than the whole
_SPREADS = 4.0
_ABOVE_START = math.log(1.1)
_FIRST = 6  # blocks; a part that begins at nothing first finds its level, the highest of these
_GROWING = frozenset({
    "reg", "regularization", "regularizer", "l1", "l2", "norm", "weight", "decay", "penalty", "commit", "commitment",
    "entropy", "adv", "gan", "balance", "router", "aux", "auxiliary", "z", "diversity", "sparsity", "distill",
})  # fmt: skip  # words of parts that grow in healthy runs


class RisenPart(NamedTuple):
    """A part that is far above its best, with its levels in logarithms, and for how many blocks it has been."""

    curve: Curve
    now: float
    best: float
    blocks: int


class LossParts(Remembers):
    """Block by block, the level of each part against the second best of its earlier ones and against its start.

    O(1) memory for each part.
    """

    memory = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[str, list[float]] = {}  # start, two lowest, blocks in a row far above, all blocks

    def block(self, curves: Iterable[Curve], size: int, scale: float) -> Iterator[RisenPart]:
        """Take the last `size` values of each part; those that are three times their best, and above their start.

        Args:
            scale: of all that must be exceeded, 1 for what is said above.
        """
        for curve in curves:
            if curve.unit is not None or len(curve.trail) < size or not _GROWING.isdisjoint(words(curve.name)):
                continue
            now = median(curve.trail[-size:])
            start, lowest, second, high, seen = self._levels.get(curve.name, (now, now, now, 0, 0))
            rise = now - second
            if seen < _FIRST:
                start = max(start, now)
            elif rise > scale * max(_RISE, _SPREADS * curve.spread) and now > start + scale * _ABOVE_START:
                high += 1
            else:
                high = 0
            ordered = sorted((lowest, second, now))
            self._levels[curve.name] = [start, *ordered[:2], high, seen + 1]
            if high:
                yield RisenPart(curve, now, second, int(high))
