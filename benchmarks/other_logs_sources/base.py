"""What the sources share: the rows of a curve, the list of runs, and the data, all of which comes with the packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.other_logs_sources.labels import Finder

Row = dict[str, float]
Rows = list[Row]
Array = npt.NDArray[Any]


class Run(NamedTuple):
    """A training and what is wrong with it; nothing, where there are no events."""

    name: str
    train: Callable[[], Rows]
    about: str
    events: tuple[Finder, ...] = ()


class Split(NamedTuple):
    """Inputs and targets to train on and to validate with."""

    x: Array
    y: Array
    val_x: Array
    val_y: Array

    def few(self, count: int) -> Split:
        """The same with a training set of the first few examples only."""
        return self._replace(x=self.x[:count], y=self.y[:count])

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, y, val_x, val_y = (torch.from_numpy(part) for part in self)
        return x, y, val_x, val_y


@cache
def table(name: str, scaled: bool = True) -> Split:
    """A data set of scikit-learn's, shuffled, with a quarter held out."""
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    x, y = loaded.data.astype(np.float32), loaded.target
    y = y.astype(np.float32) if name == "diabetes" else y.astype(np.int64)
    if scaled:
        x = x / 16 if name == "digits" else (x - x.mean(0)) / x.std(0)
        y = (y - y.mean()) / y.std() if name == "diabetes" else y
    order = np.random.default_rng(0).permutation(len(x))
    x, y, held = x[order], y[order], len(x) // 4
    return Split(x[held:], y[held:], x[:held], y[:held])


@cache
def text() -> tuple[Tensor, Tensor, int]:
    """Python's own help pages as character ids: to train on, to validate with, and the size of the alphabet."""
    from pydoc_data.topics import topics

    pages = "\n".join(topics[name] for name in sorted(topics))
    letters = {letter: index for index, letter in enumerate(sorted(set(pages)))}
    ids = torch.tensor([letters[letter] for letter in pages])
    held = len(ids) // 20
    return ids[:-held], ids[-held:], len(letters)


def windows(ids: Tensor, size: int, length: int, generator: torch.Generator) -> Tensor:
    """Random pieces of a text, one a row."""
    starts = torch.randint(len(ids) - length, (size, 1), generator=generator)
    return ids[starts + torch.arange(length)]


def batches(count: int, size: int, seed: int) -> Iterator[Array]:
    """Indices of mini-batches, epoch after epoch without end."""
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]
