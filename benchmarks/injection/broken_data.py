"""Faults in what a model is fed, and in how long that takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from aurl.music.tokenizer import RemiTokenizer
from aurl.music.vocabulary import Family
from benchmarks.injection.digits import CLASSES
from benchmarks.injection.fault import Fault

Batch = Sequence[Tensor]


class BadBatches(Fault):
    """Batches that do not belong to the data: targets drawn at random, or tokens that are noise.

    Args:
        count: how many; None for all from the onset on.
    """

    def __init__(self, onset: int, count: int | None = 1) -> None:
        super().__init__(onset)
        self._count = count

    def load(self, step: int, batch: Batch) -> Batch:
        if not self.is_due(step) or (self._count is not None and step >= self.onset + self._count):
            return batch
        if len(batch) == 1:
            return [_noise(batch[0], self.random)]
        x, y = batch
        return [x, torch.randint(CLASSES, y.shape, generator=self.random)]


class NanInput(Fault):
    """One number of one batch is NaN."""

    def load(self, step: int, batch: Batch) -> Batch:
        if step != self.onset:
            return batch
        x = batch[0].clone()
        x[0, 0] = float("nan")
        return [x, *batch[1:]]


class Unshuffled(Fault):
    """The loader forgets to shuffle: twelve batches of one class, then twelve of the next."""

    def __init__(self, onset: int) -> None:
        super().__init__(onset)
        self._seen: deque[Batch] = deque(maxlen=25)

    def load(self, step: int, batch: Batch) -> Batch:
        if not self.is_due(step):
            self._seen.append(batch)
            return batch
        x, y = (torch.cat(column) for column in zip(*self._seen, strict=True))
        at = (y == (step - self.onset) // 12 % CLASSES).nonzero()[:, 0]
        chosen = at[torch.randint(len(at), (len(batch[0]),), generator=self.random)]
        return [x[chosen], y[chosen]]


class Scrambled(Fault):
    """An augmentation transposes every note by itself: each pitch is drawn at random."""

    def load(self, step: int, batch: Batch) -> Batch:
        if not self.is_due(step):
            return batch
        [tokens] = batch
        first, last = _pitches()
        drawn = torch.randint(first, last, tokens.shape, generator=self.random)
        return [torch.where(tokens >= first, drawn, tokens)]


class CorruptShard(Scrambled):
    """Two shards take turns, twelve batches each, and one of them is scrambled."""

    def is_due(self, step: int) -> bool:
        return super().is_due(step) and (step - self.onset) // 12 % 2 == 0


class Stuck(Fault):
    """The loader gives the same sequence again and again."""

    _kept: Tensor | None = None

    def load(self, step: int, batch: Batch) -> Batch:
        if not self.is_due(step):
            return batch
        if self._kept is None:
            self._kept = batch[0][:1]
        return [self._kept.expand(len(batch[0]), -1)]


class SlowLoader(Fault):
    """Every batch takes `factor` steps' time to load.

    Args:
        count: batches that do; None for all from the onset on.
    """

    def __init__(self, onset: int, factor: float, count: int | None = None) -> None:
        super().__init__(onset)
        self._factor, self._count = factor, count

    def load(self, step: int, batch: Batch) -> Batch:
        if self.is_due(step) and (self._count is None or step < self.onset + self._count):
            self.clock.sleep(self._factor * self.usual_step())
        return batch


def _noise(tokens: Tensor, random: torch.Generator) -> Tensor:
    """Tokens of notes drawn at random where there were tokens."""
    vocabulary = RemiTokenizer().vocabulary
    drawn = torch.randint(vocabulary.first[Family.METRE], vocabulary.size, tokens.shape, generator=random)
    return torch.where(tokens == int(Family.PAD), tokens, drawn)


def _pitches() -> tuple[int, int]:
    vocabulary = RemiTokenizer().vocabulary
    return vocabulary.first[Family.PITCH], vocabulary.size
