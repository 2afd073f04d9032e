"""Training batches that depend only on the seed, the epoch and their number in it, so that a resumed run sees the same.

No state is carried from batch to batch: the order of an epoch comes from (seed, epoch), the augmentation of a window
from (seed, epoch, window).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from aurl.data.batch import Batch, collate
from aurl.data.windows import Window, Windows
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

    An epoch visits every window once (see `Windows.jittered`). With several processes each gets every `world`-th
    window; where they do not divide evenly some windows come twice, so that all processes make as many batches.

    Args:
        windows: the windows of the training split.
        seed: of the order, the cuts and the augmentation; any whole number.
        batch_size: sequences a batch and process; the last batch of an epoch may have fewer.
        width: pad every batch to this many tokens instead of to its longest sequence.
        workers: processes that make the batches; 0 makes them where they are asked for, without threads.
        rank: number of this process, 0..world - 1.
        world: number of processes.
    """

    def __init__(
        self,
        windows: Windows,
        *,
        seed: int,
        batch_size: int,
        width: int | None = None,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._windows = windows
        self._seed = seed
        self._batch_size = batch_size
        self._rank, self._world = rank, world
        self._keys = _BatchKeys()
        self._loader: DataLoader[Window] = DataLoader(
            _KeyedWindows(windows, seed),
            batch_sampler=self._keys,
            collate_fn=partial(collate, pad=windows.tokenizer.pad, width=width),
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            worker_init_fn=_leave_process_group if workers else None,
            # Forking a process that has a sink thread can deadlock in the child; a spawned one starts clean.
            multiprocessing_context="spawn" if workers else None,
            # Each iterator draws a seed; from here, not from the global generator that dropout uses.
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        """Batches an epoch."""
        return math.ceil(self._share() / self._batch_size)

    def epoch(self, epoch: int, start_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (0 or more) from `start_batch` (from 0) on. With workers, one iterator at a time.

        Raises:
            DataError: the epoch has fewer batches than `start_batch`.
        """
        if not 0 <= start_batch <= len(self):
            raise DataError(
                f"batch {start_batch} of epoch {epoch}: there are {len(self)} batches an epoch. "
                "To resume, use the data and the batch size that the run began with"
            )
        return self._batches(epoch, start_batch)

    def _batches(self, epoch: int, start_batch: int) -> Iterator[Batch]:
        keys = self._plan(epoch)
        size = self._batch_size
        self._keys.batches = [keys[at : at + size] for at in range(start_batch * size, len(keys), size)]
        yield from self._loader

    def _share(self) -> int:
        return math.ceil(len(self._windows) / self._world)

    def _plan(self, epoch: int) -> list[WindowKey]:
        """The windows of this process in their order."""
        rng = generator(self._seed, epoch, ORDER)
        piece, start = self._windows.jittered(rng)
        order: NDArray[np.int64] = np.resize(rng.permutation(len(piece)), self._share() * self._world)
        mine = order[self._rank :: self._world]
        columns = (mine.tolist(), piece[mine].tolist(), start[mine].tolist())
        return [WindowKey(epoch, *row) for row in zip(*columns, strict=True)]


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
        self.batches: list[list[WindowKey]] = []

    def __iter__(self) -> Iterator[list[WindowKey]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def _leave_process_group(_worker: int) -> None:
    """Ctrl-C or SIGTERM to the whole group is for the training process to answer; a worker ends when that one does."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()
