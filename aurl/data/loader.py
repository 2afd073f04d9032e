"""Training batches that depend only on the seed, the epoch and their number in it, so that a resumed run sees the same.

No state is carried from batch to batch: the order of an epoch comes from (seed, epoch), the augmentation of a window
from (seed, epoch, window).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from aurl.data.batch import Batch, collate
from aurl.data.batching import Batching, BatchPlan
from aurl.data.windows import Ints, Window, Windows
from aurl.errors import DataError

ORDER = 2**32 - 1  # the number that stands for a whole epoch where others stand for its windows


class WindowKey(NamedTuple):
    """What a worker needs to make one window: `number` is the window's place in the epoch before shuffling."""

    epoch: int
    number: int
    piece: int
    start: int


class TrainLoader:
    """The batches of each epoch, in the order of the epoch, from any batch on.

    An epoch visits every window once (see `Windows.jittered`). How many batches that makes may differ from epoch to
    epoch, and is told by `batches`.

    Args:
        windows: the windows of the training split.
        seed: of the order, the cuts and the augmentation; any whole number.
        batching: deals the windows of an epoch to batches.
        workers: processes that make the batches; 0 makes them where they are asked for, without threads.
        rank: number of this process, 0..world - 1.
        world: number of processes.
    """

    def __init__(
        self,
        windows: Windows,
        *,
        seed: int,
        batching: Batching,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._windows = windows
        self._seed = seed
        self._batching = batching
        self._rank, self._world = rank, world
        self._keys = _BatchKeys()
        self._counts: dict[int, int] = {}
        self._loader: DataLoader[Window] = DataLoader(
            _KeyedWindows(windows, seed),
            batch_sampler=self._keys,
            collate_fn=partial(collate, pad=windows.tokenizer.pad, width=partial(batching.width, most=windows.seq_len)),
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            worker_init_fn=_leave_process_group if workers else None,
            # Forking a process that has a sink thread can deadlock in the child; a spawned one starts clean.
            multiprocessing_context="spawn" if workers else None,
            # Each iterator draws a seed; from here, not from the global generator that dropout uses.
            generator=torch.Generator(),
        )

    def batches(self, epoch: int) -> int:
        """How many batches an epoch (0 or more) has; planned when first asked for, then remembered."""
        if epoch not in self._counts:
            self._plan(epoch)
        return self._counts[epoch]

    def epoch(self, epoch: int, start_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (0 or more) from `start_batch` (from 0) on. With workers, one iterator at a time.

        Raises:
            DataError: the epoch has fewer batches than `start_batch`.
        """
        planned = self._plan(epoch)
        if not 0 <= start_batch <= len(planned.plan):
            raise DataError(
                f"batch {start_batch} of epoch {epoch}: there are {len(planned.plan)} batches in it. "
                "To resume, use the data and the size of a batch that the run began with"
            )
        return self._made(planned, start_batch)

    def _made(self, planned: _Epoch, start_batch: int) -> Iterator[Batch]:
        self._keys.batches = planned.keys(start_batch)
        yield from self._loader

    def _plan(self, epoch: int) -> _Epoch:
        """The windows of this process in their order."""
        rng = generator(self._seed, epoch, ORDER)
        piece, start = self._windows.jittered(rng)
        lengths = partial(self._windows.lengths, piece, start)
        plan = self._batching.plan(len(piece), lengths, rng, self._rank, self._world)
        self._counts[epoch] = len(plan)
        return _Epoch(epoch, piece, start, plan)


class _Epoch(NamedTuple):
    """The windows of an epoch, int64 [W] each, and the batches of this process."""

    epoch: int
    piece: Ints
    start: Ints
    plan: BatchPlan

    def keys(self, start_batch: int) -> Iterator[list[WindowKey]]:
        """The keys of each batch; made as they are needed, for a large corpus has millions of them."""
        for number in range(start_batch, len(self.plan)):
            windows = self.plan.batch(number)
            columns = (windows.tolist(), self.piece[windows].tolist(), self.start[windows].tolist())
            yield [WindowKey(self.epoch, *row) for row in zip(*columns, strict=True)]


def generator(seed: int, epoch: int, number: int) -> np.random.Generator:
    """Random numbers of their own for each (seed, epoch, number); seed modulo 2**64, the others below 2**32.

    The three are the key of Philox, whose streams are independent by design (Salmon et al. 2011, "Parallel random
    numbers: as easy as 1, 2, 3").
    """
    return np.random.Generator(np.random.Philox(key=(seed % 2**64) | (epoch << 96) | (number << 64)))


class _KeyedWindows(Dataset[Window]):
    """Makes windows by their keys, in whichever process."""

    def __init__(self, windows: Windows, seed: int) -> None:
        self._windows = windows
        self._seed = seed

    def __getitem__(self, key: WindowKey) -> Window:
        rng = generator(self._seed, key.epoch, key.number)
        return self._windows.augmented(key.piece, key.start, rng, key.epoch)


class _BatchKeys:
    """Hands the data loader the keys of the batches that are wanted now."""

    def __init__(self) -> None:
        self.batches: Iterator[list[WindowKey]] = iter(())

    def __iter__(self) -> Iterator[list[WindowKey]]:
        return self.batches


def _leave_process_group(_worker: int) -> None:
    """Ctrl-C or SIGTERM to the whole group is for the training process to answer; a worker ends when that one does."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()
