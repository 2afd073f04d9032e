"""Steps of a log as they were written: do they count, do they go back, and is that a restart or a new epoch?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeVar

_Default = TypeVar("_Default", int, None)
_SAME_LENGTH = 0.02  # counters of whole epochs end within this share of each other
_LARGEST = 2.0**53  # above, a float tells neighbours no longer apart
_EXEMPT = 10  # steps in which an epoch number and a step number look alike
_MUCH_SHORTER = 4  # times fewer rows: a run that was only begun


@dataclass(frozen=True, slots=True)
class Restart:
    """A place where the steps of a log go back.

    Attributes:
        row: number of the first row after it.
        before: the step reached before.
        to: the step it goes on from; what was logged before for this step and later ones is superseded.
        column: one that was logged again.
        epoch_rose: whether the epoch number rose at this place (None where there is none).
    """

    row: int
    before: int
    to: int
    column: str = ""
    epoch_rose: bool | None = None


class AxisTrace:
    """Follows one way of counting (a step column, an epoch column, the steps of tfevents) through a log.

    Columns are followed apart, because logs are written from several places: a validation row that comes late is no
    restart, a column that comes to a step for the second time is.

    Args:
        mixed: columns may count different things, as in tfevents, where each value brings its own step.
    """

    def __init__(self, *, mixed: bool = False) -> None:
        self.rows = 0  # with a usable number
        self.unusable = 0  # NaN or a fraction
        self.repeats = 0  # rows that bring a column again at a step it already had
        self._restarts: list[Restart] = []
        self._last: dict[str, int] = {}
        self._top = -math.inf
        self._low = math.inf
        self._latest: tuple[int, object] = (0, None)
        self._final = 0  # number of the last row
        self._varies = False
        self._epoch: float | None = None
        self._strangers = _Strangers() if mixed else None

    def see(self, row: int, step: float, columns: tuple[str, ...], epoch: float | None = None) -> None:
        """Take one row that has this step."""
        if (at := whole(step, None)) is None:
            self.unusable += 1
            return
        self.rows += 1
        self._final = row
        if (at, columns) == self._latest:
            self.repeats += 1
            return
        self._latest = (at, columns)
        if at <= self._top:
            self._look_back(row, at, columns, epoch)
        else:
            self._top = at
        self._varies = self._varies or self._low not in (at, math.inf)
        self._low = min(self._low, at)
        if self._strangers is not None:
            self._strangers.compare(at, columns, self._last)
        self._last.update(dict.fromkeys(columns, at))
        self._epoch = epoch if epoch is not None else self._epoch

    @property
    def strangers(self) -> frozenset[str]:
        """Columns that count something else than the one logged most often, such as epochs beside steps."""
        return self._strangers.names if self._strangers is not None else frozenset()

    @property
    def leader(self) -> str:
        """The column logged most often, where columns may count different things."""
        return self._strangers.leader if self._strangers is not None else ""

    @property
    def last(self) -> int:
        """The step that the log ends with."""
        return self._last[self.leader] if self.leader else max(self._last.values(), default=0)

    @property
    def restarts(self) -> list[Restart]:
        """The places where the steps go back, in order."""
        strangers = self.strangers
        return [restart for restart in self._restarts if restart.column not in strangers]

    @property
    def is_usable(self) -> bool:
        """Whether these numbers count at all: whole, not the same ones for most rows, not up and down."""
        if self.rows < 100 * self.unusable or 2 * self.repeats >= self.rows:
            return False
        if self.rows > 1 and not self._varies:
            return False
        return self.begins_anew_each_epoch or len(self.restarts) <= 3 + 0.05 * self.rows

    @property
    def next_run(self) -> Restart | None:
        """Where the run that is to be judged is over and another one follows, of several that a file has.

        Each begins at the lowest step. The last one is meant, but where it was only begun: then the longest.
        """
        begins = [restart for restart in self.restarts if restart.to == self._low]
        places = [0, *(restart.row for restart in begins), self._final + 1]
        lengths = [end - start for start, end in pairwise(places)]
        if _MUCH_SHORTER * lengths[-1] >= max(lengths):
            return None
        return begins[max(range(len(begins)), key=lambda at: (lengths[at], at))]

    @property
    def is_unique(self) -> bool:
        """Whether hardly any column comes twice at one number: an epoch column of a log with a row for each epoch."""
        return self.is_usable and self.repeats <= 0.05 * self.rows

    @property
    def begins_anew_each_epoch(self) -> bool:
        """Whether the number counts the batches of an epoch: it falls back whenever the epoch rises.

        Without epochs in the log: it falls back to its first number, at least three times, after equal lengths.
        """
        restarts = self.restarts
        known = [restart.epoch_rose for restart in restarts if restart.epoch_rose is not None]
        if known:
            return sum(known) > 0.8 * len(restarts)
        tops = [restart.before for restart in restarts]
        return (
            len(tops) >= 3
            and all(restart.to == self._low for restart in restarts)
            and max(tops) - min(tops) <= _SAME_LENGTH * max(tops)
        )

    def _look_back(self, row: int, step: int, columns: Iterable[str], epoch: float | None) -> None:
        last, column = max(((self._last[name], name) for name in columns if name in self._last), default=(None, ""))
        if last is None or step > last:
            return
        if step == last:
            self.repeats += 1
            return
        rose = epoch > self._epoch if epoch is not None and self._epoch is not None else None
        self._restarts.append(Restart(row, last, step, column, rose))
        for name, reached in self._last.items():
            self._last[name] = min(reached, step - 1)  # their return to this step is part of the same restart
        self._top = step


class _Strangers:
    """Finds the columns whose steps are far from those of the column logged most often."""

    def __init__(self) -> None:
        self.leader = ""
        self._counts: Counter[str] = Counter()
        self._off: Counter[str] = Counter()
        self._compared: Counter[str] = Counter()

    def compare(self, step: int, columns: Iterable[str], last: Mapping[str, int]) -> None:
        for name in columns:
            self._counts[name] += 1
            if self._counts[name] > self._counts[self.leader]:
                self.leader = name
            elif name != self.leader and (lead := last.get(self.leader, 0)) > _EXEMPT:
                self._compared[name] += 1
                self._off[name] += step * 2 < lead or step > 2 * lead

    @property
    def names(self) -> frozenset[str]:
        off = {name for name, count in self._off.items() if count > 0.8 * self._compared[name]}
        return frozenset(off - {self.leader})


def whole(step: float | None, otherwise: _Default) -> int | _Default:
    """The step as a whole number; `otherwise` where it is none, or too large to be told from its neighbours."""
    if step is None or not abs(step) < _LARGEST or step != int(step):
        return otherwise
    return int(step)


def limits(restarts: Sequence[Restart]) -> list[int]:
    """For each restart the lowest step that it or a later one goes back to: what was logged before it for that step
    and later ones is superseded."""
    lowest = list(accumulate((restart.to for restart in reversed(restarts)), min))
    return lowest[::-1]
