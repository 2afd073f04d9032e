"""Which of several losses is the one that training lowers: chosen by what the values say, then by the names.

A trainer logs a total and its parts, means over an epoch, counts; the names alone do not tell them apart, and still
less does their order. Evidence, strongest first: a column that is no loss at all (a count, a constant); the sum of the
others; a name with no word but "loss", "total" or "train" in it; how often it is logged; whether it falls; its size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

Sample = Mapping[str, float]
"""Values that were logged together, by column."""

WHOLE = frozenset({"total", "all", "overall", "sum", "full", "final", "combined"})
_PLAIN = frozenset({
    "loss", "losses", "train", "training", "tr", "trn", "step", "iter", "iteration", "batch", "running", "current",
    "val", "valid", "validation", "eval", "evaluation", "test", "dev", "heldout", "holdout", "set", "avg", "mean",
    "average", "epoch", "smooth", "smoothed", "ema", "value", "scalar", "metrics", "metric", "model", "cost",
    "objective", "log", "lm",
})  # fmt: skip
_BLURRED = frozenset({"epoch", "avg", "mean", "average", "smooth", "smoothed", "ema", "running"})
_PRECISION = 2e-3  # logs print three or four digits
_ENOUGH = 0.8  # of the samples
_FEW = 3  # values say nothing yet
_RARE = 0.75  # of the rows of the fullest column
_MOST_ADDENDS = 40


class Choice(NamedTuple):
    """The loss that was chosen, the reason, a phrase for people, and those that are none by their values."""

    name: str
    why: str
    misfits: frozenset[str] = frozenset()


def choose(
    rivals: Sequence[str],
    words: Mapping[str, Sequence[str]],
    samples: Sequence[Sample] = (),
    parts: Sequence[str] = (),
) -> Choice:
    """The one of these losses that training lowers.

    Args:
        rivals: two names or more, in the order of the log.
        words: the words of each rival's name, in lower case.
        samples: values from all over the log, of any columns; none where only names are known.
        parts: further columns that may be addends of the whole, such as a KL divergence.
    """
    held = {name: [sample[name] for sample in samples if name in sample] for name in rivals}
    fullest = max(map(len, held.values()), default=0)
    others = (*rivals, *parts)
    sums = {name for name in rivals if _is_sum(name, others, samples)} if len(others) <= _MOST_ADDENDS else set[str]()
    ranks = {
        name: (
            not _is_loss(held[name]),
            name not in sums,
            _foreign(words[name]),
            len(held[name]) < _RARE * fullest,
            _distance(words[name]),
            not WHOLE.isdisjoint(words[name]) and -1,
            len(_BLURRED.intersection(words[name])),
            -round(_fall(held[name]), 1),
            -_size(held[name]),
            len(words[name]),
        )
        for name in rivals
    }
    chosen = min(rivals, key=ranks.__getitem__)
    misfits = frozenset(name for name in rivals if _counts(held[name]))
    return Choice(chosen, "it is the sum of others" if chosen in sums else _reason(ranks), misfits - {chosen})


def _reason(ranks: Mapping[str, tuple[float, ...]]) -> str:
    best, second = sorted(ranks.values())[:2]
    differs = next((at for at, pair in enumerate(zip(best, second, strict=True)) if pair[0] != pair[1]), 9)
    return (
        "the others are no losses by their values",
        "the sum of others",
        "the plainest name for the whole",
        "logged most often",
        "its name says that it is a loss",
        "its name says that it is the whole",
        "others are means over more",
        "it falls most",
        "it is the largest",
        "the shortest name",
    )[min(differs, 9)]


def _foreign(words: Iterable[str]) -> int:
    """How many words of a name say which loss: `box` in `train/box_loss`."""
    return sum(word not in _PLAIN and word not in WHOLE and not word.isdigit() for word in words)


def _distance(words: Iterable[str]) -> int:
    """How far a name is from that of a loss: a perplexity is one's exponential."""
    told = set(words)
    return 0 if "loss" in told else 2 if told & {"ppl", "perplexity"} else 1


def _is_loss(values: Sequence[float]) -> bool:
    """Whether values can be those of a loss: they change, and are no counter's."""
    return not _counts(values) and (len(values) < _FEW or any(value != values[0] for value in values))


def _counts(values: Sequence[float]) -> bool:
    """Whether values are those of a counter: whole numbers that never fall and are not all the same."""
    if len(values) < _FEW or values[0] == values[-1]:
        return False
    return all(map(float.is_integer, map(float, values))) and all(a <= b for a, b in pairwise(values))


def _is_sum(name: str, others: Sequence[str], samples: Sequence[Sample]) -> bool:
    """Whether a column is the sum of the others that stand beside it, or of all of them but one."""
    if len(others) < 3:
        return False
    beside = [
        (sample[name], [(other, sample[other]) for other in others if other != name and other in sample])
        for sample in samples
        if sample.get(name)
    ]
    beside = [(value, addends) for value, addends in beside if len(addends) >= 2]
    left_out = (None, *(other for other in others if other != name))
    return bool(beside) and any(_add_up(beside, without) for without in left_out)


def _add_up(beside: Sequence[tuple[float, list[tuple[str, float]]]], without: str | None) -> bool:
    true = 0
    for value, addends in beside:
        counted = [number for rival, number in addends if rival != without]
        parts = sum(number != 0 for number in counted)
        true += parts >= 2 and abs(sum(counted) - value) <= _PRECISION * abs(value)
    return true >= max(_ENOUGH * len(beside), 1)


def _fall(values: Sequence[float]) -> float:
    """How far the last third lies below the first, in natural logarithms, 0 to 1; 0 where that cannot be told."""
    finite = [value for value in values if math.isfinite(value)]
    third = len(finite) // 3
    if not third:
        return 0.0
    begin, end = sum(finite[:third]) / third, sum(finite[-third:]) / third
    if not (0.0 < begin < math.inf and 0.0 < end < math.inf):
        return 0.0
    return max(0.0, min(1.0, math.log(begin) - math.log(end)))


def _size(values: Sequence[float]) -> float:
    finite = [abs(value) for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else 0.0
