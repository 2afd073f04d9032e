"""How the windows of an epoch become batches: as many rows in each, or as many tokens. Pure functions of their input.

A plan of a million windows takes some tenths of a second, so it is made anew for each epoch and never stored.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.errors import ConfigError

Ints: TypeAlias = NDArray[np.int64]
Lengths: TypeAlias = Callable[[], Ints]
VERSION = 1
"""Of the plans: another one deals the same windows otherwise. Checkpoints hold it, so that a resumed run tells."""


class BatchPlan(NamedTuple):
    """The batches of one process in one epoch.

    Attributes:
        order: the numbers of the windows, batch after batch, int64 [W].
        ends: where each batch ends in `order`, int64 [M], ascending.
    """

    order: Ints
    ends: Ints

    def __len__(self) -> int:
        """Batches."""
        return len(self.ends)

    def batch(self, number: int) -> Ints:
        """The windows of a batch, numbered from 0."""
        return self.order[self.ends[number - 1] if number else 0 : self.ends[number]]


class BatchSize(NamedTuple):
    """The setting of `data` that says how large a batch is."""

    name: str
    value: int


class Batching(ABC):
    """Deals the windows of an epoch to batches. The plan depends on its arguments alone.

    Attributes:
        size: how large a batch is.
        multiple: tokens that the width of every batch is a multiple of.
    """

    size: BatchSize
    multiple: int

    def __str__(self) -> str:
        """The settings that decide which windows make a batch; equal ones of one `VERSION` make equal plans."""
        return f"{self.size.name}={self.size.value}, width_multiple={self.multiple}"

    @abstractmethod
    def plan(self, windows: int, lengths: Lengths, rng: np.random.Generator, rank: int, world: int) -> BatchPlan:
        """The batches of process `rank` of `world`; all processes have as many.

        Args:
            windows: how many there are, at least 1.
            lengths: gives the most tokens that each window may have, int64 [windows].
        """

    def width(self, longest: int, most: int) -> int:
        """Tokens that a batch is padded to, for its longest sequence; `most` at most."""
        return min(most, -(-longest // self.multiple) * self.multiple)


class FixedRows(Batching):
    """As many sequences in each batch but the last, in random order; padding takes a fifth to a third of them.

    With several processes each gets every `world`-th window; where they do not divide evenly some come twice.

    Args:
        rows: sequences a batch and process, at least 1.
        multiple: as for `Batching`.
    """

    def __init__(self, rows: int, multiple: int = 1) -> None:
        self.rows, self.multiple = rows, multiple
        self.size = BatchSize("batch_size", rows)

    def plan(self, windows: int, lengths: Lengths, rng: np.random.Generator, rank: int, world: int) -> BatchPlan:
        share = math.ceil(windows / world)
        order: Ints = np.resize(rng.permutation(windows), share * world)[rank::world]
        return BatchPlan(order, np.minimum(np.arange(self.rows, share + self.rows, self.rows), share))


class TokenBudget(Batching):
    """As many tokens in each batch, padding counted, of sequences that are about as long as each other.

    Windows are shuffled, sorted by length within `sort_window` of them, up and down in turn, cut wherever the next one
    would exceed the budget, and the batches are shuffled. So each window comes once, and padding is some percent.
    With several processes the batches are dealt in turn; where they do not divide evenly some come twice.

    Args:
        tokens: rows times width of a batch at most; the longest window has to fit.
        sort_window: windows sorted at a time, at least 1; the larger, the less padding and the less chance.
        multiple: as for `Batching`.
        most: tokens that a sequence has at most, whatever `multiple` is.

    Raises:
        ConfigError: a number out of range.
    """

    def __init__(self, tokens: int, sort_window: int = 1024, multiple: int = 1, most: int = 2**31) -> None:
        if sort_window < 1:
            raise ConfigError(f"data.sort_window={sort_window}: needs a whole number, at least 1")
        if tokens < 1:
            raise ConfigError(f"data.tokens_per_batch={tokens}: needs a whole number, at least 1")
        self.tokens, self.sort_window, self.multiple, self._most = tokens, sort_window, multiple, most
        self.size = BatchSize("tokens_per_batch", tokens)

    def __str__(self) -> str:
        return f"{super().__str__()}, sort_window={self.sort_window}"

    def plan(self, windows: int, lengths: Lengths, rng: np.random.Generator, rank: int, world: int) -> BatchPlan:
        order = rng.permutation(windows)
        widths = np.minimum(-(-lengths()[order] // self.multiple) * self.multiple, self._most)
        chunk = np.arange(windows) // self.sort_window
        by_length = np.lexsort((np.where(chunk % 2, -widths, widths), chunk))
        ends = np.array(cut(widths[by_length].tolist(), self.tokens), np.int64)
        chosen = np.resize(rng.permutation(len(ends)), math.ceil(len(ends) / world) * world)[rank::world]
        return _chosen(BatchPlan(order[by_length], ends), chosen)


def cut(widths: list[int], budget: int) -> list[int]:
    """Where to cut a row of widths so that the length of each part times its widest is within the budget.

    A width above the budget is a part of its own.
    """
    ends: list[int] = []
    start, widest = 0, 0
    for place, width in enumerate(widths):
        widest = max(widest, width)
        if (place - start + 1) * widest > budget and place > start:
            ends.append(place)
            start, widest = place, width
    return [*ends, len(widths)]


def _chosen(plan: BatchPlan, batches: Ints) -> BatchPlan:
    """Some of the batches of a plan, in this order."""
    starts = np.concatenate([[0], plan.ends[:-1]])
    sizes = (plan.ends - starts)[batches]
    ends = np.cumsum(sizes)
    within = np.arange(int(ends[-1])) - np.repeat(ends - sizes, sizes)
    return BatchPlan(plan.order[np.repeat(starts[batches], sizes) + within], ends)
